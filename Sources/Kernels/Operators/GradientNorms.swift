/// Norms of many tensors at once, in a fixed order, and what is scaled by them without a word to the host.
extension Device {
  /// Σ x² of each of up to eight tensors: (8), 0 in places without one.
  func squareSums(_ tensors: [(count: Int, buffer: Buffer)]) -> Buffer {
    precondition((1...8).contains(tensors.count), "sums of \(tensors.count) tensors at once, where 1 to 8 fit")
    let (partial, chunks) = partialSquares(tensors)
    return sum(partial, outer: 8, axis: chunks / 8, inner: 1)
  }

  /// Σ x² of all tensors: one number.
  public func squareSum(_ tensors: [(count: Int, buffer: Buffer)]) -> Buffer {
    let (partial, chunks) = partialSquares(tensors)
    return sum(partial, outer: 1, axis: chunks, inner: 1)
  }

  /// (2): the norm √squares, and the factor min(1, limit / (norm + epsilon)), which is NaN where the norm is not finite: so
  /// that nobody misses it.
  public func clipFactor(squares: Buffer, limit: Float, epsilon: Float = 1e-6) -> Buffer {
    let clip = makeFloats(2)
    launch(
      Launch("clip_factor", groups: [1, 1, 1], [.float(limit), .float(epsilon), .buffer(squares), .buffer(clip)]))
    return clip
  }

  /// Each tensor times the factor of `clip`.
  public func scaled(_ tensors: [(count: Int, buffer: Buffer)], by clip: Buffer) -> [Buffer] {
    let results = tensors.map { makeFloats($0.count) }
    inEights(zip(tensors, results).map { ($0.count, [$0.buffer, $1]) }) { eight, groups in
      launch(Launch("scale_tensors", groups: groups, [.buffer(clip)] + eight))
    }
    return results
  }

  /// The sums of squares of chunks of 8192 floats, of all tensors one after the other, and how many they are.
  private func partialSquares(_ tensors: [(count: Int, buffer: Buffer)]) -> (Buffer, count: Int) {
    var launches: [(groups: SIMD3<Int>, eight: [Launch.Argument])] = []
    inEights(tensors.map { ($0.count, [$0.buffer]) }) { eight, groups in launches.append((groups, eight)) }
    let total = launches.reduce(0) { $0 + $1.groups.x * 8 }
    let partial = makeFloats(total)
    var first = 0
    for (groups, eight) in launches {
      launch(Launch("square_sums", groups: groups, [.int(first)] + eight + [.buffer(partial)]))
      first += groups.x * 8
    }
    return (partial, total)
  }
}
