/// The sizes of q(batch,queries,heads,depth), k and v(batch,keys,heads,depth): the heads of a token lie side by side.
public struct AttentionShape: Sendable, Hashable {
  public var batch: Int
  public var heads: Int
  public var queries: Int
  public var keys: Int
  public var depth: Int
  /// Whether a query sees only keys up to its own place.
  public var isCausal: Bool
  /// What q · k is multiplied with: 1 / √depth in Vaswani et al. 2017.
  public var scale: Float

  public init(
    batch: Int, heads: Int = 1, queries: Int, keys: Int, depth: Int, isCausal: Bool = false, scale: Float? = nil
  ) {
    self.batch = batch
    self.heads = heads
    self.queries = queries
    self.keys = keys
    self.depth = depth
    self.isCausal = isCausal
    self.scale = scale ?? 1 / Float(depth).squareRoot()
  }

  /// Queries, keys or values that have a buffer for themselves.
  public func whole(_ tokens: Buffer) -> MapPart { MapPart(tokens, channels: heads * depth) }

  func check(_ parts: MapPart...) {
    for part in parts {
      precondition(
        part.first + heads * depth <= part.channels,
        "\(heads) heads of \(depth) from channel \(part.first) on are more than a map's \(part.channels) channels")
    }
  }

  var arguments: [Launch.Argument] {
    [.int(queries), .int(keys), .int(heads), .int(depth), .int(isCausal ? 1 : 0), .float(scale)]
  }
  var flops: Double {
    4 * Double(batch * heads) * Double(queries) * Double(keys) * Double(depth) * (isCausal ? 0.5 : 1)
  }
}

extension Device {
  /// y = softmax(scale · q · kᵀ) · v, without storing the scores; logSums(batch,heads,queries) is all that the gradient
  /// needs of them. Queries, keys and values may be parts of one map.
  public func attention(_ q: MapPart, _ k: MapPart, _ v: MapPart, _ shape: AttentionShape) -> (y: Buffer, logSums: Buffer) {
    shape.check(q, k, v)
    let kPanels = panels(of: k, tokens: shape.keys, shape)
    let y = makeFloats(shape.batch * shape.queries * shape.heads * shape.depth)
    let logSums = makeFloats(shape.batch * shape.heads * shape.queries)
    launch(
      Launch(
        "attention", groups: groups(shape.queries, shape),
        shape.arguments + q.place + v.place + [
          .buffer(q.map), .buffer(kPanels), .buffer(v.map), .buffer(y), .buffer(logSums),
        ], flops: shape.flops))
    return (y, logSums)
  }

  /// Writes the gradients to dq, dk and dv. Computes the scores again, twice: for the queries, and for the keys.
  public func attentionBackward(
    _ q: MapPart, _ k: MapPart, _ v: MapPart, _ shape: AttentionShape, y: Buffer, logSums: Buffer, dy: Buffer,
    to dq: MapPart, _ dk: MapPart, _ dv: MapPart
  ) {
    shape.check(q, k, v, dq, dk, dv)
    let delta = makeFloats(shape.batch * shape.heads * shape.queries)
    do {
      let (kPanels, vPanels) = (panels(of: k, tokens: shape.keys, shape), panels(of: v, tokens: shape.keys, shape))
      launch(
        Launch(
          "attention_backward_queries", groups: groups(shape.queries, shape),
          shape.arguments + q.place + k.place + dq.place + [
            .buffer(q.map), .buffer(k.map), .buffer(kPanels), .buffer(vPanels), .buffer(y), .buffer(logSums), .buffer(dy),
            .buffer(delta), .buffer(dq.map),
          ], flops: shape.flops * 1.5))
    }
    let qPanels = panels(of: q, tokens: shape.queries, shape)
    let dyPanels = panels(of: shape.whole(dy), tokens: shape.queries, shape)
    launch(
      Launch(
        "attention_backward_keys", groups: groups(shape.keys, shape),
        shape.arguments + q.place + k.place + v.place + dk.place + dv.place + [
          .buffer(q.map), .buffer(qPanels), .buffer(k.map), .buffer(v.map), .buffer(logSums), .buffer(delta), .buffer(dy),
          .buffer(dyPanels), .buffer(dk.map), .buffer(dv.map),
        ], flops: shape.flops * 2))
  }

  private func groups(_ tokens: Int, _ shape: AttentionShape) -> SIMD3<Int> {
    [(tokens + profile.attentionRows - 1) / profile.attentionRows * shape.batch * shape.heads, 1, 1]
  }

  /// Panels(batch,panel,head,depth,…) of x, whose columns are tokens.
  private func panels(of x: MapPart, tokens: Int, _ shape: AttentionShape) -> Buffer {
    packPanels(
      x.map, first: x.first, rows: shape.depth, columns: tokens, taps: shape.heads, groups: shape.batch,
      groupStride: tokens * x.channels, tapStride: shape.depth, rowStride: 1, columnStride: x.channels
    ).buffer
  }
}
