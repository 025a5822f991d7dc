internal import Foundation
public import Kernels

/// What a trained model of several tasks is, apart from its weights: enough to use it, and to train on.
public struct MultiTaskConfiguration: RunConfiguration, Codable, Sendable, Equatable {
  public var architecture: Backbone
  public var tasks: [LearningTask]
  public var sharing: Sharing
  /// The name of the `TaskBalance`.
  public var weighting: String
  /// A number for each task, by which losses are multiplied first.
  public var taskWeights: [Double]?
  public var mean: [Float]
  public var deviation: [Float]
  public var training: FineTuningOptions
  /// Where the pictures were.
  public var data: String
  /// Where the first weights came from.
  public var weights: String
  /// The command that started the run, for its report.
  public var command = ""
  /// Whether each task is trained alone too, for comparison.
  public var baseline: Bool?

  public init(
    architecture: Backbone, tasks: [LearningTask], sharing: Sharing = .hard, weighting: TaskBalance = .losses(.equal),
    taskWeights: [Double]? = nil, normalization: Normalization? = nil, training: FineTuningOptions, data: String,
    weights: String
  ) {
    let normalization = normalization ?? architecture.normalization
    (self.architecture, self.tasks, self.sharing) = (architecture, tasks, sharing)
    (self.weighting, self.taskWeights) = (weighting.name, taskWeights)
    mean = (0..<3).map { normalization.mean[$0] }
    deviation = (0..<3).map { normalization.deviation[$0] }
    (self.training, self.data, self.weights) = (training, data, weights)
  }

  /// How a picture is shown to the model when it is not trained.
  public var transform: ImageTransform {
    ImageTransform(
      size: training.imageSize,
      normalization: Normalization(
        mean: SIMD3(mean[0], mean[1], mean[2]), deviation: SIMD3(deviation[0], deviation[1], deviation[2])))
  }

  /// The network with random weights.
  public func makeModel(on device: Device) -> MultiHeadModel {
    MultiHeadModel(
      architecture, tasks: tasks, sharing: sharing, imageSize: training.imageSize, seed: training.seed, on: device)
  }

  func objective(on device: Device) -> MultiTaskObjective {
    MultiTaskObjective(
      tasks: tasks.map(\.name), balance: TaskBalance(name: weighting)!, weights: taskWeights, seed: training.seed, on: device)
  }

  var impossibleField: String? {
    let checks: [(String, Bool)] = [
      ("tasks", !tasks.isEmpty && Set(tasks.map(\.name)).count == tasks.count && tasks.allSatisfy(\.kind.isPossible)),
      ("weighting", TaskBalance(name: weighting) != nil), ("taskWeights", taskWeights.map { $0.count == tasks.count } ?? true),
      ("mean", mean.count == 3), ("deviation", deviation.count == 3 && deviation.allSatisfy { $0 > 0 }),
    ]
    return checks.first { !$0.1 }?.0 ?? training.impossibleField
  }
}

extension RunFolder {
  /// Whether the run is one of several tasks; false where there is no run.
  public var isMultiTask: Bool {
    FileManager.default.contents(atPath: configurationPath).flatMap { try? JSONValue(parsing: $0)["tasks"] } != nil
  }

  public func multiTaskConfiguration() throws(ModelError) -> MultiTaskConfiguration {
    try configuration(of: MultiTaskConfiguration.self)
  }

  /// The trained model of several tasks, ready to answer.
  public func multiTaskModel(on device: Device) throws -> (model: MultiHeadModel, configuration: MultiTaskConfiguration) {
    let configuration = try multiTaskConfiguration()
    return (try trained { configuration.makeModel(on: device) }, configuration)
  }
}
