/// What a model says in one task of those pictures that have a label.
public struct TaskEvaluation: Sendable, Equatable {
  public struct Prediction: Sendable, Equatable {
    /// The picture's number in its source.
    public var index: Int
    /// As in `TaskTargets`; a value of several may be missing.
    public var target: [Float]
    public var answer: TaskAnswer

    public init(index: Int, target: [Float], answer: TaskAnswer) {
      (self.index, self.target, self.answer) = (index, target, answer)
    }
  }

  public var task: LearningTask
  /// The mean loss; NaN where no picture has a label.
  public var loss: Double
  public var predictions: [Prediction]

  public init(task: LearningTask, loss: Double, predictions: [Prediction]) {
    (self.task, self.loss, self.predictions) = (task, loss, predictions)
  }
}

/// A number by which answers are judged.
public struct TaskMetric: Sendable, Equatable {
  /// What files call it: `accuracy`, `mae`.
  public var name: String
  /// NaN where nothing could be measured.
  public var value: Double
  public var isBetterHigher: Bool

  /// What people call it.
  public var title: String {
    switch name {
    case "macroF1": "macro F1"
    case "auc": "AUC"
    case "mae": "mean absolute error"
    case "r2": "R²"
    case "classError": "mean class error"
    case "labelAccuracy": "labels right"
    case "withinDeviation": "within the deviation"
    default: name
    }
  }

  /// Whether it is a part of a whole.
  var isPercent: Bool { ["accuracy", "labelAccuracy", "macroF1", "withinDeviation"].contains(name) }

  /// The value as people read it.
  public var text: String {
    guard value.isFinite else { return "–" }
    if isPercent { return percent(value) }
    return ["auc", "r2"].contains(name) ? decimal(value, places: 3) : significant(value)
  }
}

extension TaskKind {
  /// The name of the metric that tasks of this kind are compared by.
  public var mainMetric: (name: String, isBetterHigher: Bool) {
    switch self {
    case .classes: ("accuracy", true)
    case .multiLabel: ("macroF1", true)
    case .regression, .counts: ("mae", false)
    case .ordinal: ("classError", false)
    }
  }
}

extension TaskEvaluation {
  /// The first is what tasks are compared by.
  public var metrics: [TaskMetric] {
    func metric(_ name: String, _ value: Double?, isBetterHigher: Bool = true) -> TaskMetric {
      TaskMetric(name: name, value: value ?? .nan, isBetterHigher: isBetterHigher)
    }
    switch task.kind {
    case .classes:
      let confusion = confusion!
      return [metric("accuracy", confusion.accuracy), metric("macroF1", confusion.macroF1)]
        + (confusion.labels.count == 2 ? [metric("auc", rocCurve?.area)] : [])
    case .multiLabel(let names):
      let byLabel = names.indices.map { label in confusion(ofLabel: label) }
      func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }
      return [
        metric("macroF1", mean(byLabel.compactMap { $0.f1(of: 1) })),
        metric("labelAccuracy", mean(byLabel.compactMap(\.accuracy))),
      ]
    case .regression(let mean, _, let isUncertain):
      let columns = mean.indices.map(pairs)
      func average(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }
      let present = columns.filter { !$0.isEmpty }
      let errors = present.map { pairs in average(pairs.map { abs($0.answer - $0.target) }) }
      let determinations = present.map(determination).filter(\.isFinite)
      return [
        metric("mae", errors.isEmpty ? nil : average(errors), isBetterHigher: false),
        metric("r2", determinations.isEmpty ? nil : average(determinations)),
      ] + (isUncertain ? [metric("withinDeviation", withinDeviation)] : [])
    case .ordinal:
      let errors = predictions.map { abs(Double($0.target[0]) - Double($0.answer.best!)) }
      return [
        metric("classError", errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count), isBetterHigher: false),
        metric("accuracy", confusion!.accuracy),
      ]
    case .counts:
      let errors = pairs(0).map { abs($0.answer - $0.target) }
      return [
        metric("mae", errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count), isBetterHigher: false),
        metric("r2", determination(pairs(0))),
      ]
    }
  }

  /// Of classes and levels; nil for other kinds.
  public var confusion: ConfusionMatrix? {
    switch task.kind {
    case .classes(let names), .ordinal(let names):
      var matrix = ConfusionMatrix(labels: names)
      for prediction in predictions { matrix.record(actual: Int(prediction.target[0]), predicted: prediction.answer.best!) }
      return matrix
    default: return nil
    }
  }

  /// Of the second of two classes.
  public var rocCurve: ROCCurve? {
    let scores = predictions.compactMap { prediction -> Double? in
      if case .classes(let probabilities) = prediction.answer, probabilities.count == 2 { probabilities[1] } else { nil }
    }
    guard scores.count == predictions.count else { return nil }
    return ROCCurve(scores: scores, isPositive: predictions.map { $0.target[0] == 1 })
  }

  /// What was right and what was said, of the pictures that have this value; none for kinds without values.
  public func pairs(_ value: Int) -> [(target: Double, answer: Double)] {
    predictions.compactMap { prediction in
      guard !prediction.target[value].isNaN else { return nil }
      return switch prediction.answer {
      case .values(let values, _): (Double(prediction.target[value]), values[value])
      case .count(let count): (Double(prediction.target[0]), count)
      default: nil
      }
    }
  }

  /// Whether one of several labels was found.
  func confusion(ofLabel label: Int) -> ConfusionMatrix {
    var matrix = ConfusionMatrix(labels: ["no", "yes"])
    for prediction in predictions {
      guard case .labels(let probabilities) = prediction.answer else { continue }
      matrix.record(actual: Int(prediction.target[label]), predicted: probabilities[label] >= 0.5 ? 1 : 0)
    }
    return matrix
  }

  /// The part of the variance that is explained, R²; NaN where there is none.
  private func determination(_ pairs: [(target: Double, answer: Double)]) -> Double {
    let mean = pairs.reduce(0) { $0 + $1.target } / Double(max(pairs.count, 1))
    let total = pairs.reduce(0) { $0 + ($1.target - mean) * ($1.target - mean) }
    let left = pairs.reduce(0) { $0 + ($1.target - $1.answer) * ($1.target - $1.answer) }
    return total > 0 ? 1 - left / total : .nan
  }

  /// How many labels are within the predicted deviation: 68 % of a normal distribution.
  private var withinDeviation: Double? {
    var (inside, all) = (0, 0)
    for prediction in predictions {
      guard case .values(let values, let deviations?) = prediction.answer else { continue }
      for (i, target) in prediction.target.enumerated() where !target.isNaN {
        all += 1
        inside += abs(Double(target) - values[i]) <= deviations[i] ? 1 : 0
      }
    }
    return all > 0 ? Double(inside) / Double(all) : nil
  }
}
