internal import Kernels

extension Tensor {
  /// softmax(scale · self · kᵀ) · v of queries self(…,T,D), k and v(…,S,D); leading dimensions are batch and heads. The
  /// scores are never stored: memory grows with T + S, not T · S (Dao et al. 2022).
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
      batch: shape.dropLast(2).reduce(1, *), queries: shape[shape.count - 2], keys: k.shape[shape.count - 2],
      depth: shape.last!, isCausal: isCausal, scale: scale)
    let inputs = [self, k, v]
    let parts = inputs.map { sizes.whole($0.buffer) }
    let (y, logSums) = device.attention(parts[0], parts[1], parts[2], sizes)
    return .result(shape, y, from: inputs) { dy in
      let gradients = inputs.map { Tensor(shape: $0.shape, buffer: dy.device.makeBuffer(byteCount: 4 * $0.count)) }
      let to = gradients.map { sizes.whole($0.buffer) }
      dy.device.attentionBackward(
        parts[0], parts[1], parts[2], sizes, y: y, logSums: logSums, dy: dy.buffer, to: to[0], to[1], to[2])
      return gradients
    }
  }

  /// The attention of tokens to each other: self(…,T,3 · heads · D) are each token's queries, keys and values of all heads,
  /// one behind the other, and the result is (…,T,heads · D). Nothing is copied, into heads or back.
  public func selfAttention(heads: Int, isCausal: Bool = false, scale: Float? = nil) -> Tensor {
    precondition(
      shape.count >= 2 && heads > 0 && shape.last! % (3 * heads) == 0,
      "self-attention of \(heads) heads needs (…,T,3 · \(heads) · D), but it is \(shape)")
    let (tokens, channels) = (shape[shape.count - 2], shape.last! / 3)
    let sizes = AttentionShape(
      batch: shape.dropLast(2).reduce(1, *), heads: heads, queries: tokens, keys: tokens, depth: channels / heads,
      isCausal: isCausal, scale: scale)
    func parts(_ buffer: Buffer) -> [MapPart] {
      (0..<3).map { MapPart(buffer, channels: 3 * channels, first: $0 * channels) }
    }
    let (x, old) = (parts(buffer), shape)
    let (y, logSums) = device.attention(x[0], x[1], x[2], sizes)
    return .result(shape.dropLast() + [channels], y, from: [self]) { dy in
      let dx = dy.device.makeBuffer(byteCount: old.reduce(4, *))
      let to = parts(dx)
      dy.device.attentionBackward(
        x[0], x[1], x[2], sizes, y: y, logSums: logSums, dy: dy.buffer, to: to[0], to[1], to[2])
      return [Tensor(shape: old, buffer: dx)]
    }
  }
}
