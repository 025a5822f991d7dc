internal import Kernels

extension Gradients {
  /// The root of the sum of all gradients' squares, as one number on the device: reading it later, a caller learns whether
  /// it was finite.
  public var norm: Tensor { Tensor(shape: [1], buffer: clip(to: .infinity).buffer) }

  /// The gradients scaled down together so that their norm is at most `limit`, as PyTorch's `clip_grad_norm_` does, and the
  /// norm that they had. Nothing waits for the device.
  ///
  /// A norm that is not finite makes all of them NaN, so that nobody misses it: it is in `norm`, to be read when the loss is.
  public func clipped(toNorm limit: Float) -> (gradients: Gradients, norm: Tensor) {
    precondition(limit > 0, "a norm of \(limit) leaves nothing")
    let (clip, ordered) = clip(to: limit)
    let scaled = clip.device.scaled(ordered.map { ($0.count, $0.buffer) }, by: clip)
    return (
      replaced(by: zip(ordered, scaled).map { Tensor(shape: $0.shape, buffer: $1) }), Tensor(shape: [1], buffer: clip)
    )
  }

  private func clip(to limit: Float) -> (buffer: Buffer, gradients: [Tensor]) {
    let ordered = self.ordered
    precondition(!ordered.isEmpty, "there are no gradients")
    let device = ordered[0].device
    return (
      device.clipFactor(squares: device.squareSum(ordered.map { ($0.count, $0.buffer) }), limit: limit), ordered
    )
  }
}
