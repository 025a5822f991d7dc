public import Kernels

/// What a `Trainer` trains: a model, the batches it learns from, the losses of one or several tasks, and what is measured.
public protocol TrainingProblem: AnyObject {
  associatedtype Batch
  /// A line of metrics.jsonl.
  associatedtype Line: EpochLine
  var model: any Module { get }
  /// The tasks' names, in the order of their losses.
  var tasks: [String] { get }
  var batchesPerEpoch: Int { get }
  /// The batches of an epoch in their order, the same whenever it is asked for; nil at the end.
  func batches(ofEpoch epoch: Int) throws -> () throws -> Batch?
  /// What comes before the first epoch of a session, which is counted from 0: features that are computed once, a head's
  /// first weights. Nothing by default.
  ///
  /// - Returns: the seconds that it took.
  func prepare(epoch: Int, onProgress: (TrainingProgress) -> Void) throws -> [RunPhase: Double]
  /// Puts the model into training mode, and lets learn what learns in this epoch.
  ///
  /// - Returns: whether that is more than before, so that the optimizer starts anew; false by default.
  func startEpoch(_ epoch: Int) -> Bool
  /// An epoch that is trained in another way than batch by batch through `forward`; nil, the default, where it is not.
  ///
  /// - Parameter step: takes the gradients of each batch of the epoch.
  /// - Returns: the mean loss, and how many items were shown.
  func trainEpoch(_ epoch: Int, step: (Gradients, _ batch: Int) -> Void) throws -> (loss: Double, items: Int)?
  /// How many items (pictures, recordings) are in a batch.
  func count(of batch: Batch) -> Int
  /// The first half of a step, in training mode: what all tasks share, and how losses are made of it.
  func forward(_ batch: Batch) -> SharedForward
  /// What has been learnt, in numbers by name, measured after each epoch with averaged weights where they are averaged. The
  /// smallest `loss` among them is the best.
  func measure() throws -> [String: Double]
  /// What metrics.jsonl says of an epoch: all numbers by default.
  func line(of epoch: EpochNumbers) -> Line
  /// Writes the model for those who use it, and reads it back: by default under its parameters' own names.
  func store(to path: String) throws
  func load(from path: String) throws
  /// A failure of the device at a batch as it is told to a user.
  func explained(_ error: DeviceError, at batch: Batch) -> any Error
}

extension TrainingProblem {
  public func prepare(epoch: Int, onProgress: (TrainingProgress) -> Void) -> [RunPhase: Double] { [:] }

  public func startEpoch(_ epoch: Int) -> Bool {
    model.train()
    return false
  }

  public func trainEpoch(_ epoch: Int, step: (Gradients, _ batch: Int) -> Void) -> (loss: Double, items: Int)? { nil }

  public func store(to path: String) throws {
    try writeSafetensors(model.records(), metadata: ["format": "pt"], to: path)
  }

  public func load(from path: String) throws {
    try model.mergeAdapters()
    try model.load(SafetensorsFile(path: path))
  }

  public func explained(_ error: DeviceError, at batch: Batch) -> any Error { error }
}

extension TrainingProblem where Line == EpochNumbers {
  public func line(of epoch: EpochNumbers) -> EpochNumbers { epoch }
}

/// What a run spends its time with.
public enum RunPhase: String, Codable, Sendable, CaseIterable {
  /// The frozen backbone's features.
  case features
  /// The head's first weights.
  case head
  case training
  case validation
}

/// The first half of a step: the losses of a batch, and where gradients of tasks can be compared and combined.
public struct SharedForward {
  /// The loss of each task; nil for a task that has no labels in this batch.
  public var losses: [Tensor?]
  /// What all losses were made of: the backbone's features. Empty where tasks have nothing in common.
  public var shared: [Tensor]

  public init(losses: [Tensor?], shared: [Tensor] = []) { (self.losses, self.shared) = (losses, shared) }
}
