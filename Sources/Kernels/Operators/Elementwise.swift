/// Operators on the `count` first floats of buffers, element by element. Each returns a new buffer.
extension Device {
  /// Floats that a group of a flat kernel takes: `CHUNK` of kernels.cl.
  static let chunk = 8192

  static func flatGroups(_ count: Int) -> SIMD3<Int> { [(count + chunk - 1) / chunk, 1, 1] }

  func makeFloats(_ count: Int) -> Buffer { makeBuffer(byteCount: count * MemoryLayout<Float>.stride) }

  public func fill(_ value: Float, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(Launch("fill", groups: Self.flatGroups(count), [.int(count), .float(value), .buffer(y)]))
    return y
  }

  /// scale · x + offset, where an offset of -0 leaves a product of -0 what it is
  public func affine(_ x: Buffer, scale: Float, offset: Float = -0.0, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        "affine", groups: Self.flatGroups(count),
        [.int(count), .float(scale), .float(offset), .buffer(x), .buffer(y)]))
    return y
  }

  public func activate(_ x: Buffer, _ activation: Activation, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        "activation", groups: Self.flatGroups(count),
        [.int(count), .int(activation.rawValue), .buffer(x), .buffer(y)]))
    return y
  }

  /// The gradient of `activate`, from its input or its output `x`.
  public func activateBackward(_ x: Buffer, dy: Buffer, _ activation: Activation, count: Int) -> Buffer {
    let dx = makeFloats(count)
    launch(
      Launch(
        "activation_backward", groups: Self.flatGroups(count),
        [.int(count), .int(activation.rawValue), .buffer(x), .buffer(dy), .buffer(dx)]))
    return dx
  }

  /// dx(rows,columns) from dy and the activation's output y, and the sums of its columns: the gradient of a bias.
  public func activateBackwardSums(
    _ y: Buffer, dy: Buffer, _ activation: Activation, rows: Int, columns: Int
  ) -> (dx: Buffer, sums: Buffer) {
    let dx = makeFloats(rows * columns)
    let chunks = rowChunks(rows)
    let partial = makeFloats(chunks * columns)
    launch(
      Launch(
        "activation_backward_sums", groups: columnGroups(columns, chunks: chunks),
        [.int(rows), .int(columns), .int(activation.rawValue), .buffer(y), .buffer(dy), .buffer(dx), .buffer(partial)]))
    return (dx, sumSplits(partial, chunks, columns))
  }

  public func add(_ a: Buffer, _ b: Buffer, count: Int) -> Buffer { binary(.add, a, b, count: count) }
  public func subtract(_ a: Buffer, _ b: Buffer, count: Int) -> Buffer { binary(.subtract, a, b, count: count) }
  public func multiply(_ a: Buffer, _ b: Buffer, count: Int) -> Buffer { binary(.multiply, a, b, count: count) }
}
