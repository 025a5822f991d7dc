/// Reductions of x(outer,axis,inner) along its middle axis.
extension Device {
  /// Columns that a group of a column kernel covers: `COLUMNS` of kernels.cl.
  var columnsPerGroup: Int { profile.columnVectors * profile.vector * min(profile.local, 16) }

  /// Ranges of rows that are summed apart, by the shape alone.
  func rowChunks(_ rows: Int) -> Int { max(1, min(rows / 64, 64)) }

  /// The groups of a kernel that sums the columns of a matrix by chunks of its rows.
  func columnGroups(_ columns: Int, chunks: Int) -> SIMD3<Int> {
    [(columns + columnsPerGroup - 1) / columnsPerGroup, chunks, 1]
  }

  /// y(outer,inner) = scale · Σ x
  public func sum(_ x: Buffer, outer: Int, axis: Int, inner: Int, scale: Float = 1) -> Buffer {
    // A long axis is cut into chunks whose sums are summed: more groups, and fewer roundings in a row.
    let chunks = min((axis + 511) / 512, 256)
    let partial = chunks > 1 && (inner == 1 || axis >= 2048)
    let y = makeFloats(outer * (partial ? chunks : 1) * inner)
    if inner == 1 {
      launch(
        Launch(
          "reduce_rows", groups: [outer, partial ? chunks : 1, 1],
          [.int(axis), .float(partial ? 1 : scale), .buffer(x), .buffer(y)]))
    } else {
      launch(
        Launch(
          "reduce_columns",
          groups: [outer * ((inner + columnsPerGroup - 1) / columnsPerGroup), partial ? chunks : 1, 1],
          [.int(axis), .int(inner), .float(partial ? 1 : scale), .buffer(x), .buffer(y)]))
    }
    return partial ? sum(y, outer: outer, axis: chunks, inner: inner, scale: scale) : y
  }

  /// The gradient of a sum: y(outer,axis,inner) = scale · x(outer,inner)
  public func broadcast(_ x: Buffer, outer: Int, axis: Int, inner: Int, scale: Float = 1) -> Buffer {
    let y = makeFloats(outer * axis * inner)
    launch(
      Launch(
        "broadcast_axis", groups: [outer * axis, 1, 1],
        [.int(axis), .int(inner), .float(scale), .buffer(x), .buffer(y)]))
    return y
  }

  /// The largest values (outer,inner), and as Int32 where along the axis each first stands. NaN counts as largest.
  public func maximum(_ x: Buffer, outer: Int, axis: Int, inner: Int) -> (values: Buffer, indices: Buffer) {
    let values = makeFloats(outer * inner)
    let indices = makeBuffer(byteCount: outer * inner * MemoryLayout<Int32>.stride)
    launch(
      Launch(
        "reduce_max", groups: [outer, (inner + profile.local - 1) / profile.local, 1],
        [.int(axis), .int(inner), .buffer(x), .buffer(values), .buffer(indices)]))
    return (values, indices)
  }

  public func maximumBackward(_ indices: Buffer, dy: Buffer, outer: Int, axis: Int, inner: Int) -> Buffer {
    let dx = makeFloats(outer * axis * inner)
    launch(
      Launch(
        "reduce_max_backward", groups: [outer, (inner + profile.local - 1) / profile.local, 1],
        [.int(axis), .int(inner), .buffer(indices), .buffer(dy), .buffer(dx)]))
    return dx
  }
}
