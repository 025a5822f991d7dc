public import Kernels

/// What several tasks' losses are multiplied with before they are added up.
///
/// A method gives each loss of the batch a term; the sum of the terms has the gradient of the method's objective. So one
/// backward pass of the sum is what it costs, and an aggregator can take the terms' gradients one by one.
public protocol LossWeighting {
  /// - Returns: a scalar and the weight of the loss in it for each of `losses.step.tasks`.
  mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights)
  /// What is to be trained with the network, by the same optimizer, and without weight decay. In a checkpoint like the
  /// network's.
  var parameters: [Parameter] { get }
  /// What else it remembers at the end of an epoch, for a checkpoint. As many numbers at any time.
  var state: [Double] { get set }
  /// The end of a pass over the data: methods that compare epochs read what they added up.
  mutating func endEpoch() throws
  /// Whether `learn` wants the lengths of the terms' gradients with respect to what the tasks share: a pass through each
  /// head.
  var needsGradientNorms: Bool { get }
  mutating func learn(gradientNorms: [Double], of losses: TaskLosses) throws
}

extension LossWeighting {
  public var parameters: [Parameter] { [] }
  public var state: [Double] {
    get { [] }
    set { precondition(newValue.isEmpty, "\(Self.self) has no state, but \(newValue.count) numbers are given") }
  }
  public mutating func endEpoch() throws {}
  public var needsGradientNorms: Bool { false }
  public mutating func learn(gradientNorms: [Double], of losses: TaskLosses) throws {}
}

/// The losses of the tasks that take part in a step.
public final class TaskLosses {
  public let step: TaskStep
  public let tensors: [Tensor]
  private let names: [String]
  private var read: [Double]?

  public init(_ tensors: [Tensor], at step: TaskStep, names: [String]) {
    precondition(
      tensors.count == step.tasks.count && names.count == step.taskCount,
      "\(tensors.count) losses and \(names.count) names for \(step.tasks.count) of \(step.taskCount) tasks")
    for (task, loss) in zip(step.tasks, tensors) {
      precondition(loss.count == 1, "the loss of '\(names[task])' is no number, but of shape \(loss.shape)")
    }
    self.step = step
    self.tensors = tensors.map { $0.shape.isEmpty ? $0 : $0.reshaped([]) }
    self.names = names
  }

  /// The numbers. Waits for the device at the first call.
  ///
  /// - Throws: `MultiTaskError.lossNotFinite`, which names the task.
  public func values() throws -> [Double] {
    if let read { return read }
    let numbers = try Tensor.stack(tensors.map(\.detached)).scalars().map(Double.init)
    for (task, number) in zip(step.tasks, numbers) where !number.isFinite {
      throw MultiTaskError.lossNotFinite(task: names[task], value: number, step: step.step)
    }
    read = numbers
    return numbers
  }

  /// The losses times numbers of the host.
  func weighted(by weights: [Double]) -> (terms: [Tensor], weights: TaskWeights) {
    (zip(tensors, weights).map { $0.times($1) }, .known(weights))
  }

  /// The losses times numbers of the device, through which no gradient flows.
  func weighted(by weights: [Tensor]) -> (terms: [Tensor], weights: TaskWeights) {
    let weights = weights.map(\.detached)
    return (zip(tensors, weights).map { $0 * $1 }, .onDevice(weights))
  }
}

/// The weights of a step's tasks, which are read only if somebody asks.
public enum TaskWeights {
  case known([Double])
  case onDevice([Tensor])

  /// Waits for the device where they are there.
  public func values() throws(DeviceError) -> [Double] {
    switch self {
    case .known(let weights): weights
    case .onDevice(let weights): try Tensor.stack(weights.map { $0.detached.reshaped([]) }).scalars().map(Double.init)
    }
  }
}

/// Each task's mean loss over an epoch, added up on the device, so that no step waits.
struct EpochLosses {
  private var sums: [Tensor?]
  private var counts: [Int]

  init(taskCount: Int) {
    sums = Array(repeating: nil, count: taskCount)
    counts = Array(repeating: 0, count: taskCount)
  }

  mutating func add(_ losses: TaskLosses) {
    for (task, loss) in zip(losses.step.tasks, losses.tensors) {
      sums[task] = sums[task].map { $0 + loss.detached } ?? loss.detached
      counts[task] += 1
    }
  }

  /// The means, 0 for tasks without a label, and a new beginning.
  mutating func finish() throws(DeviceError) -> [Double] {
    let tasks = sums.indices.filter { sums[$0] != nil }
    var means = Array(repeating: 0.0, count: sums.count)
    if !tasks.isEmpty {
      let read = try Tensor.stack(tasks.map { sums[$0]! }).scalars()
      for (task, sum) in zip(tasks, read) { means[task] = Double(sum) / Double(counts[task]) }
    }
    self = EpochLosses(taskCount: sums.count)
    return means
  }
}
