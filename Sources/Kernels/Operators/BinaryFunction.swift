/// A function of two numbers, by its number in kernels.cl's BINARY_FUNCTIONS. Comparisons give 1 or 0.
public enum BinaryFunction: Int, CaseIterable, Sendable {
  case add, subtract, multiply, divide, maximum, minimum
  /// What of a maximum's gradient is the first number's: all, half where both are equal, or nothing.
  case share
  case equal, notEqual, less, lessOrEqual
}

extension Device {
  /// y(count) of a(count) and b(count)
  public func binary(_ function: BinaryFunction, _ a: Buffer, _ b: Buffer, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        "binary", groups: Self.flatGroups(count),
        [.int(count), .int(function.rawValue), .buffer(a), .buffer(b), .buffer(y)]))
    return y
  }

  /// y of `shape` from operands whose shapes broadcast to it as in NumPy.
  public func binary(
    _ function: BinaryFunction, _ a: Buffer, shape aShape: [Int], _ b: Buffer, shape bShape: [Int], to shape: [Int]
  ) -> Buffer {
    let layout = StridedLayout(
      shape, [Strides(broadcasting: aShape, to: shape), Strides(broadcasting: bShape, to: shape)])
    let y = makeFloats(shape.reduce(1, *))
    launch(
      Launch(
        "binary_broadcast", groups: layout.groups(chunk: Self.chunk),
        [.int(function.rawValue)] + layout.sizeArguments + layout.strideArguments(0) + layout.strideArguments(1)
          + [.buffer(a), .buffer(b), .buffer(y)]))
    return y
  }

  /// a(count) where condition(count) is not 0, else b(count)
  public func choose(_ condition: Buffer, _ a: Buffer, _ b: Buffer, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        "choose", groups: Self.flatGroups(count),
        [.int(count), .buffer(condition), .buffer(a), .buffer(b), .buffer(y)]))
    return y
  }
}
