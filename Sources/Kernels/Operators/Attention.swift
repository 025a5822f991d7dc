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
}

extension Device {
  /// y = softmax(scale · q · kᵀ) · v, without storing the scores; logSums(heads,queries) is all that the gradient needs.
  public func attention(_ q: Buffer, _ k: Buffer, _ v: Buffer, _ shape: AttentionShape) -> (y: Buffer, logSums: Buffer) {
    let kPanels = panels(of: k, rows: shape.keys, shape)
    let y = makeFloats(shape.heads * shape.queries * shape.depth)
    let logSums = makeFloats(shape.heads * shape.queries)
    launch(
      Launch(
        "attention", groups: groups(shape.queries, shape),
        shape.arguments + [.buffer(q), .buffer(kPanels), .buffer(v), .buffer(y), .buffer(logSums)], flops: shape.flops))
    return (y, logSums)
  }

  /// Computes the scores again, twice: for the queries, and for the keys.
  public func attentionBackward(
    _ q: Buffer, _ k: Buffer, _ v: Buffer, _ shape: AttentionShape, y: Buffer, logSums: Buffer, dy: Buffer
  ) -> (dq: Buffer, dk: Buffer, dv: Buffer) {
    let delta = makeFloats(shape.heads * shape.queries)
    let dq = makeFloats(shape.heads * shape.queries * shape.depth)
    do {
      let (kPanels, vPanels) = (panels(of: k, rows: shape.keys, shape), panels(of: v, rows: shape.keys, shape))
      launch(
        Launch(
          "attention_backward_queries", groups: groups(shape.queries, shape),
          shape.arguments + [
            .buffer(q), .buffer(k), .buffer(kPanels), .buffer(vPanels), .buffer(y), .buffer(logSums), .buffer(dy),
            .buffer(delta), .buffer(dq),
          ], flops: shape.flops * 1.5))
    }
    let (dk, dv) = (makeFloats(shape.heads * shape.keys * shape.depth), makeFloats(shape.heads * shape.keys * shape.depth))
    let (qPanels, dyPanels) = (panels(of: q, rows: shape.queries, shape), panels(of: dy, rows: shape.queries, shape))
    launch(
      Launch(
        "attention_backward_keys", groups: groups(shape.keys, shape),
        shape.arguments + [
          .buffer(q), .buffer(qPanels), .buffer(k), .buffer(v), .buffer(logSums), .buffer(delta), .buffer(dy),
          .buffer(dyPanels), .buffer(dk), .buffer(dv),
        ], flops: shape.flops * 2))
    return (dq, dk, dv)
  }

  private func groups(_ rows: Int, _ shape: AttentionShape) -> SIMD3<Int> {
    [(rows + profile.attentionRows - 1) / profile.attentionRows, shape.heads, 1]
  }

  /// x(heads,rows,depth) as a right operand with the rows for columns.
  private func panels(of x: Buffer, rows: Int, _ shape: AttentionShape) -> Buffer {
    packPanels(
      x, rows: shape.depth, columns: rows, taps: 1, groups: shape.heads, groupStride: rows * shape.depth, tapStride: 0,
      rowStride: 1, columnStride: shape.depth
    ).buffer
  }
}
