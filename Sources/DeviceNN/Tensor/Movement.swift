internal import Kernels

// The same numbers elsewhere: each function is one strided copy, or a few into one result.
extension Tensor {
  /// The dimensions in the order of `permutation`: result.shape[i] == shape[permutation[i]].
  public func transposed(_ permutation: [Int]) -> Tensor {
    precondition(
      permutation.sorted() == Array(shape.indices), "\(permutation) is not a permutation of the dimensions of \(shape)")
    let inverse = permutation.indices.map { permutation.firstIndex(of: $0)! }
    return moved(permutation.map { shape[$0] }, Strides(permutation.map { Strides(contiguous: shape).steps[$0] })) {
      dy in
      dy.transposed(inverse)
    }
  }

  /// Every `stride`-th place of `range` along `axis`.
  public func sliced(axis: Int, range: Range<Int>, stride: Int = 1) -> Tensor {
    let old = shape
    let (newShape, strides) = sliceLayout(shape, axis, range, stride)
    return moved(newShape, strides) { dy in .placed([(dy, strides)], in: old) }
  }

  /// `value` around the numbers: `before` and `after` count its places along each dimension.
  public func padded(before: [Int], after: [Int], value: Float = 0) -> Tensor {
    precondition(
      before.count == shape.count && after.count == shape.count && (before + after).allSatisfy { $0 >= 0 },
      "a shape \(shape) can't be padded by \(before) and \(after)")
    let (old, newShape) = (shape, shape.indices.map { before[$0] + shape[$0] + after[$0] })
    let inside = Strides(contiguous: newShape).inside(at: before)
    let y = Tensor.placed([(self, inside)], in: newShape, value: value)
    return .result(newShape, y.buffer, from: [self]) { dy in [dy.moved(old, inside) { $0 }] }
  }

  /// The numbers repeated along new dimensions in front and along those of 1.
  public func expanded(to newShape: [Int]) -> Tensor {
    precondition(
      Tensor.canExpand(shape, to: newShape), "a tensor of shape \(shape) can't be expanded to the shape \(newShape)")
    guard newShape != shape else { return self }
    let old = shape
    return moved(newShape, Strides(broadcasting: shape, to: newShape)) { dy in dy.summed(to: old) }
  }

  private static func canExpand(_ shape: [Int], to newShape: [Int]) -> Bool {
    let new = newShape.count - shape.count
    return new >= 0 && newShape.allSatisfy { $0 > 0 }
      && shape.indices.allSatisfy { shape[$0] == 1 || shape[$0] == newShape[new + $0] }
  }

  /// The last first along each of `axes`.
  public func flipped(axes: [Int]) -> Tensor {
    precondition(axes.allSatisfy(shape.indices.contains), "axes \(axes) are not all in the shape \(shape)")
    var strides = Strides(contiguous: shape)
    for axis in Set(axes) {
      strides.offset += strides.steps[axis] * (shape[axis] - 1)
      strides.steps[axis] *= -1
    }
    return moved(shape, strides) { dy in dy.flipped(axes: axes) }
  }

  /// One tensor behind the other along `axis`.
  public static func concatenated(_ tensors: [Tensor], axis: Int) -> Tensor {
    let shapes = tensors.map(\.shape)
    let (newShape, places) = concatenationLayout(shapes, axis)
    let y = placed(Array(zip(tensors, places)), in: newShape)
    let wanted = tensors.map(\.isTracked)
    return result(newShape, y.buffer, from: tensors) { dy in
      shapes.indices.map { i in wanted[i] ? dy.moved(shapes[i], places[i]) { $0 } : nil }
    }
  }

  /// Tensors of one shape along a new dimension.
  public static func stack(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    let shape = tensors.first?.shape ?? []
    precondition(
      tensors.allSatisfy { $0.shape == shape } && (0...shape.count).contains(axis),
      "tensors of shapes \(tensors.map(\.shape)) can't be stacked along dimension \(axis)")
    let thin = shape[..<axis] + [1] + shape[axis...]
    return concatenated(tensors.map { $0.reshaped(Array(thin)) }, axis: axis)
  }

  /// The numbers of `newShape` from their places in this tensor.
  private func moved(_ newShape: [Int], _ strides: Strides, pullback: @escaping (Tensor) -> Tensor) -> Tensor {
    .result(newShape, device.gathered(buffer, at: strides, shape: newShape), from: [self]) { [pullback($0)] }
  }

  /// A tensor of `value`, with others at their places in it.
  private static func placed(_ parts: [(tensor: Tensor, at: Strides)], in shape: [Int], value: Float = 0) -> Tensor {
    let device = parts[0].tensor.device
    let isFull = parts.reduce(0) { $0 + $1.tensor.count } == shape.reduce(1, *)
    let y =
      isFull
      ? Tensor(shape: shape, buffer: device.makeBuffer(byteCount: shape.reduce(4, *)))
      : Tensor(repeating: value, shape: shape, on: device)
    for (part, place) in parts {
      device.copy(part.buffer, at: Strides(contiguous: part.shape), to: y.buffer, at: place, shape: part.shape)
    }
    return y
  }
}

extension Strides {
  /// The same steps from another first place on.
  func inside(at corner: [Int]) -> Strides {
    Strides(steps, offset: offset + zip(steps, corner).reduce(0) { $0 + $1.0 * $1.1 })
  }
}

/// What a slice is: its shape, and where it lies.
func sliceLayout(_ shape: [Int], _ axis: Int, _ range: Range<Int>, _ stride: Int) -> ([Int], Strides) {
  precondition(
    shape.indices.contains(axis) && range.lowerBound >= 0 && range.upperBound <= shape[axis] && !range.isEmpty
      && stride > 0,
    "a slice \(range) by \(stride) of dimension \(axis) is empty or not in the shape \(shape)")
  var (newShape, strides) = (shape, Strides(contiguous: shape))
  newShape[axis] = (range.count + stride - 1) / stride
  strides.offset = strides.steps[axis] * range.lowerBound
  strides.steps[axis] *= stride
  return (newShape, strides)
}

/// What a concatenation is: its shape, and where each part lies.
func concatenationLayout(_ shapes: [[Int]], _ axis: Int) -> ([Int], [Strides]) {
  func others(_ shape: [Int]) -> [Int] { shape.enumerated().filter { $0.offset != axis }.map(\.element) }
  precondition(
    shapes.first.map { first in
      first.indices.contains(axis) && shapes.allSatisfy { $0.count == first.count && others($0) == others(first) }
    } ?? false, "tensors of shapes \(shapes) can't be concatenated along dimension \(axis)")
  var shape = shapes[0]
  shape[axis] = shapes.reduce(0) { $0 + $1[axis] }
  var corner = [Int](repeating: 0, count: shape.count)
  let places = shapes.map { part in
    defer { corner[axis] += part[axis] }
    return Strides(contiguous: shape).inside(at: corner)
  }
  return (shape, places)
}
