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

  /// The cross-entropy of each row of logits(N,classes) against its label.
  ///
  /// - Parameter labelSmoothing: the share of the target that is spread over all classes, as in PyTorch (Szegedy 2016).
  public func crossEntropies(_ labels: IntTensor, labelSmoothing: Float = 0) -> Tensor {
    precondition(
      shape.count == 2 && labels.shape == [shape[0]],
      "cross-entropy needs logits(N,classes) and labels(N), but they are \(shape) and \(labels.shape)")
    let (rows, classes) = (shape[0], shape[1])
    let loss = device.crossEntropy(
      buffer, labels: labels.buffer, rows: rows, classes: classes, smoothing: labelSmoothing)
    let logits = self
    return .result([rows], loss, from: [self]) { dy in
      [
        Tensor(
          shape: logits.shape,
          buffer: dy.device.crossEntropyBackward(
            logits.buffer, labels: labels.buffer, dloss: dy.buffer, rows: rows, classes: classes,
            smoothing: labelSmoothing))
      ]
    }
  }

  /// The mean cross-entropy of a batch: a loss.
  public func crossEntropy(_ labels: IntTensor, labelSmoothing: Float = 0) -> Tensor {
    crossEntropies(labels, labelSmoothing: labelSmoothing).mean()
  }
}
