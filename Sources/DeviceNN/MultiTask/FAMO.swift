internal import Foundation

/// FAMO (Liu et al. 2023): weights with which all losses fall at the same rate, learnt from how much each fell, not from
/// gradients. Losses are positive.
///
/// With z = softmax(ξ), loss i has the weight (zᵢ / Lᵢ) / Σ (zⱼ / Lⱼ). Then ξ moves, by Adam, against the part of
/// log Lᵢ − log L'ᵢ, where L' is the loss after the step. We take it from the next batch with a label of the task instead of
/// a second pass over the same: over time the differences between batches cancel.
public struct FAMO: LossWeighting {
  public let rate: Double
  public let decay: Double
  private let taskCount: Int
  /// ξ; Adam's two moments and steps; the last loss of each task, 0 where there was none.
  public var state: [Double] {
    didSet { precondition(state.count == 5 * taskCount, "\(state.count) numbers for \(taskCount) tasks") }
  }

  public init(taskCount: Int, rate: Double = 0.025, decay: Double = 0.001) {
    self.taskCount = taskCount
    self.rate = rate
    self.decay = decay
    state = Array(repeating: 0, count: 5 * taskCount)
  }

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    let tasks = losses.step.tasks
    let values = try losses.values().map { max($0, Double(TaskLosses.least)) }
    learn(tasks, values)
    let z = softmax(tasks.map { state[$0] })
    let shares = zip(z, values).map { $0 / $1 }
    let sum = shares.reduce(0, +)
    return losses.weighted(by: shares.map { $0 / sum })
  }

  private mutating func learn(_ tasks: [Int], _ values: [Double]) {
    let known = zip(tasks, values).filter { state[4 * taskCount + $0.0] > 0 }
    let z = known.isEmpty ? [] : softmax(known.map { state[$0.0] })
    let falls = known.map { log(state[4 * taskCount + $0.0]) - log($0.1) }
    let mean = zip(z, falls).reduce(0) { $0 + $1.0 * $1.1 }
    for (i, (task, _)) in known.enumerated() {
      let slope = z[i] * (falls[i] - mean) + decay * state[task]
      let (first, second, steps) = (taskCount + task, 2 * taskCount + task, 3 * taskCount + task)
      state[steps] += 1
      state[first] = 0.9 * state[first] + 0.1 * slope
      state[second] = 0.999 * state[second] + 0.001 * slope * slope
      let moment = state[first] / (1 - pow(0.9, state[steps]))
      let spread = (state[second] / (1 - pow(0.999, state[steps]))).squareRoot()
      state[task] -= rate * moment / (spread + 1e-8)
    }
    for (task, value) in zip(tasks, values) { state[4 * taskCount + task] = value }
  }
}
