/// Softmax over the rows of logits(rows,classes).
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

  /// log softmax, which loses no digits where a probability is near 0.
  public func logSoftmax(_ logits: Buffer, rows: Int, classes: Int) -> Buffer {
    let y = makeFloats(rows * classes)
    launch(Launch("log_softmax", groups: [rows, 1, 1], [.int(classes), .buffer(logits), .buffer(y)]))
    return y
  }

  /// From log softmax's result `y`.
  public func logSoftmaxBackward(_ y: Buffer, dy: Buffer, rows: Int, classes: Int) -> Buffer {
    let dx = makeFloats(rows * classes)
    launch(Launch("log_softmax_backward", groups: [rows, 1, 1], [.int(classes), .buffer(y), .buffer(dy), .buffer(dx)]))
    return dx
  }
}
