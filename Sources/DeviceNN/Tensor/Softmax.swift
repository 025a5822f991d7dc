internal import Kernels

extension Tensor {
  /// Probabilities along the last axis.
  public func softmax() -> Tensor {
    let classes = shape.last!
    let rows = count / classes
    let y = Tensor(shape: shape, buffer: device.softmax(buffer, rows: rows, classes: classes))
    return .result(shape, y.buffer, from: [self]) { dy in
      [Tensor(shape: y.shape, buffer: dy.device.softmaxBackward(y.buffer, dy: dy.buffer, rows: rows, classes: classes))]
    }
  }

  /// The logarithms of `softmax()`, which stay apart where probabilities round to 0 or 1.
  public func logSoftmax() -> Tensor {
    let classes = shape.last!
    let rows = count / classes
    let y = Tensor(shape: shape, buffer: device.logSoftmax(buffer, rows: rows, classes: classes))
    return .result(shape, y.buffer, from: [self]) { dy in
      [Tensor(shape: y.shape, buffer: dy.device.logSoftmaxBackward(y.buffer, dy: dy.buffer, rows: rows, classes: classes))]
    }
  }
}
