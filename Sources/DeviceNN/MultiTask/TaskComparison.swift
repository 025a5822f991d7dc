internal import Foundation

/// What one model of all tasks came to against a model for each: whether sharing helped, and what it cost.
public struct TaskComparison: Codable, Sendable, Equatable {
  public struct Row: Codable, Sendable, Equatable {
    public var task: String
    /// The name of its main metric.
    public var metric: String
    public var isBetterHigher: Bool
    public var together, alone: Double

    /// How much better together is, as a part of alone.
    public var gain: Double { (isBetterHigher ? 1 : -1) * (together - alone) / alone }
  }

  public struct Cost: Codable, Sendable, Equatable {
    /// Of training and validation.
    public var seconds: Double
    public var parameters: Int
    /// The most memory of the device that training took, in bytes.
    public var memory: Int

    public init(seconds: Double, parameters: Int, memory: Int) {
      (self.seconds, self.parameters, self.memory) = (seconds, parameters, memory)
    }
  }

  public var rows: [Row]
  /// Of one model for all.
  public var together: Cost
  /// Of a model for each: times and parameters add up; memory is the most of one, since they are trained one by one.
  public var alone: Cost

  /// - Parameter alone: each task's evaluation by its own model, and its cost.
  public init(together: [TaskEvaluation], _ cost: Cost, alone: [(evaluation: TaskEvaluation, cost: Cost)]) {
    rows = zip(together, alone).map { together, alone in
      let (metric, other) = (together.metrics[0], alone.evaluation.metrics[0])
      return Row(
        task: together.task.name, metric: metric.name, isBetterHigher: metric.isBetterHigher, together: metric.value,
        alone: other.value)
    }
    self.together = cost
    self.alone = Cost(
      seconds: alone.reduce(0) { $0 + $1.cost.seconds }, parameters: alone.reduce(0) { $0 + $1.cost.parameters },
      memory: alone.map(\.cost.memory).max() ?? 0)
  }

  /// The mean relative gain over tasks (Maninis et al. 2019), Δm; tasks that could not be measured are left out.
  public var meanGain: Double {
    let gains = rows.map(\.gain).filter(\.isFinite)
    return gains.isEmpty ? .nan : gains.reduce(0, +) / Double(gains.count)
  }

  /// The comparison on a terminal.
  public var text: String {
    func metric(_ row: Row, _ value: Double) -> String {
      TaskMetric(name: row.metric, value: value, isBetterHigher: row.isBetterHigher).text
    }
    let tasks = textTable([
      TextColumn(["task"] + rows.map(\.task), alignment: .left),
      TextColumn(["measured by"] + rows.map { TaskMetric(name: $0.metric, value: 0, isBetterHigher: true).title }, alignment: .left),
      TextColumn(["together"] + rows.map { metric($0, $0.together) }),
      TextColumn(["alone"] + rows.map { metric($0, $0.alone) }), TextColumn(["gain"] + rows.map { signedPercent($0.gain) }),
    ])
    let costs = textTable([
      TextColumn(["", "one model", rows.count == 1 ? "1 model" : "\(rows.count) models"], alignment: .left),
      TextColumn(["time", duration(seconds: together.seconds), duration(seconds: alone.seconds)]),
      TextColumn(["parameters", grouped(together.parameters), grouped(alone.parameters)]),
      TextColumn(["memory in training", mebibytes(together.memory), mebibytes(alone.memory)]),
    ])
    return tasks + "mean gain Δm \(signedPercent(meanGain))\n\n" + costs
  }
}

func signedPercent(_ value: Double) -> String {
  value.isFinite ? (value < 0 ? "−" : "+") + percent(abs(value)) : "–"
}

func mebibytes(_ bytes: Int) -> String { "\(bytes / 1_048_576) MiB" }
