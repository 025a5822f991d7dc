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

  /// Places that one lane sums: `SPAN` of kernels.cl.
  private static let span = 128

  /// The sum of x up to each place along the axis, or from each place on.
  public func cumulativeSum(_ x: Buffer, isReversed: Bool = false, outer: Int, axis: Int, inner: Int) -> Buffer {
    let spans = (axis + Self.span - 1) / Self.span
    func launch(_ kernel: String, spans: Int, _ inputs: Buffer..., to y: Buffer) {
      let count = outer * spans * inner
      self.launch(
        Launch(
          kernel, groups: [(count + profile.local - 1) / profile.local, 1, 1],
          [.int(count), .int(axis), .int(inner), .int(isReversed ? 1 : 0)] + (inputs + [y]).map { .buffer($0) }))
    }
    // A single span begins with nothing, and reads none of this.
    var starts = x
    if spans > 1 {
      let sums = makeFloats(outer * (spans - 1) * inner)
      launch("span_sums", spans: spans - 1, x, to: sums)
      starts = cumulativeSum(sums, outer: outer, axis: spans - 1, inner: inner)
    }
    let y = makeFloats(outer * axis * inner)
    launch("cumulative_sum", spans: spans, x, starts, to: y)
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
