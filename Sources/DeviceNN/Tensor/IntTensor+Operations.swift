public import Kernels

extension IntTensor {
  public var device: Device { buffer.device }
  public var count: Int { shape.reduce(1, *) }

  public func floats() -> Tensor { Tensor(shape: shape, buffer: device.floats(buffer, count: count)) }

  /// (…,classes): 1 at each one's place, else 0.
  public func oneHot(_ classes: Int) -> Tensor {
    precondition(classes > 0, "one-hot needs at least one class, not \(classes)")
    return Tensor(shape: shape + [classes], buffer: device.oneHot(buffer, count: count, classes: classes))
  }

  // MARK: Masks: 1 where the comparison holds, else 0

  public static func .== (x: IntTensor, value: Int32) -> Tensor { x.compared(.equal, value) }
  public static func .!= (x: IntTensor, value: Int32) -> Tensor { x.compared(.notEqual, value) }
  public static func .< (x: IntTensor, value: Int32) -> Tensor { x.compared(.less, value) }
  public static func .<= (x: IntTensor, value: Int32) -> Tensor { x.compared(.lessOrEqual, value) }
  public static func .> (x: IntTensor, value: Int32) -> Tensor { x.compared(.greater, value) }
  public static func .>= (x: IntTensor, value: Int32) -> Tensor { x.compared(.greaterOrEqual, value) }

  private func compared(_ comparison: IntComparison, _ value: Int32) -> Tensor {
    Tensor(shape: shape, buffer: device.compare(buffer, comparison, value, count: count))
  }

  // MARK: Shape

  /// The same numbers in another shape of the same count.
  public func reshaped(_ newShape: [Int]) -> IntTensor {
    precondition(
      newShape.reduce(1, *) == count, "\(count) elements of shape \(shape) do not fill the shape \(newShape)")
    return IntTensor(shape: newShape, buffer: buffer)
  }

  public func transposed(_ permutation: [Int]) -> IntTensor {
    precondition(
      permutation.sorted() == Array(shape.indices), "\(permutation) is not a permutation of the dimensions of \(shape)")
    let newShape = permutation.map { shape[$0] }
    let strides = Strides(permutation.map { Strides(contiguous: shape).steps[$0] })
    return IntTensor(shape: newShape, buffer: device.gathered(buffer, at: strides, shape: newShape))
  }

  /// Every `stride`-th place of `range` along `axis`.
  public func sliced(axis: Int, range: Range<Int>, stride: Int = 1) -> IntTensor {
    let (newShape, strides) = sliceLayout(shape, axis, range, stride)
    return IntTensor(shape: newShape, buffer: device.gathered(buffer, at: strides, shape: newShape))
  }

  /// One tensor behind the other along `axis`.
  public static func concatenated(_ tensors: [IntTensor], axis: Int) -> IntTensor {
    let (newShape, places) = concatenationLayout(tensors.map(\.shape), axis)
    let device = tensors[0].device
    let y = device.makeBuffer(byteCount: newShape.reduce(4, *))
    for (tensor, place) in zip(tensors, places) {
      device.copy(tensor.buffer, at: Strides(contiguous: tensor.shape), to: y, at: place, shape: tensor.shape)
    }
    return IntTensor(shape: newShape, buffer: y)
  }
}
