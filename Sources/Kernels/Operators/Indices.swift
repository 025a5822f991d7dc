/// Operators with Int32 indices along the middle axis of x(outer,axis,inner).
extension Device {
  /// y(outer,count,inner): the places `index` of x, the same for each outer, or with `hasOwn` each outer's own. An index
  /// outside of the axis gives NaN.
  public func gather(
    _ x: Buffer, index: Buffer, count: Int, hasOwn: Bool = false, outer: Int, axis: Int, inner: Int
  ) -> Buffer {
    let y = makeFloats(outer * count * inner)
    let perGroup = max(1, Self.chunk / inner)
    launch(
      Launch(
        "gather", groups: [(count + perGroup - 1) / perGroup, (inner + Self.chunk - 1) / Self.chunk, outer],
        [.int(count), .int(inner), .int(axis), .int(hasOwn ? count : 0), .buffer(index), .buffer(x), .buffer(y)]))
    return y
  }

  /// y(outer,axis,inner): at each place the sum of those of x(outer,count,inner) whose index it is, in their order. An
  /// index outside of the axis adds nowhere.
  public func scatterAdd(
    _ x: Buffer, index: Buffer, count: Int, hasOwn: Bool = false, outer: Int, axis: Int, inner: Int
  ) -> Buffer {
    let y = makeFloats(outer * axis * inner)
    // Each group reads all indices, so there are no more than keep the device busy.
    let ranges = min(axis, max(1, (profile.local > 1 ? 512 : 32) / outer))
    launch(
      Launch(
        "scatter_add", groups: [ranges, outer, 1],
        [.int(count), .int(axis), .int(inner), .int(hasOwn ? count : 0), .buffer(index), .buffer(x), .buffer(y)]))
    return y
  }

  /// y(count,classes): 1 at each one's index, else 0
  public func oneHot(_ index: Buffer, count: Int, classes: Int) -> Buffer {
    let y = makeFloats(count * classes)
    launch(
      Launch(
        "one_hot", groups: Self.flatGroups(count * classes),
        [.int(count), .int(classes), .buffer(index), .buffer(y)]))
    return y
  }

  /// The sum of x up to each place along the axis, or from each place on.
  public func cumulativeSum(_ x: Buffer, isReversed: Bool = false, outer: Int, axis: Int, inner: Int) -> Buffer {
    let y = makeFloats(outer * axis * inner)
    launch(
      Launch(
        "cumulative_sum", groups: [(inner + profile.local - 1) / profile.local, outer, 1],
        [.int(axis), .int(inner), .int(isReversed ? 1 : 0), .buffer(x), .buffer(y)]))
    return y
  }

  /// The k largest of each row of x(rows,n), the largest first, and as Int32 where they stand. Of equals the first is
  /// first; NaN counts as largest.
  public func topK(_ x: Buffer, k: Int, rows: Int, n: Int) -> (values: Buffer, indices: Buffer) {
    let values = makeFloats(rows * k)
    let indices = makeInts(rows * k)
    launch(
      Launch("top_k", groups: [rows, 1, 1], [.int(n), .int(k), .buffer(x), .buffer(values), .buffer(indices)]))
    return (values, indices)
  }
}
