/// What the rows of logits(rows,classes) are compared with.
public enum CrossEntropyTarget: Sendable {
  /// Int32 labels(rows). A row whose label is `ignored` has no loss; any other label outside of 0 ..< classes makes its
  /// row's loss NaN.
  case labels(Buffer, ignored: Int)
  /// Probabilities (rows,classes).
  case probabilities(Buffer)
}

/// The sizes and constants of a cross-entropy, as PyTorch's.
public struct CrossEntropyShape: Sendable {
  public var rows: Int
  public var classes: Int
  /// The share of a target that is spread over all classes.
  public var smoothing: Float
  /// What each class's part of the loss is multiplied with; 1 where nil.
  public var weights: Buffer?

  public init(rows: Int, classes: Int, smoothing: Float = 0, weights: Buffer? = nil) {
    self.rows = rows
    self.classes = classes
    self.smoothing = smoothing
    self.weights = weights
  }
}

extension Device {
  /// loss(rows), and where targets are labels weight(rows), by whose sum a mean is divided: 0 for an ignored row.
  public func crossEntropy(
    _ logits: Buffer, _ target: CrossEntropyTarget, _ shape: CrossEntropyShape
  ) -> (loss: Buffer, weight: Buffer?) {
    let loss = makeFloats(shape.rows)
    let weights: [Launch.Argument] = [.buffer(shape.weights ?? logits), .buffer(loss)]
    switch target {
    case .labels(let labels, let ignored):
      let weight = makeFloats(shape.rows)
      launch(
        Launch(
          "cross_entropy", groups: [shape.rows, 1, 1],
          [.int(shape.classes), .float(shape.smoothing), .int(ignored), .int(shape.weights == nil ? 0 : 1)]
            + [.buffer(logits), .buffer(labels)] + weights + [.buffer(weight)]))
      return (loss, weight)
    case .probabilities(let targets):
      launch(
        Launch(
          "cross_entropy_soft", groups: [shape.rows, 1, 1],
          [.int(shape.classes), .float(shape.smoothing), .int(shape.weights == nil ? 0 : 1)]
            + [.buffer(logits), .buffer(targets)] + weights))
      return (loss, nil)
    }
  }

  /// - Parameter isShared: whether `dloss` is one number for all rows, not one each.
  public func crossEntropyBackward(
    _ logits: Buffer, _ target: CrossEntropyTarget, _ shape: CrossEntropyShape, dloss: Buffer, isShared: Bool = false
  ) -> Buffer {
    let dlogits = makeFloats(shape.rows * shape.classes)
    let flags: [Launch.Argument] = [.int(shape.weights == nil ? 0 : 1), .int(isShared ? 0 : 1), .buffer(logits)]
    let buffers: [Launch.Argument] = [.buffer(shape.weights ?? logits), .buffer(dloss), .buffer(dlogits)]
    switch target {
    case .labels(let labels, let ignored):
      launch(
        Launch(
          "cross_entropy_backward", groups: [shape.rows, 1, 1],
          [.int(shape.classes), .float(shape.smoothing), .int(ignored)] + flags + [.buffer(labels)] + buffers))
    case .probabilities(let targets):
      launch(
        Launch(
          "cross_entropy_soft_backward", groups: [shape.rows, 1, 1],
          [.int(shape.classes), .float(shape.smoothing)] + flags + [.buffer(targets)] + buffers))
    }
    return dlogits
  }

  /// Σ loss / Σ weight and 1 / Σ weight, both 0 where no row has a weight.
  public func weightedMean(_ loss: Buffer, weight: Buffer, rows: Int) -> (mean: Buffer, inverse: Buffer) {
    let (mean, inverse) = (makeFloats(1), makeFloats(1))
    launch(
      Launch(
        "weighted_mean", groups: [1, 1, 1],
        [
          .buffer(sum(loss, outer: 1, axis: rows, inner: 1)), .buffer(sum(weight, outer: 1, axis: rows, inner: 1)),
          .buffer(mean), .buffer(inverse),
        ]))
    return (mean, inverse)
  }
}
