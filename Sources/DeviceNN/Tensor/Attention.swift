internal import Kernels

extension Tensor {
  /// softmax(scale · self · kᵀ) · v of queries self(…,T,D), k and v(…,S,D); leading dimensions are batch and heads. The
  /// scores are never stored: memory grows with T, not T · S (Dao et al. 2022).
  ///
  /// - Parameters:
  ///   - isCausal: whether query t sees keys 0 ... t alone.
  ///   - scale: 1 / √D where nil.
  public func attention(_ k: Tensor, _ v: Tensor, isCausal: Bool = false, scale: Float? = nil) -> Tensor {
    precondition(
      shape.count >= 2 && k.shape.count == shape.count && k.shape == v.shape
        && k.shape.dropLast(2) == shape.dropLast(2) && k.shape.last == shape.last,
      "attention needs q(…,T,D), k(…,S,D) and v(…,S,D), but they are \(shape), \(k.shape) and \(v.shape)")
    let sizes = AttentionShape(
      heads: shape.dropLast(2).reduce(1, *), queries: shape[shape.count - 2], keys: k.shape[shape.count - 2],
      depth: shape.last!, isCausal: isCausal, scale: scale)
    let (y, logSums) = device.attention(buffer, k.buffer, v.buffer, sizes)
    let q = self
    return .result(shape, y, from: [self, k, v]) { dy in
      let (dq, dk, dv) = dy.device.attentionBackward(
        q.buffer, k.buffer, v.buffer, sizes, y: y, logSums: logSums, dy: dy.buffer)
      return [
        Tensor(shape: q.shape, buffer: dq), Tensor(shape: k.shape, buffer: dk), Tensor(shape: v.shape, buffer: dv),
      ]
    }
  }
}
