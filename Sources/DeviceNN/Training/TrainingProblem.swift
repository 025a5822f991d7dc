public import Kernels

/// What a `Trainer` trains: a model, the batches it learns from, the losses of one or several tasks, and what is measured.
public protocol TrainingProblem: AnyObject {
  associatedtype Batch
  var model: any Module { get }
  /// The tasks' names, in the order of their losses.
  var tasks: [String] { get }
  var batchesPerEpoch: Int { get }
  /// The batches of an epoch in their order, the same whenever it is asked for; nil at the end.
  func batches(ofEpoch epoch: Int) throws -> () throws -> Batch?
  /// How many items (pictures, recordings) are in a batch.
  func count(of batch: Batch) -> Int
  /// The first half of a step, in training mode: what all tasks share, and how losses are made of it.
  func forward(_ batch: Batch) -> SharedForward
  /// What has been learnt, in numbers by name, measured after each epoch with averaged weights where they are averaged. The
  /// smallest `loss` among them is the best.
  func measure() throws -> [String: Double]
  /// Writes the model for those who use it, and reads it back: by default under its parameters' own names.
  func store(to path: String) throws
  func load(from path: String) throws
  /// A failure of the device at a batch as it is told to a user.
  func explained(_ error: DeviceError, at batch: Batch) -> any Error
}

extension TrainingProblem {
  public func store(to path: String) throws {
    try writeSafetensors(model.records(), metadata: ["format": "pt"], to: path)
  }

  public func load(from path: String) throws {
    try model.mergeAdapters()
    try model.load(SafetensorsFile(path: path))
  }

  public func explained(_ error: DeviceError, at batch: Batch) -> any Error { error }
}

/// The first half of a step: the losses of a batch, and where gradients of tasks can be compared and combined.
public struct SharedForward {
  /// The loss of each task; nil for a task that has no labels in this batch.
  public var losses: [Tensor?]
  /// What all losses were made of: the backbone's features. Empty where tasks have nothing in common.
  public var shared: [Tensor]

  public init(losses: [Tensor?], shared: [Tensor] = []) { (self.losses, self.shared) = (losses, shared) }
}
