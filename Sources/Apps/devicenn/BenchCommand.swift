import ArgumentParser

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures what several tasks on one network cost, and how well they are learnt.",
    discussion: "Kernels and networks themselves: devicenn profile.",
    subcommands: [MultitaskBenchCommand.self, MultiMNISTCommand.self])
}
