/// Softmax and its cross-entropy over the rows of logits(rows,classes).
extension Device {
  public func softmax(_ logits: Buffer, rows: Int, classes: Int) -> Buffer {
    let y = makeFloats(rows * classes)
    launch(Launch("softmax", groups: [rows, 1, 1], [.int(classes), .buffer(logits), .buffer(y)]))
    return y
  }

  /// From softmax's result `y`.
  public func softmaxBackward(_ y: Buffer, dy: Buffer, rows: Int, classes: Int) -> Buffer {
    let dx = makeFloats(rows * classes)
    launch(Launch("softmax_backward", groups: [rows, 1, 1], [.int(classes), .buffer(y), .buffer(dy), .buffer(dx)]))
    return dx
  }

  /// loss(rows) against Int32 `labels`(rows), which must be in 0 ..< classes; `smoothing` as PyTorch's `label_smoothing`.
  public func crossEntropy(_ logits: Buffer, labels: Buffer, rows: Int, classes: Int, smoothing: Float) -> Buffer {
    let loss = makeFloats(rows)
    launch(
      Launch(
        "cross_entropy", groups: [rows, 1, 1],
        [.int(classes), .float(smoothing), .buffer(logits), .buffer(labels), .buffer(loss)]))
    return loss
  }

  public func crossEntropyBackward(
    _ logits: Buffer, labels: Buffer, dloss: Buffer, rows: Int, classes: Int, smoothing: Float
  ) -> Buffer {
    let dlogits = makeFloats(rows * classes)
    launch(
      Launch(
        "cross_entropy_backward", groups: [rows, 1, 1],
        [.int(classes), .float(smoothing), .buffer(logits), .buffer(labels), .buffer(dloss), .buffer(dlogits)]))
    return dlogits
  }
}
