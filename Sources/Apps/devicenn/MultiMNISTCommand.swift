import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct MultiMNISTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "multimnist",
    abstract: "Trains two digits at once with any weightings, by the protocol of Sener and Koltun (2018), and compares them.",
    discussion: """
      --data holds MNIST's four files, with or without .gz. The set's SHA-256 is printed; it depends on --data alone. \
      Accuracies are means over seeds with 95 % confidence intervals by Student's t distribution.
      """)

  @Option(help: ArgumentHelp("MNIST's files.", valueName: "dir")) var data = "../shared/data/mnist"
  @Option(help: ArgumentHelp("A way to balance the tasks: \(TaskBalance.names.joined(separator: ", ")), or alone (a network each); may be given several times. (default: equal)", valueName: "method"))
  var weighting: [String] = []
  @Option(help: "Passes over the 60,000 pictures.") var epochs = 20
  @Option(help: "Trainings with each method, with the seeds 0, 1, …") var seeds = 3
  @Flag(help: "Print one JSON object a training.") var json = false
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if let bad = weighting.first(where: { $0 != "alone" && TaskBalance(name: $0) == nil }) {
      throw ValidationError("--weighting '\(bad)' is none of \(TaskBalance.names.joined(separator: ", ")) and alone.")
    }
    for (name, value) in [("--epochs", epochs), ("--seeds", seeds)] where value < 1 {
      throw ValidationError("\(name) \(value) is not a positive number.")
    }
  }

  func run() throws {
    let device = try device.open()
    let train = MultiMNIST(try MNIST(directory: data, .train), seed: 0)
    let test = MultiMNIST(try MNIST(directory: data, .test), seed: 0)
    if !json {
      try say("MultiMNIST: \(train.count) pictures, SHA-256 \(train.checksum)")
      try say("for the test: \(test.count) pictures, SHA-256 \(test.checksum)")
      try say("\("method".padding(toLength: 14, withPad: " ", startingAt: 0))  left             right            seconds a training")
    }
    for name in weighting.isEmpty ? ["equal"] : weighting {
      var (accuracies, seconds): ([[Double]], [Double]) = ([], [])
      for seed in 0..<UInt64(seeds) {
        let start = ContinuousClock.now
        accuracies.append(try accuracy(name, train, test, seed, device))
        seconds.append((ContinuousClock.now - start) / .seconds(1))
        if json {
          try say(
            jsonObject([
              ("method", .text(name)), ("seed", .number(Double(seed))), ("epochs", .number(Double(epochs))),
              ("left", .number(accuracies.last![0])), ("right", .number(accuracies.last![1])),
              ("seconds", .number(seconds.last!)), ("trainSHA256", .text(train.checksum)), ("testSHA256", .text(test.checksum)),
            ]))
        }
      }
      if !json {
        let columns = (0..<2).map { task in text(SampleMean(accuracies.map { $0[task] })) }
        try say(
          name.padding(toLength: 14, withPad: " ", startingAt: 0) + "  "
            + columns.map { $0.padding(toLength: 15, withPad: " ", startingAt: 0) }.joined(separator: "  ")
            + "  " + String(format: "%.0f", seconds.reduce(0, +) / Double(seeds)))
      }
    }
  }

  private func accuracy(_ name: String, _ train: MultiMNIST, _ test: MultiMNIST, _ seed: UInt64, _ device: Device) throws -> [Double] {
    func training(_ tasks: [Int], _ balance: TaskBalance) throws -> [Double] {
      try MultiMNIST.train(train, test: test, tasks: tasks, balance: balance, epochs: epochs, seed: seed, on: device) { epoch, accuracies in
        let name = tasks.count == 1 ? "\(name) \(MultiMNIST.tasks[tasks[0]])" : name
        complain("\(name), seed \(seed), epoch \(epoch): " + accuracies.map { String(format: "%.4f", $0) }.joined(separator: ", "))
      }
    }
    guard let balance = TaskBalance(name: name) else { return try [0, 1].flatMap { try training([$0], .losses(.equal)) } }
    return try training([0, 1], balance)
  }

  private func text(_ mean: SampleMean) -> String {
    String(format: "%.4f", mean.mean) + (mean.halfWidth.isNaN ? "" : String(format: " ± %.4f", mean.halfWidth))
  }
}
