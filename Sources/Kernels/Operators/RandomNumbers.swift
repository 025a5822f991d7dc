/// Random numbers as a function of (seed, stream, place), by Philox4x32-10: word i is that of Swift's generator, too.
extension Device {
  /// `count` words of 32 bits, the same everywhere.
  public func randomWords(seed: UInt64, stream: UInt32, count: Int) -> Buffer {
    random("random_words", [], seed, stream, count)
  }

  /// Numbers in low ..< high, with the same bits on every device.
  public func randomUniform(_ range: Range<Float>, seed: UInt64, stream: UInt32, count: Int) -> Buffer {
    random(
      "random_uniform",
      [.float(range.lowerBound), .float(range.upperBound - range.lowerBound), .float(range.upperBound.nextDown)], seed,
      stream, count)
  }

  /// Normal numbers, on every device from the same words. OpenCL leaves log, sqrt and cospi some last places, so that
  /// devices differ by up to 2e-6 · deviation · (1 + |z|).
  public func randomNormal(mean: Float, deviation: Float, seed: UInt64, stream: UInt32, count: Int) -> Buffer {
    random("random_normal", [.float(mean), .float(deviation)], seed, stream, count)
  }

  private func random(
    _ kernel: String, _ scalars: [Launch.Argument], _ seed: UInt64, _ stream: UInt32, _ count: Int
  ) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        kernel, groups: Self.flatGroups(count),
        [.int(count)] + scalars + [
          .int(Int(Int32(truncatingIfNeeded: seed))), .int(Int(Int32(truncatingIfNeeded: seed >> 32))),
          .int(Int(Int32(bitPattern: stream))), .buffer(y),
        ]))
    return y
  }
}
