public import Kernels

/// Float numbers on a device, in the order of their shape, with the last dimension contiguous; images are (N,H,W,C).
///
/// A tensor is a value: no operation changes one. It remembers how it was made only if something that is trained went
/// into it, so evaluation and frozen layers keep nothing. Operations don't throw: what a device fails at is thrown by
/// `scalars()`, which waits for it. A tensor belongs to one task at a time.
public final class Tensor {
  /// How a tensor was made: its inputs, and the function from its gradient to theirs.
  struct History {
    let inputs: [Tensor]
    /// Returns a gradient for each input that is tracked, and may return nil for the others.
    let pullback: (_ dy: Tensor) -> [Tensor?]
    /// The same from two gradients, where their sum is cheaper on the way than on its own.
    let pullbackOfSum: ((_ dy: Tensor, _ other: Tensor) -> [Tensor?])?
    /// What a profile calls the work.
    let label = ProfilingLabel.current
  }

  public let shape: [Int]
  /// The numbers, made again where they were let go.
  public var buffer: Buffer {
    if let kept { return kept }
    let made = remake!()
    kept = made
    return made
  }
  private var kept: Buffer?
  /// Computes the numbers from what is kept anyway, in one cheap pass; nil where they are kept themselves.
  private let remake: (() -> Buffer)?
  /// Whether gradients flow here: it is trained, or was made from something that is.
  public let isTracked: Bool
  /// Taken by the walk that computes gradients, so that memory goes as soon as it was used for the last time.
  var history: History?
  /// Whether it was given rather than made, so that having no history is right.
  let isLeaf: Bool

  public let device: Device
  public var count: Int { shape.reduce(1, *) }

  init(
    shape: [Int], buffer: Buffer, isTracked: Bool = false, history: History? = nil, remake: (() -> Buffer)? = nil
  ) {
    precondition(
      buffer.byteCount >= shape.reduce(1, *) * MemoryLayout<Float>.stride,
      "a buffer of \(buffer.byteCount) bytes does not hold the shape \(shape)")
    self.shape = shape
    (kept, self.remake) = (buffer, remake)
    self.isTracked = isTracked
    self.history = history
    device = buffer.device
    isLeaf = history == nil
  }

  public convenience init(_ scalars: [Float], shape: [Int], on device: Device) {
    precondition(shape.allSatisfy { $0 > 0 }, "a tensor needs at least one element, but its shape is \(shape)")
    precondition(scalars.count == shape.reduce(1, *), "\(scalars.count) scalars do not fill the shape \(shape)")
    self.init(shape: shape, buffer: device.makeBuffer(scalars))
  }

  public convenience init(repeating value: Float, shape: [Int], on device: Device) {
    precondition(shape.allSatisfy { $0 > 0 }, "a tensor needs at least one element, but its shape is \(shape)")
    self.init(shape: shape, buffer: device.fill(value, count: shape.reduce(1, *)))
  }

  /// The numbers. Waits for the device, and throws what it failed at since the last time.
  public func scalars() throws(DeviceError) -> [Float] {
    try device.read(buffer, as: Float.self, count: count)
  }

  /// The number of a tensor that has one.
  public func scalar() throws(DeviceError) -> Float {
    precondition(count == 1, "a tensor of shape \(shape) is not one number")
    return try scalars()[0]
  }

  /// The same numbers without their history.
  public var detached: Tensor { Tensor(shape: shape, buffer: buffer) }

  /// The same numbers, which gradients can be asked for.
  public var tracked: Tensor { Tensor(shape: shape, buffer: buffer, isTracked: true) }
}

extension Tensor {
  /// The result of an operation: with a history if one of `inputs` is tracked and gradients are wanted at all.
  ///
  /// - Parameter remake: where the numbers follow from those of `inputs` in one cheap pass, how.
  static func result(
    _ shape: [Int], _ buffer: Buffer, from inputs: [Tensor], remake: (() -> Buffer)? = nil,
    pullback: @escaping (_ dy: Tensor) -> [Tensor?],
    pullbackOfSum: ((_ dy: Tensor, _ other: Tensor) -> [Tensor?])? = nil
  ) -> Tensor {
    guard isRecorded(from: inputs) else { return Tensor(shape: shape, buffer: buffer) }
    return Tensor(
      shape: shape, buffer: buffer, isTracked: true,
      history: History(inputs: inputs, pullback: pullback, pullbackOfSum: pullbackOfSum), remake: remake)
  }

  /// Lets the numbers go until somebody asks for them again, where that is cheap: what a product was made of is asked for
  /// once more, by its weight's gradient in the backward pass (Chen et al. 2016, "Training deep nets with sublinear memory
  /// cost", for a normalisation and its activation).
  func letGo() { if remake != nil { kept = nil } }

  /// Whether a result of `inputs` has a history.
  static func isRecorded(from inputs: [Tensor]) -> Bool { Gradients.areWanted && inputs.contains(where: \.isTracked) }
}

/// Whole numbers on a device: labels and indices.
public final class IntTensor {
  public let shape: [Int]
  public let buffer: Buffer

  init(shape: [Int], buffer: Buffer) {
    self.shape = shape
    self.buffer = buffer
  }

  public convenience init(_ values: [Int32], shape: [Int]? = nil, on device: Device) {
    let shape = shape ?? [values.count]
    precondition(shape.allSatisfy { $0 > 0 }, "a tensor needs at least one element, but its shape is \(shape)")
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
    self.init(shape: shape, buffer: device.makeBuffer(values))
  }

  public func values() throws(DeviceError) -> [Int32] {
    try buffer.device.read(buffer, as: Int32.self, count: shape.reduce(1, *))
  }
}
