internal import Foundation

/// Everything that the report of a run of several tasks shows.
public struct TaskReport: Sendable {
  public var title: String
  /// The command that made the run, as it was typed.
  public var command: String
  public var device: String
  public var date: String
  public var configuration: MultiTaskConfiguration
  public var trainImages: Int
  public var validationImages: Int
  /// How many of the training pictures have a label, by task.
  public var labelled: [Int]
  public var epochs: [EpochNumbers]
  /// The epoch whose weights were kept, where that is not the last.
  public var bestEpoch: Int?
  /// Of the kept weights, by task.
  public var evaluations: [TaskEvaluation]
  public var cost: TaskComparison.Cost
  /// With models of one task each.
  public var comparison: TaskComparison?

  public init(
    _ configuration: MultiTaskConfiguration, data: TaskDataset, device: String, epochs: [EpochNumbers], bestEpoch: Int?,
    evaluations: [TaskEvaluation], cost: TaskComparison.Cost, comparison: TaskComparison?
  ) {
    title = URL(fileURLWithPath: data.path).deletingPathExtension().lastPathComponent
    command = configuration.command
    date = Date().formatted(.iso8601.year().month().day().dateSeparator(.dash))
    (self.configuration, self.device, self.epochs, self.bestEpoch) = (configuration, device, epochs, bestEpoch)
    (trainImages, validationImages) = (data.train.count, data.validation.count)
    labelled = data.train.targets.map(\.presentCount)
    (self.evaluations, self.cost, self.comparison) = (evaluations, cost, comparison)
  }

  /// Writes the page, and its numbers for programs beside it.
  public func write(to run: RunFolder) throws {
    try AtomicFile.write(html(), to: run.reportPath)
    try AtomicFile.write(json + "\n", to: run.numbersPath)
  }

  /// The numbers as one line of JSON.
  public var json: String {
    let tasks = evaluations.enumerated().map { i, evaluation in
      JSONValue.object(
        [
          ("task", .text(evaluation.task.name)), ("kind", .text(evaluation.task.kind.name)), ("labelled", .number(Double(labelled[i]))),
          ("loss", .number(evaluation.loss)),
        ] + evaluation.metrics.map { ($0.name, .number($0.value)) })
    }
    func cost(_ cost: TaskComparison.Cost) -> JSONValue {
      .object([
        ("seconds", .number(cost.seconds)), ("parameters", .number(Double(cost.parameters))), ("memory", .number(Double(cost.memory))),
      ])
    }
    var members: [(String, JSONValue)] = [
      ("title", .text(title)), ("command", .text(command)), ("device", .text(device)), ("date", .text(date)),
      ("sharing", .text(configuration.sharing.rawValue)), ("weighting", .text(configuration.weighting)),
      ("epochs", .number(Double(epochs.count))), ("tasks", .list(tasks)), ("cost", cost(self.cost)),
    ]
    if let comparison { members += comparison.json + [("costAlone", cost(comparison.alone))] }
    return JSONValue.object(members).text
  }
}
