import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct MultitaskDemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Draws portraits, of which a third of the labels are missing, and trains one network for four questions, and one each.",
    discussion: "Needs neither a network nor other files.")

  @Option(help: ArgumentHelp("A folder for the drawings and the run; an earlier demo in it is replaced.", valueName: "dir"))
  var out = "demo-multitask"
  @Option(help: "Passes over the drawings.") var epochs = 14
  @Option(help: "Decides what is drawn and how training goes.") var seed: UInt64 = 0
  @OptionGroup var device: DeviceOption

  func run() throws {
    try removeEarlierDemo(out, made: ["portraits", "run"])
    let list = try drawPortraits(to: out + "/portraits", seed: seed)
    try say("Drew portraits into \(out)/portraits; portraits.csv lists them with their age, glasses, expression and hair.")
    let arguments = [
      "--data", list, "--task", "age:uncertain", "--task", "glasses", "--task", "expression:ordinal:sad,neutral,happy",
      "--task", "hair", "--baseline", "--image-size", "64", "--epochs", "\(epochs)", "--batch-size", "16",
      "--learning-rate", "0.004", "--seed", "\(seed)", "--out", out + "/run",
    ] + (device.name.map { ["--device", $0] } ?? [])
    try runShown(MultitaskTrainCommand.self, "multitask", arguments)
  }
}
