internal import Foundation

/// GradNorm (Chen et al. 2018): the weights move so that each term's gradient with respect to the shared features is as long
/// as the mean of all, times (rᵢ / mean r)^asymmetry, where rᵢ is the loss over the first one: what learns slower gets more.
///
/// The rate is relative to the mean length, so that it means the same for losses of any scale. Each weight stays positive,
/// and those of the tasks of a batch keep their sum.
public struct GradNorm: LossWeighting {
  public let asymmetry: Double
  public let rate: Double
  private let taskCount: Int
  /// The weights, and the first losses, 0 where there was none yet.
  public var state: [Double] {
    didSet { precondition(state.count == 2 * taskCount, "\(state.count) numbers for \(taskCount) tasks") }
  }
  public var needsGradientNorms: Bool { true }

  public init(taskCount: Int, asymmetry: Double = 1.5, rate: Double = 0.025) {
    self.taskCount = taskCount
    self.asymmetry = asymmetry
    self.rate = rate
    state = Array(repeating: 1, count: taskCount) + Array(repeating: 0, count: taskCount)
  }

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    losses.weighted(by: losses.step.tasks.map { state[$0] })
  }

  public mutating func learn(gradientNorms: [Double], of losses: TaskLosses) throws {
    let tasks = losses.step.tasks
    let values = try losses.values()
    for (task, value) in zip(tasks, values) where state[taskCount + task] == 0 { state[taskCount + task] = value }
    let mean = gradientNorms.reduce(0, +) / Double(tasks.count)
    guard mean > 0 else { return }
    let ratios = zip(tasks, values).map { task, value in
      state[taskCount + task] > 0 ? max(value / state[taskCount + task], 0) : 1
    }
    let meanRatio = ratios.reduce(0, +) / Double(tasks.count)
    guard meanRatio > 0 else { return }
    let before = tasks.map { state[$0] }
    let after = zip(zip(before, gradientNorms), ratios).map { pair, ratio in
      let (weight, norm) = pair
      let difference = norm - mean * pow(ratio / meanRatio, asymmetry)
      // The derivative of |weight · length of the loss's own gradient − goal|, the goal being held fixed.
      let slope = difference == 0 ? 0 : (difference > 0 ? 1 : -1) * norm / weight
      return max(weight - rate * slope / mean, 1e-3)
    }
    let scale = before.reduce(0, +) / after.reduce(0, +)
    for (task, weight) in zip(tasks, after) { state[task] = weight * scale }
  }
}
