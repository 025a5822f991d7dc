public import Kernels

// Cross-entropy, as PyTorch defines it: with labels or probabilities, weights of classes, and smoothing (Szegedy 2016).
extension Tensor {
  /// The label that PyTorch ignores unless told otherwise.
  public static let ignoredLabel = -100

  /// The cross-entropy of each row of logits(N,classes) against its label.
  ///
  /// - Parameters:
  ///   - labelSmoothing: the share of the target that is spread over all classes.
  ///   - classWeights: what a class's part is multiplied with.
  ///   - ignoring: the label of rows that have no loss. Any other that is no class makes its row's loss NaN.
  public func crossEntropies(
    _ labels: IntTensor, labelSmoothing: Float = 0, classWeights: Tensor? = nil, ignoring: Int = ignoredLabel
  ) -> Tensor {
    let (target, shape) = labelled(labels, labelSmoothing, classWeights, ignoring)
    let logits = self
    return .result([shape.rows], device.crossEntropy(buffer, target, shape).loss, from: [self]) { dy in
      [Tensor(shape: logits.shape, buffer: dy.device.crossEntropyBackward(logits.buffer, target, shape, dloss: dy.buffer))]
    }
  }

  /// The mean cross-entropy of a batch: a loss. Divided by the weights of the labels that are not ignored; where all are,
  /// loss and gradient are 0, not PyTorch's NaN.
  public func crossEntropy(
    _ labels: IntTensor, labelSmoothing: Float = 0, classWeights: Tensor? = nil, ignoring: Int = ignoredLabel
  ) -> Tensor {
    let (target, shape) = labelled(labels, labelSmoothing, classWeights, ignoring)
    let (loss, weight) = device.crossEntropy(buffer, target, shape)
    let (mean, inverse) = device.weightedMean(loss, weight: weight!, rows: shape.rows)
    let logits = self
    return .result([], mean, from: [self]) { dy in
      let dloss = dy.device.multiply(dy.buffer, inverse, count: 1)
      return [
        Tensor(
          shape: logits.shape,
          buffer: dy.device.crossEntropyBackward(logits.buffer, target, shape, dloss: dloss, isShared: true))
      ]
    }
  }

  /// The cross-entropy of each row of logits(N,classes) against probabilities(N,classes), which need not add up to 1. No
  /// gradient flows into them.
  public func crossEntropies(
    probabilities: Tensor, labelSmoothing: Float = 0, classWeights: Tensor? = nil
  ) -> Tensor {
    precondition(
      shape.count == 2 && probabilities.shape == shape,
      "cross-entropy needs logits(N,classes) and probabilities(N,classes), but they are \(shape) and \(probabilities.shape)")
    let (target, shape) = (CrossEntropyTarget.probabilities(probabilities.buffer), weighted(labelSmoothing, classWeights))
    let logits = self
    return .result([shape.rows], device.crossEntropy(buffer, target, shape).loss, from: [self]) { dy in
      [Tensor(shape: logits.shape, buffer: dy.device.crossEntropyBackward(logits.buffer, target, shape, dloss: dy.buffer))]
    }
  }

  public func crossEntropy(probabilities: Tensor, labelSmoothing: Float = 0, classWeights: Tensor? = nil) -> Tensor {
    crossEntropies(probabilities: probabilities, labelSmoothing: labelSmoothing, classWeights: classWeights).mean()
  }

  private func labelled(
    _ labels: IntTensor, _ smoothing: Float, _ weights: Tensor?, _ ignored: Int
  ) -> (CrossEntropyTarget, CrossEntropyShape) {
    precondition(
      shape.count == 2 && labels.shape == [shape[0]],
      "cross-entropy needs logits(N,classes) and labels(N), but they are \(shape) and \(labels.shape)")
    return (.labels(labels.buffer, ignored: ignored), weighted(smoothing, weights))
  }

  private func weighted(_ smoothing: Float, _ weights: Tensor?) -> CrossEntropyShape {
    precondition(
      weights == nil || weights!.shape == [shape[1]],
      "class weights of shape \(weights?.shape ?? []) do not fit logits of shape \(shape)")
    return CrossEntropyShape(rows: shape[0], classes: shape[1], smoothing: smoothing, weights: weights?.buffer)
  }
}

// Losses of single elements.
extension Tensor {
  /// How far each element is from its target.
  public func losses(_ loss: ElementLoss, _ target: Tensor) -> Tensor {
    precondition(shape == target.shape, "a loss needs a target of the shape \(shape), but it is \(target.shape)")
    let (x, target) = (self, target)
    return .result(shape, device.elementLoss(buffer, target: target.buffer, loss, count: count), from: [x, target]) { dy in
      let dx = Tensor(
        shape: x.shape,
        buffer: dy.device.elementLossBackward(x.buffer, target: target.buffer, dy: dy.buffer, loss, count: x.count))
      guard target.isTracked else { return [dx, nil] }
      return [dx, loss == .binaryCrossEntropy ? dy * x.detached * -1 : dx * -1]
    }
  }

  /// The mean over all elements: a loss.
  public func loss(_ loss: ElementLoss, _ target: Tensor) -> Tensor { losses(loss, target).mean() }
}
