public import Kernels

extension Tensor {
  /// The mean of each of height · width bins that cover (N,H,W,C): PyTorch's, which overlap where sizes don't divide.
  public func adaptiveAveragePooled(height: Int, width: Int) -> Tensor {
    let sizes = resamplingShape(height, width, "adaptive pooling")
    let oldShape = shape
    return .result([shape[0], height, width, shape[3]], device.adaptiveAveragePool(buffer, sizes), from: [self]) { dy in
      [Tensor(shape: oldShape, buffer: dy.device.adaptiveAveragePoolBackward(dy.buffer, sizes))]
    }
  }

  /// (N,H,W,C) with other sizes. Made smaller, bilinear reads four pixels all the same, as PyTorch's does.
  public func resized(height: Int, width: Int, _ interpolation: Interpolation = .bilinear(alignsCorners: false)) -> Tensor {
    let sizes = resamplingShape(height, width, "resizing")
    let oldShape = shape
    return .result([shape[0], height, width, shape[3]], device.resize(buffer, sizes, interpolation), from: [self]) { dy in
      [Tensor(shape: oldShape, buffer: dy.device.resizeBackward(dy.buffer, sizes, interpolation))]
    }
  }

  private func resamplingShape(_ height: Int, _ width: Int, _ operation: String) -> ResamplingShape {
    precondition(
      shape.count == 4 && height > 0 && width > 0,
      "\(operation) needs x(N,H,W,C) and a size, but x is \(shape) and the size \(height)x\(width)")
    return ResamplingShape(
      batch: shape[0], height: shape[1], width: shape[2], channels: shape[3], outputHeight: height, outputWidth: width)
  }
}
