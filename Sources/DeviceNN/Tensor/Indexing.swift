internal import Kernels

extension Tensor {
  /// The places `indices` along `axis`, whose dimension gives way to those of `indices`. An index outside gives NaN.
  public func gathered(axis: Int, _ indices: IntTensor) -> Tensor {
    precondition(
      shape.indices.contains(axis) && indices.count > 0,
      "indices of shape \(indices.shape) can't gather along dimension \(axis) of the shape \(shape)")
    let (outer, size, inner) = (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
    let (old, count) = (shape, indices.count)
    let y = device.gather(buffer, index: indices.buffer, count: count, outer: outer, axis: size, inner: inner)
    return .result(Array(shape[..<axis] + indices.shape + shape[(axis + 1)...]), y, from: [self]) { dy in
      [
        Tensor(
          shape: old,
          buffer: dy.device.scatterAdd(
            dy.buffer, index: indices.buffer, count: count, outer: outer, axis: size, inner: inner))
      ]
    }
  }

  /// The inverse of `gathered`: this tensor's parts along the dimensions of `indices`, which begin at `axis`, each added
  /// to its place of a dimension of `size`. Parts of one place are added in their order; an index outside adds nowhere.
  public func scatterAdd(axis: Int, _ indices: IntTensor, size: Int) -> Tensor {
    let end = axis + indices.shape.count
    precondition(
      axis >= 0 && end <= shape.count && Array(shape[axis..<Swift.max(axis, end)]) == indices.shape && size > 0,
      "indices of shape \(indices.shape) can't scatter the shape \(shape) from dimension \(axis) on into \(size) places"
    )
    let (outer, count, inner) = (shape[..<axis].reduce(1, *), indices.count, shape[end...].reduce(1, *))
    let old = shape
    let y = device.scatterAdd(buffer, index: indices.buffer, count: count, outer: outer, axis: size, inner: inner)
    return .result(Array(shape[..<axis] + [size] + shape[end...]), y, from: [self]) { dy in
      [
        Tensor(
          shape: old,
          buffer: dy.device.gather(
            dy.buffer, index: indices.buffer, count: count, outer: outer, axis: size, inner: inner))
      ]
    }
  }

  /// The rows of this table(words,features) that `indices` name: (…,features).
  public func embedding(_ indices: IntTensor) -> Tensor {
    precondition(shape.count == 2, "an embedding needs a table(words,features), but its shape is \(shape)")
    return gathered(axis: 0, indices)
  }

  /// The sum of the numbers up to each place along `axis`.
  public func cumulativeSum(axis: Int) -> Tensor {
    precondition(shape.indices.contains(axis), "dimension \(axis) is not in the shape \(shape)")
    let (outer, size, inner) = (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
    func summed(_ x: Tensor, isReversed: Bool) -> Tensor {
      let y = x.device.cumulativeSum(x.buffer, isReversed: isReversed, outer: outer, axis: size, inner: inner)
      return Tensor(shape: x.shape, buffer: y)
    }
    return .result(shape, summed(self, isReversed: false).buffer, from: [self]) { dy in [summed(dy, isReversed: true)] }
  }

  /// The k largest along the last axis, the largest first, and where they stand. Of equals the first is first; NaN counts
  /// as largest.
  public func topK(_ k: Int) -> (values: Tensor, indices: IntTensor) {
    let n = shape.last ?? 0
    precondition(k > 0 && k <= n, "there are no \(k) largest along the last dimension of the shape \(shape)")
    let (rows, old, newShape) = (count / n, shape, Array(shape.dropLast()) + [k])
    let (values, indices) = device.topK(buffer, k: k, rows: rows, n: n)
    let result = Tensor.result(newShape, values, from: [self]) { dy in
      [
        Tensor(
          shape: old,
          buffer: dy.device.scatterAdd(
            dy.buffer, index: indices, count: k, hasOwn: true, outer: rows, axis: n, inner: 1))
      ]
    }
    return (result, IntTensor(shape: newShape, buffer: indices))
  }

  /// The numbers without what is behind the point. NaN becomes 0.
  public func integers() -> IntTensor { IntTensor(shape: shape, buffer: device.integers(buffer, count: count)) }
}
