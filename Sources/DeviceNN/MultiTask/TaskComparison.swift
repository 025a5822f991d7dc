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
    public var gain: Double { metric(together).relativeGain(over: metric(alone)) }

    func metric(_ value: Double) -> TaskMetric { TaskMetric(name: metric, value: value, isBetterHigher: isBetterHigher) }
  }

  public struct Cost: Codable, Sendable, Equatable {
    /// Of training and validation.
    public var seconds: Double
    public var parameters: Int
    /// The most memory of the device that training took, in bytes; 0 where it was stopped and went on, and nobody knows.
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
      memory: alone.contains { $0.cost.memory == 0 } ? 0 : alone.map(\.cost.memory).max() ?? 0)
  }

  /// The mean relative gain over tasks (Maninis et al. 2019), Δm; tasks that could not be measured are left out.
  public var meanGain: Double {
    meanRelativeGain(of: rows.map { $0.metric($0.together) }, over: rows.map { $0.metric($0.alone) })
  }

  /// For programs: the mean gain, and each task's numbers.
  public var json: [(String, JSONValue)] {
    let rows = rows.map { row in
      JSONValue.object([
        ("task", .text(row.task)), ("metric", .text(row.metric)), ("together", .number(row.together)), ("alone", .number(row.alone)),
        ("gain", .number(row.gain)),
      ])
    }
    return [("meanGain", .number(meanGain)), ("comparison", .list(rows))]
  }

  /// The comparison on a terminal.
  public var text: String {
    let tasks = textTable([
      TextColumn(["task"] + rows.map(\.task), alignment: .left),
      TextColumn(["measured by"] + rows.map { $0.metric(0).title }, alignment: .left),
      TextColumn(["together"] + rows.map { $0.metric($0.together).text }),
      TextColumn(["alone"] + rows.map { $0.metric($0.alone).text }), TextColumn(["gain"] + rows.map { signedPercent($0.gain) }),
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

/// The mean relative gain over tasks, Δm: by how much each metric is better than the other one, as a part of it. Tasks that
/// could not be measured are left out.
func meanRelativeGain(of metrics: [TaskMetric], over others: [TaskMetric]) -> Double {
  let gains = zip(metrics, others).map { $0.relativeGain(over: $1) }.filter(\.isFinite)
  return gains.isEmpty ? .nan : gains.reduce(0, +) / Double(gains.count)
}

extension TaskMetric {
  fileprivate func relativeGain(over other: TaskMetric) -> Double {
    (isBetterHigher ? 1 : -1) * (value - other.value) / other.value
  }
}

func signedPercent(_ value: Double) -> String {
  value.isFinite ? (value < 0 ? "−" : "+") + percent(abs(value)) : "–"
}

func mebibytes(_ bytes: Int) -> String { bytes > 0 ? "\(bytes / 1_048_576) MiB" : "–" }
