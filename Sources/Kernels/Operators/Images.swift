/// Operators on the network's input, and random numbers.
extension Device {
  /// y(N,pixels,3) = colour · [r, g, b, 1] for bytes(N,pixels,3) and a matrix colour(3,4) of each image.
  public func normalizeBytes(_ bytes: Buffer, colour: Buffer, images: Int, pixels: Int) -> Buffer {
    let y = makeFloats(images * pixels * 3)
    launch(
      Launch(
        "normalize_bytes", groups: [(pixels + 1023) / 1024, images, 1],
        [.int(pixels), .buffer(colour), .buffer(bytes), .buffer(y)]))
    return y
  }

  /// Zeroes each float with `probability` and scales the others up. The same seed and stream drop the same ones, on any
  /// device: so the gradient is this map of dy.
  public func dropout(_ x: Buffer, probability: Float, seed: UInt64, stream: UInt32, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        "dropout", groups: Self.flatGroups(count),
        [
          .int(count), .float(probability), .int(Int(Int32(truncatingIfNeeded: seed))),
          .int(Int(Int32(truncatingIfNeeded: seed >> 32))), .int(Int(Int32(bitPattern: stream))), .buffer(x), .buffer(y),
        ]))
    return y
  }
}
