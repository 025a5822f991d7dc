/// Each loss counts for what it is.
public struct EqualWeighting: LossWeighting {
  public init() {}

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    losses.weighted(by: Array(repeating: 1.0, count: losses.tensors.count))
  }
}

/// Each loss counts for a number given beforehand.
public struct StaticWeighting: LossWeighting {
  /// A number for each task.
  public let weights: [Double]

  public init(_ weights: [Double]) {
    precondition(
      weights.allSatisfy { $0 >= 0 && $0.isFinite } && weights.contains { $0 > 0 }, "losses can't have the weights \(weights)")
    self.weights = weights
  }

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    precondition(weights.count == losses.step.taskCount, "\(weights.count) weights for \(losses.step.taskCount) tasks")
    return losses.weighted(by: losses.step.tasks.map { weights[$0] })
  }
}

/// Other weights at each step: the softmax of normal numbers, so that they add up to 1 (Lin et al. 2022). They are a function
/// of the seed and the step.
public struct RandomWeighting: LossWeighting {
  public init() {}

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    var random = losses.step.random
    let numbers = (0..<losses.step.taskCount).map { _ in Double(random.normal()) }
    return losses.weighted(by: softmax(losses.step.tasks.map { numbers[$0] }))
  }
}

/// The geometric mean of the losses, which are positive (Chennupati et al. 2019): no loss's scale matters.
public struct GeometricMeanWeighting: LossWeighting {
  public init() {}

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    let values = losses.tensors.map { $0.detached.clamped(to: TaskLosses.least...) }
    let share = 1 / Float(values.count)
    let logs = values.map { $0.log() }
    let mean = (logs.dropFirst().reduce(logs[0], +) * share).exp()
    return losses.weighted(by: values.map { mean * share / $0 })
  }
}

extension TaskLosses {
  /// What takes the place of smaller losses where a method takes logarithms: a loss of 0 has no other claim.
  static let least: Float = 1e-8
}
