/// How a whole number is compared with another.
public enum IntComparison: Sendable, CaseIterable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

  /// Whether it holds for a number that is less, equal, more.
  fileprivate var holds: [Bool] {
    switch self {
    case .equal: [false, true, false]
    case .notEqual: [true, false, true]
    case .less: [true, false, false]
    case .lessOrEqual: [true, true, false]
    case .greater: [false, false, true]
    case .greaterOrEqual: [false, true, true]
    }
  }
}

/// Operators on Int32 numbers.
extension Device {
  func makeInts(_ count: Int) -> Buffer { makeBuffer(byteCount: count * MemoryLayout<Int32>.stride) }

  public func floats(_ x: Buffer, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(Launch("int_to_float", groups: Self.flatGroups(count), [.int(count), .buffer(x), .buffer(y)]))
    return y
  }

  /// Rounds towards zero. NaN becomes 0, and what no Int32 holds the nearest that is one.
  public func integers(_ x: Buffer, count: Int) -> Buffer {
    let y = makeInts(count)
    launch(Launch("float_to_int", groups: Self.flatGroups(count), [.int(count), .buffer(x), .buffer(y)]))
    return y
  }

  /// 1 where x compares so with `value`, else 0: floats.
  public func compare(_ x: Buffer, _ comparison: IntComparison, _ value: Int32, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        "int_compare", groups: Self.flatGroups(count),
        [.int(count), .int(Int(value))] + comparison.holds.map { .int($0 ? 1 : 0) } + [.buffer(x), .buffer(y)]))
    return y
  }
}
