public import Kernels

extension Tensor {
  /// The largest of each window of (N,H,W,C).
  public func maxPooled(kernel: Int, stride: Int, padding: Padding = .none, roundsUp: Bool = false) -> Tensor {
    let pool = poolShape(kernel, stride, padding, roundsUp)
    let (values, indices) = device.maxPool(buffer, pool)
    let oldShape = shape
    return .result([shape[0], pool.outputHeight, pool.outputWidth, shape[3]], values, from: [self]) { dy in
      [Tensor(shape: oldShape, buffer: dy.device.maxPoolBackward(indices, dy: dy.buffer, pool))]
    }
  }

  /// The mean of each window of (N,H,W,C).
  public func averagePooled(
    kernel: Int, stride: Int, padding: Padding = .none, roundsUp: Bool = false, countsPadding: Bool = true
  ) -> Tensor {
    let pool = poolShape(kernel, stride, padding, roundsUp)
    let oldShape = shape
    return .result(
      [shape[0], pool.outputHeight, pool.outputWidth, shape[3]],
      device.averagePool(buffer, pool, countsPadding: countsPadding), from: [self]
    ) { dy in
      [Tensor(shape: oldShape, buffer: dy.device.averagePoolBackward(dy.buffer, pool, countsPadding: countsPadding))]
    }
  }

  private func poolShape(_ kernel: Int, _ stride: Int, _ padding: Padding, _ roundsUp: Bool) -> PoolShape {
    precondition(shape.count == 4, "pooling needs x(N,H,W,C), but x is \(shape)")
    return PoolShape(
      batch: shape[0], height: shape[1], width: shape[2], channels: shape[3], kernel: (kernel, kernel),
      stride: (stride, stride), padding: padding, roundsUp: roundsUp)
  }
}
