internal import Kernels

extension Tensor {
  /// The sum along `axes`, or of everything; the axes go, or stay with size 1.
  public func sum(axes: [Int]? = nil, keepsAxes: Bool = false) -> Tensor { reduced(axes, keepsAxes, isMean: false) }

  public func mean(axes: [Int]? = nil, keepsAxes: Bool = false) -> Tensor { reduced(axes, keepsAxes, isMean: true) }

  /// The mean over height and width of (N,H,W,C): (N,C).
  public func globalAveragePooled() -> Tensor {
    precondition(shape.count == 4, "global pooling needs x(N,H,W,C), but x is \(shape)")
    return mean(axes: [1, 2])
  }

  /// The largest along `axis`, which goes. The gradient flows to the first of equals.
  public func max(axis: Int) -> Tensor {
    let (outer, size, inner) = split(axis...axis)
    let (values, indices) = device.maximum(buffer, outer: outer, axis: size, inner: inner)
    let oldShape = shape
    return .result(shape(without: axis...axis), values, from: [self]) { dy in
      [Tensor(shape: oldShape, buffer: dy.device.maximumBackward(indices, dy: dy.buffer, outer: outer, axis: size, inner: inner))]
    }
  }

  /// Where along `axis` the largest stands first.
  public func argmax(axis: Int) -> IntTensor {
    let (outer, size, inner) = split(axis...axis)
    return IntTensor(
      shape: shape(without: axis...axis), buffer: device.maximum(buffer, outer: outer, axis: size, inner: inner).indices)
  }

  /// Reduces runs of neighbouring axes one after the other, the last first.
  private func reduced(_ axes: [Int]?, _ keepsAxes: Bool, isMean: Bool) -> Tensor {
    let axes = Set(axes ?? Array(shape.indices))
    precondition(axes.allSatisfy(shape.indices.contains), "axes \(axes.sorted()) are not all in the shape \(shape)")
    var result = self
    var last = shape.count - 1
    while last >= 0 {
      guard axes.contains(last) else {
        last -= 1
        continue
      }
      var first = last
      while axes.contains(first - 1) { first -= 1 }
      result = result.reduced(first...last, isMean: isMean)
      last = first - 1
    }
    return keepsAxes ? result.reshaped(shape.indices.map { axes.contains($0) ? 1 : shape[$0] }) : result
  }

  private func reduced(_ axes: ClosedRange<Int>, isMean: Bool) -> Tensor {
    let (outer, size, inner) = split(axes)
    let scale = isMean ? 1 / Float(size) : 1
    let oldShape = shape
    let sum = device.sum(buffer, outer: outer, axis: size, inner: inner, scale: scale)
    return .result(shape(without: axes), sum, from: [self]) { dy in
      [Tensor(shape: oldShape, buffer: dy.device.broadcast(dy.buffer, outer: outer, axis: size, inner: inner, scale: scale))]
    }
  }

  /// The elements before, along and behind `axes`.
  private func split(_ axes: ClosedRange<Int>) -> (outer: Int, axis: Int, inner: Int) {
    precondition(
      shape.indices.contains(axes.lowerBound) && shape.indices.contains(axes.upperBound), "axes \(axes) are not in the shape \(shape)")
    return (
      shape[..<axes.lowerBound].reduce(1, *), shape[axes].reduce(1, *), shape[(axes.upperBound + 1)...].reduce(1, *)
    )
  }

  private func shape(without axes: ClosedRange<Int>) -> [Int] {
    Array(shape[..<axes.lowerBound] + shape[(axes.upperBound + 1)...])
  }
}
