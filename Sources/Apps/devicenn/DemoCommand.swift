import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Shows what fine-tuning brings: draws 120 flowers of six species and learns to tell them apart, twice.",
    discussion: """
      Once from the built-in backbone, which was pretrained on CIFAR-10's photos of things that are no flowers, and once \
      from random weights, for as long. Needs neither a network nor other files.
      """)

  @Option(help: ArgumentHelp("A folder for the drawings and both runs; an earlier demo in it is replaced.", valueName: "dir"))
  var out = "demo"
  @Option(help: "Passes over the drawings.") var epochs = 30
  @Option(help: "Decides what is drawn and how training goes.") var seed: UInt64 = 0
  @OptionGroup var device: DeviceOption

  func run() throws {
    try removeEarlierDemo(out, made: ["flowers", "fine-tuned", "from-scratch"])
    let (photos, tuned, scratch) = (out + "/flowers", out + "/fine-tuned", out + "/from-scratch")
    let species = try drawFlowers(to: photos, size: 96, seed: seed)
    try say("Drew \(species.count) species of flowers into \(photos): \(species.joined(separator: ", ")).")
    try finetune(photos, tuned, [])
    try finetune(photos, scratch, ["--from-scratch"])
    try say(
      """

        fine-tuned from the built-in backbone  \(percent(try accuracy(of: tuned)))
        trained from scratch for as long       \(percent(try accuracy(of: scratch)))

      The report: \(URL(fileURLWithPath: RunFolder(tuned).reportPath).path)
      """)
  }

  private func finetune(_ photos: String, _ run: String, _ more: [String]) throws {
    let arguments = [
      "--data", photos, "--image-size", "96", "--epochs", "\(epochs)", "--batch-size", "16", "--learning-rate", "0.004",
      "--recipe", "full",
      "--seed", "\(seed)", "--out", run,
    ] + (device.name.map { ["--device", $0] } ?? []) + more
    try runShown(FinetuneCommand.self, "finetune", arguments)
  }

  private func accuracy(of run: String) throws -> Double {
    try MetricsLog.read(RunFolder(run).metricsPath).last?.validationAccuracy ?? .nan
  }
}

/// Removes only what a demo makes: a folder with anything else in it is somebody's.
func removeEarlierDemo(_ folder: String, made: [String]) throws {
  let found = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  if let other = found.first(where: { !made.contains($0) }) {
    complain("Error: \(folder) holds '\(other)', which no demo made: name another folder with --out")
    throw ExitCode.failure
  }
  for name in found { try FileManager.default.removeItem(atPath: folder + "/" + name) }
}
