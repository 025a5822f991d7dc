internal import Kernels

extension Tensor {
  /// -log P(labels) of each sequence of log-probabilities(T,N,classes), by all ways to spread its labels(N,S) over its
  /// steps with blanks between (Graves et al. 2006). Infinite, and without gradient, where the steps are too few.
  public func ctcLosses(_ labels: IntTensor, inputLengths: [Int], targetLengths: [Int], blank: Int = 0) -> Tensor {
    precondition(
      shape.count == 3 && labels.shape.count == 2 && labels.shape[0] == shape[1],
      "CTC needs log-probabilities(T,N,classes) and labels(N,S), but they are \(shape) and \(labels.shape)")
    precondition(
      inputLengths.count == shape[1] && targetLengths.count == shape[1],
      "\(inputLengths.count) and \(targetLengths.count) lengths for \(shape[1]) sequences")
    precondition(
      inputLengths.allSatisfy { (1...shape[0]).contains($0) } && targetLengths.allSatisfy { (0...labels.shape[1]).contains($0) },
      "lengths \(inputLengths) and \(targetLengths) do not fit \(shape) and labels of \(labels.shape)")
    precondition((0..<shape[2]).contains(blank), "the blank \(blank) is none of \(shape[2]) classes")
    let sizes = CTCShape(steps: shape[0], batch: shape[1], classes: shape[2], most: labels.shape[1], blank: blank)
    let targets = CTCTargets(
      labels: labels.buffer, inputLengths: device.makeBuffer(inputLengths.map { Int32($0) }),
      targetLengths: device.makeBuffer(targetLengths.map { Int32($0) }))
    let (loss, alpha) = device.ctc(buffer, targets, sizes)
    let x = self
    return .result([shape[1]], loss, from: [self]) { dy in
      [
        Tensor(
          shape: x.shape,
          buffer: dy.device.ctcBackward(x.buffer, targets, sizes, loss: loss, alpha: alpha, dloss: dy.buffer))
      ]
    }
  }

  /// The mean over sequences of a label's share in the loss, as PyTorch's `mean`.
  public func ctcLoss(_ labels: IntTensor, inputLengths: [Int], targetLengths: [Int], blank: Int = 0) -> Tensor {
    let losses = ctcLosses(labels, inputLengths: inputLengths, targetLengths: targetLengths, blank: blank)
    let shares = targetLengths.map { 1 / Float(Swift.max($0, 1) * targetLengths.count) }
    return (losses * Tensor(shares, shape: losses.shape, on: device)).sum()
  }
}
