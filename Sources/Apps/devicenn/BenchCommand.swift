import ArgumentParser

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures what several tasks on one network cost, how well they are learnt, and how fast speech is heard.",
    discussion: "Kernels and networks themselves: devicenn profile.",
    subcommands: [MultitaskBenchCommand.self, MultiMNISTCommand.self, SpeechBenchCommand.self])
}
