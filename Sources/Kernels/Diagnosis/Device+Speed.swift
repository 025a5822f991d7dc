extension Device {
  /// Bytes a second that a kernel reads and writes which only copies: the best of some runs on memory that no cache holds.
  public func copyBandwidth() throws -> Double {
    // Many groups, each of few vectors, so that a group's overhead shows where it is large.
    let count = min(1 << 25, description.maxAllocation / 16, description.memory / 32)
    let x = fill(1, count: count)
    let seconds = try bestTime { _ = affine(x, scale: 1, count: count) }
    return 8 * Double(count) / seconds
  }

  /// Floating-point operations a second at the square matrix product that is fastest here.
  public func matmulSpeed() throws -> Double {
    var best = 0.0
    for size in [256, 512, 1024, 2048, 4096] where 3 * 4 * size * size < description.memory / 8 {
      let shape = MatmulShape(m: size, n: size, k: size)
      let (a, b) = (fill(1, count: size * size), fill(1, count: size * size))
      let seconds = try bestTime { _ = matmul(a, b, shape) }
      best = max(best, shape.flops / seconds)
      // The next size takes eight times as long.
      if seconds > 0.05 { break }
    }
    return best
  }

  /// Seconds of the fastest of at most eight runs within `limit`, after one that pays for preparations.
  func bestTime(within limit: Duration = .milliseconds(500), _ work: () -> Void) throws -> Double {
    work()
    try synchronize()
    let start = ContinuousClock.now
    var best = Double.infinity
    for _ in 0..<8 where best == .infinity || ContinuousClock.now - start < limit {
      let begin = ContinuousClock.now
      work()
      try synchronize()
      best = min(best, (ContinuousClock.now - begin) / .seconds(1))
    }
    return best
  }
}
