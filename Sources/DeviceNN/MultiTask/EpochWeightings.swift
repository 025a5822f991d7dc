/// Dynamic weight average (Liu et al. 2019): T · softmax(rᵢ / temperature) over the T tasks, where rᵢ is the task's mean loss
/// in the last epoch over that in the one before. Where one of them is not known, rᵢ is 1.
public struct DynamicWeightAverage: LossWeighting {
  public let temperature: Double
  private let taskCount: Int
  private var epoch: EpochLosses
  /// The means of the last epoch and of the one before, 0 where not known.
  public var state: [Double] {
    didSet { precondition(state.count == 2 * taskCount, "\(state.count) means for \(taskCount) tasks") }
  }

  public init(taskCount: Int, temperature: Double = 2) {
    precondition(temperature > 0, "a temperature of \(temperature)")
    self.taskCount = taskCount
    self.temperature = temperature
    epoch = EpochLosses(taskCount: taskCount)
    state = Array(repeating: 0, count: 2 * taskCount)
  }

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    epoch.add(losses)
    let tasks = losses.step.tasks
    let ratios = tasks.map { state[$0] > 0 && state[taskCount + $0] > 0 ? state[$0] / state[taskCount + $0] : 1 }
    return losses.weighted(by: softmax(ratios.map { $0 / temperature }).map { $0 * Double(tasks.count) })
  }

  public mutating func endEpoch() throws {
    let means = try epoch.finish()
    state = means + state[..<taskCount]
  }
}

/// Smooth Tchebycheff scalarization (Lin et al. 2024): T μ log Σ exp(fᵢ / μ), which tends to the largest fᵢ as μ tends to 0.
///
/// As in its authors' experiments, fᵢ = log(Lᵢ / nᵢ) with the task's mean loss nᵢ in the first epoch, during which all weigh
/// alike. Losses are positive.
public struct SmoothTchebycheff: LossWeighting {
  public let smoothing: Double
  private let taskCount: Int
  private var epoch: EpochLosses
  /// nᵢ of each task; 0 where not known.
  public var state: [Double] {
    didSet { precondition(state.count == taskCount, "\(state.count) first losses for \(taskCount) tasks") }
  }

  public init(taskCount: Int, smoothing: Double = 1) {
    precondition(smoothing > 0, "a smoothing of \(smoothing)")
    self.taskCount = taskCount
    self.smoothing = smoothing
    epoch = EpochLosses(taskCount: taskCount)
    state = Array(repeating: 0, count: taskCount)
  }

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    if losses.step.tasks.contains(where: { state[$0] == 0 }) {
      epoch.add(losses)
      return losses.weighted(by: Array(repeating: 1.0, count: losses.tensors.count))
    }
    // The weight of Lᵢ is the derivative: T · softmax(f / μ)ᵢ / Lᵢ.
    let values = losses.tensors.map { $0.detached.clamped(to: TaskLosses.least...) }
    let f = zip(losses.step.tasks, values).map { ($1 / Float(state[$0])).log() }
    let shares = (Tensor.stack(f) / Float(smoothing)).softmax() * Float(f.count)
    return losses.weighted(by: values.enumerated().map { i, value in
      shares.sliced(axis: 0, range: i..<(i + 1)).reshaped([]) / value
    })
  }

  public mutating func endEpoch() throws {
    let means = try epoch.finish()
    for (task, mean) in means.enumerated() where state[task] == 0 { state[task] = mean }
  }
}
