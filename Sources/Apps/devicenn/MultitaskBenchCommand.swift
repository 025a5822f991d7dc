import ArgumentParser
import DeviceNN
import Kernels

struct MultitaskBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "multitask",
    abstract: "Measures what more tasks on one backbone cost: milliseconds a training step, and times that of one task.")

  @Option(help: ArgumentHelp("The network, see 'devicenn models'.", valueName: "name")) var backbone = "resnet18"
  @Option(help: "Images a step.") var batchSize = 16
  @Option(help: "Width and height of the images.") var imageSize = 224
  @Option(help: ArgumentHelp("A way to balance the tasks beside equal; may be given several times.", valueName: "method"))
  var weighting = ["uncertainty", "mgda", "upgrad"]
  @Option(help: "Timed rounds, in each of which every method makes a step; the medians are printed.") var runs = 5
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if let bad = weighting.first(where: { TaskBalance(name: $0) == nil }) {
      throw ValidationError("--weighting '\(bad)' is none of \(TaskBalance.names.joined(separator: ", ")).")
    }
    if runs < 1 || batchSize < 2 { throw ValidationError("--runs wants 1 or more, and --batch-size 2 or more.") }
  }

  func run() throws {
    let device = try device.open()
    let cases = [(1, "equal"), (2, "equal"), (3, "equal")] + weighting.map { (3, $0) }
    let steps = try cases.map { try TimedSteps(backbone, tasks: $0, TaskBalance(name: $1)!, batchSize, imageSize, device) }
    var seconds = cases.map { _ in [Double]() }
    // Side by side, so that whatever else the machine does meets all of them.
    for round in 0...runs {
      for (i, step) in steps.enumerated() {
        let time = try step.time()
        if round > 0 { seconds[i].append(time) }
      }
    }
    let medians = seconds.map { $0.sorted()[runs / 2] }
    for (i, (tasks, method)) in cases.enumerated() {
      try say(
        jsonObject([
          ("tasks", .number(Double(tasks))), ("weighting", .text(method)), ("ms", .number((medians[i] * 1e4).rounded() / 10)),
          ("timesOne", .number((medians[i] / medians[0] * 1000).rounded() / 1000)),
        ]))
    }
  }
}

/// Training steps of so many tasks on random images that are already on the device.
private final class TimedSteps {
  private let device: Device
  private let model: MultiHeadModel
  private let images: Tensor
  private let targets: [TaskTargets]
  private var objective: MultiTaskObjective
  private var optimizer: AdamW
  private var step = 0

  init(_ backbone: String, tasks: Int, _ balance: TaskBalance, _ batch: Int, _ size: Int, _ device: Device) throws {
    let all = [
      LearningTask("age", .regression(mean: [40], deviation: [20], isUncertain: false)),
      LearningTask("gender", .classes(["female", "male"])), LearningTask("mood", .classes(["sad", "neutral", "happy"])),
    ].prefix(tasks)
    self.device = device
    model = MultiHeadModel(try Backbone(named: backbone), tasks: Array(all), imageSize: size, on: device)
    model.train()
    images = Tensor.uniform(in: -1..<1, shape: [batch, size, size, 3], seed: 1, on: device)
    targets = all.map { task in TaskTargets(width: 1, values: (0..<batch).map { task.name == "age" ? Float(20 + $0) : Float($0 % 2) }) }
    objective = MultiTaskObjective(tasks: all.map(\.name), balance: balance, on: device)
    optimizer = AdamW([ParameterGroup(model.parameters().filter(\.isTrainable) + objective.parameters, learningRate: 1e-4)])
  }

  /// Seconds of one step.
  func time() throws -> Double {
    let start = ContinuousClock.now
    let shared = model.shared(of: images)
    let losses = model.tasks.enumerated().map { $1.loss(of: model.outputs(of: shared, task: $0), targets[$0]) }
    if let made = try objective.step(losses, shared: shared, at: step) { optimizer.step(made.gradients) }
    try device.synchronize()
    step += 1
    return (ContinuousClock.now - start) / .seconds(1)
  }
}
