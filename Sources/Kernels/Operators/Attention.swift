/// The sizes of q(heads,queries,depth), k and v(heads,keys,depth); heads are those of all of a batch.
public struct AttentionShape: Sendable, Hashable {
  public var heads: Int
  public var queries: Int
  public var keys: Int
  public var depth: Int
  /// Whether a query sees only keys up to its own place.
  public var isCausal: Bool
  /// What q · k is multiplied with: 1 / √depth in Vaswani et al. 2017.
  public var scale: Float

  public init(heads: Int, queries: Int, keys: Int, depth: Int, isCausal: Bool = false, scale: Float? = nil) {
    self.heads = heads
    self.queries = queries
    self.keys = keys
    self.depth = depth
    self.isCausal = isCausal
    self.scale = scale ?? 1 / Float(depth).squareRoot()
  }

  var arguments: [Launch.Argument] {
    [.int(queries), .int(keys), .int(depth), .int(isCausal ? 1 : 0), .float(scale)]
  }
  var flops: Double { 4 * Double(heads) * Double(queries) * Double(keys) * Double(depth) * (isCausal ? 0.5 : 1) }
  /// Groups for so many rows: ATTENTION_ROWS of kernels.cl.
  func groups(_ rows: Int) -> SIMD3<Int> { [(rows + 3) / 4, heads, 1] }
}

extension Device {
  /// y = softmax(scale · q · kᵀ) · v, without storing the scores; logSums(heads,queries) is all that the gradient needs.
  public func attention(_ q: Buffer, _ k: Buffer, _ v: Buffer, _ shape: AttentionShape) -> (y: Buffer, logSums: Buffer) {
    let y = makeFloats(shape.heads * shape.queries * shape.depth)
    let logSums = makeFloats(shape.heads * shape.queries)
    launch(
      Launch(
        "attention", groups: shape.groups(shape.queries),
        shape.arguments + [.buffer(q), .buffer(k), .buffer(v), .buffer(y), .buffer(logSums)], flops: shape.flops))
    return (y, logSums)
  }

  /// Computes the scores again, twice: for the queries, and for the keys.
  public func attentionBackward(
    _ q: Buffer, _ k: Buffer, _ v: Buffer, _ shape: AttentionShape, y: Buffer, logSums: Buffer, dy: Buffer
  ) -> (dq: Buffer, dk: Buffer, dv: Buffer) {
    let delta = makeFloats(shape.heads * shape.queries)
    let dq = makeFloats(shape.heads * shape.queries * shape.depth)
    let (dk, dv) = (makeFloats(shape.heads * shape.keys * shape.depth), makeFloats(shape.heads * shape.keys * shape.depth))
    let inputs: [Launch.Argument] = [.buffer(q), .buffer(k), .buffer(v)]
    launch(
      Launch(
        "attention_backward_queries", groups: shape.groups(shape.queries),
        shape.arguments + inputs + [.buffer(y), .buffer(logSums), .buffer(dy), .buffer(delta), .buffer(dq)],
        flops: shape.flops * 1.5))
    launch(
      Launch(
        "attention_backward_keys", groups: shape.groups(shape.keys),
        shape.arguments + inputs + [.buffer(logSums), .buffer(delta), .buffer(dy), .buffer(dk), .buffer(dv)],
        flops: shape.flops * 2))
    return (dq, dk, dv)
  }
}
