internal import Foundation

/// What a model says of a picture in one task.
public enum TaskAnswer: Sendable, Equatable {
  /// A probability for each class; they sum to 1.
  case classes([Double])
  /// A probability for each label.
  case labels([Double])
  /// In the data's units; deviations where they are predicted.
  case values([Double], deviations: [Double]?)
  /// A probability for each level; they sum to 1.
  case level([Double])
  /// How many are expected.
  case count(Double)
}

extension LearningTask {
  /// The answer that a row of a head's outputs means.
  public func answer(_ outputs: some Collection<Float>) -> TaskAnswer {
    let outputs = outputs.map(Double.init)
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    switch kind {
    case .classes: return .classes(softmax(outputs))
    case .multiLabel: return .labels(outputs.map(sigmoid))
    case .ordinal:
      // Above each threshold; the thresholds of a head that learnt little may be out of order.
      let above = [1] + outputs.map(sigmoid) + [0]
      let parts = (0...outputs.count).map { max(above[$0] - above[$0 + 1], 0) }
      let sum = parts.reduce(0, +)
      return .level(parts.map { $0 / sum })
    case .regression(let mean, let deviation, let isUncertain):
      let values = mean.indices.map { outputs[$0] * Double(deviation[$0]) + Double(mean[$0]) }
      guard isUncertain else { return .values(values, deviations: nil) }
      let bound = Double(Self.logVarianceBound)
      let deviations = mean.indices.map { i in
        exp(tanh(outputs[mean.count + i] / bound) * bound / 2) * Double(deviation[i])
      }
      return .values(values, deviations: deviations)
    case .counts: return .count(exp(outputs[0]))
    }
  }

  /// An answer as a line says it.
  public func text(of answer: TaskAnswer) -> String {
    switch (kind, answer) {
    case (.classes(let names), .classes(let probabilities)):
      let best = answer.best!
      return "\(names[best]) \(percent(probabilities[best]))"
    // The level in the middle may be less likely than those on both sides.
    case (.ordinal(let names), .level): return names[answer.best!]
    case (.multiLabel(let names), .labels(let probabilities)):
      let found = names.indices.filter { probabilities[$0] >= 0.5 }
      return found.isEmpty ? "none" : found.map { "\(names[$0]) \(percent(probabilities[$0]))" }.joined(separator: " + ")
    case (_, .values(let values, let deviations)):
      return values.indices.map { i in
        significant(values[i]) + (deviations.map { " ± " + significant($0[i]) } ?? "")
      }.joined(separator: ", ")
    case (_, .count(let count)): return decimal(count, places: 1)
    default: preconditionFailure("\(answer) is no answer to '\(name)'")
    }
  }

  /// An answer for programs.
  public func json(of answer: TaskAnswer) -> JSONValue {
    func probabilities(_ names: [String], _ values: [Double]) -> JSONValue {
      .object(zip(names, values).map { ($0, .number($1)) })
    }
    func numbers(_ values: [Double]) -> JSONValue {
      values.count == 1 ? .number(values[0]) : .list(values.map { .number($0) })
    }
    switch (kind, answer) {
    case (.classes(let names), .classes(let values)), (.ordinal(let names), .level(let values)):
      return .object([("answer", .text(names[answer.best!])), ("probabilities", probabilities(names, values))])
    case (.multiLabel(let names), .labels(let values)):
      let found = names.indices.filter { values[$0] >= 0.5 }.map { JSONValue.text(names[$0]) }
      return .object([("answer", .list(found)), ("probabilities", probabilities(names, values))])
    case (_, .values(let values, let deviations)):
      return .object([("answer", numbers(values))] + (deviations.map { [("deviation", numbers($0))] } ?? []))
    case (_, .count(let count)): return .object([("answer", .number(count))])
    default: preconditionFailure("\(answer) is no answer to '\(name)'")
    }
  }
}

extension TaskAnswer {
  /// The likeliest class, or the level that half of the probability does not reach beyond; nil for other kinds.
  public var best: Int? {
    switch self {
    case .classes(let probabilities):
      return probabilities.indices.max { (probabilities[$0], $1) < (probabilities[$1], $0) }
    case .level(let probabilities):
      var sum = 0.0
      for (level, probability) in probabilities.enumerated() {
        sum += probability
        if sum >= 0.5 { return level }
      }
      return probabilities.count - 1
    default: return nil
    }
  }

  /// The mean of two answers to the same question.
  public func mean(with other: TaskAnswer) -> TaskAnswer {
    func mean(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { ($0 + $1) / 2 } }
    switch (self, other) {
    case (.classes(let a), .classes(let b)): return .classes(mean(a, b))
    case (.labels(let a), .labels(let b)): return .labels(mean(a, b))
    case (.level(let a), .level(let b)): return .level(mean(a, b))
    case (.values(let a, let da), .values(let b, let db)):
      return .values(mean(a, b), deviations: da.flatMap { da in db.map { mean(da, $0) } })
    case (.count(let a), .count(let b)): return .count((a + b) / 2)
    default: preconditionFailure("\(self) and \(other) answer different questions")
    }
  }
}
