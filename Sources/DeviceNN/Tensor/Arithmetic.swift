internal import Kernels

// Arithmetic that broadcasts as NumPy's: shapes are aligned at their last dimension, and a dimension of 1, or one that is
// not there, repeats itself.
extension Tensor {
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    binary("+", .add, a, b) { dy in [dy, dy] }
  }

  public static func - (a: Tensor, b: Tensor) -> Tensor {
    binary("-", .subtract, a, b) { dy in [dy, b.isTracked ? -dy : nil] }
  }

  public static func * (a: Tensor, b: Tensor) -> Tensor {
    let (x, y) = (a.detached, b.detached)
    let (wantsA, wantsB) = (a.isTracked, b.isTracked)
    return binary("*", .multiply, a, b) { dy in [wantsA ? dy * y : nil, wantsB ? dy * x : nil] }
  }

  public static func / (a: Tensor, b: Tensor) -> Tensor {
    let (x, y) = (a.detached, b.detached)
    let (wantsA, wantsB) = (a.isTracked, b.isTracked)
    return binary("/", .divide, a, b) { dy in
      let quotient = dy / y
      return [wantsA ? quotient : nil, wantsB ? -(quotient * (x / y)) : nil]
    }
  }

  /// The larger of each pair, NaN if one is. Where both are equal, each gets half of the gradient.
  public static func maximum(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (x, y) = (a.detached, b.detached)
    return binary("maximum", .maximum, a, b) { dy in
      [dy * compared("maximum", .share, x, y), dy * compared("maximum", .share, y, x)]
    }
  }

  /// The smaller of each pair, NaN if one is. Where both are equal, each gets half of the gradient.
  public static func minimum(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (x, y) = (a.detached, b.detached)
    return binary("minimum", .minimum, a, b) { dy in
      [dy * compared("minimum", .share, y, x), dy * compared("minimum", .share, x, y)]
    }
  }

  // MARK: With a number

  public static func + (x: Tensor, number: Float) -> Tensor { x.affine(1, number) { $0 } }
  public static func + (number: Float, x: Tensor) -> Tensor { x + number }
  public static func - (x: Tensor, number: Float) -> Tensor { x.affine(1, -number) { $0 } }
  public static func - (number: Float, x: Tensor) -> Tensor { x.affine(-1, number) { -$0 } }
  public static func * (x: Tensor, number: Float) -> Tensor { x.affine(number, -0.0) { $0 * number } }
  public static func * (number: Float, x: Tensor) -> Tensor { x * number }
  public static func / (x: Tensor, number: Float) -> Tensor { x * (1 / number) }
  public static func / (number: Float, x: Tensor) -> Tensor { x.reciprocal() * number }
  public static func maximum(_ x: Tensor, _ number: Float) -> Tensor { maximum(x, x.scalar(number)) }
  public static func minimum(_ x: Tensor, _ number: Float) -> Tensor { minimum(x, x.scalar(number)) }

  private func affine(_ scale: Float, _ offset: Float, pullback: @escaping (Tensor) -> Tensor) -> Tensor {
    .result(shape, device.affine(buffer, scale: scale, offset: offset, count: count), from: [self]) { [pullback($0)] }
  }

  /// A number where this tensor is.
  fileprivate func scalar(_ number: Float) -> Tensor { Tensor(repeating: number, shape: [], on: device) }

  // MARK: Choice

  /// `a` where `condition` is not 0, else `b`; all three broadcast.
  public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    let shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape, "where"), "where")
    let mask = condition.detached.expanded(to: shape)
    let (wantsA, wantsB) = (a.isTracked, b.isTracked)
    return choice(mask, a.expanded(to: shape), b.expanded(to: shape)) { dy in
      let none = Tensor(repeating: 0, shape: shape, on: dy.device)
      return [
        wantsA ? choice(mask, dy, none) { _ in [] } : nil, wantsB ? choice(mask, none, dy) { _ in [] } : nil,
      ]
    }
  }

  public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Float) -> Tensor {
    `where`(condition, a, a.scalar(b))
  }
  public static func `where`(_ condition: Tensor, _ a: Float, _ b: Tensor) -> Tensor {
    `where`(condition, b.scalar(a), b)
  }

  private static func choice(_ mask: Tensor, _ a: Tensor, _ b: Tensor, pullback: @escaping (Tensor) -> [Tensor?])
    -> Tensor
  {
    result(
      mask.shape, mask.device.choose(mask.buffer, a.buffer, b.buffer, count: mask.count), from: [a, b],
      pullback: pullback)
  }

  // MARK: Broadcasting

  /// The shape that both broadcast to.
  static func broadcastShape(_ a: [Int], _ b: [Int], _ operation: String) -> [Int] {
    let rank = Swift.max(a.count, b.count)
    return (0..<rank).map { i in
      let (m, n) = (a.count - rank + i, b.count - rank + i)
      let (p, q) = (m < 0 ? 1 : a[m], n < 0 ? 1 : b[n])
      precondition(p == q || p == 1 || q == 1, "\(operation) can't broadcast the shapes \(a) and \(b) to one")
      return p == 1 ? q : p
    }
  }

  /// `pullback` gives gradients of the result's shape, of which each operand gets the sum over what was repeated.
  private static func binary(
    _ operation: String, _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, pullback: @escaping (Tensor) -> [Tensor?]
  ) -> Tensor {
    if a.shape == b.shape {
      return result(
        a.shape, a.device.binary(function, a.buffer, b.buffer, count: a.count), from: [a, b], pullback: pullback)
    }
    let (aShape, bShape) = (a.shape, b.shape)
    let shape = broadcastShape(aShape, bShape, operation)
    return result(
      shape, a.device.binary(function, a.buffer, shape: aShape, b.buffer, shape: bShape, to: shape), from: [a, b]
    ) { dy in
      zip(pullback(dy), [aShape, bShape]).map { $0?.summed(to: $1) }
    }
  }

  /// A function that has no gradient.
  fileprivate static func compared(_ operation: String, _ function: BinaryFunction, _ a: Tensor, _ b: Tensor) -> Tensor
  {
    binary(operation, function, a.detached, b.detached) { _ in [] }
  }

  /// The sum over what broadcasting to this shape repeated.
  func summed(to smaller: [Int]) -> Tensor {
    guard smaller != shape else { return self }
    let new = shape.count - smaller.count
    let axes = shape.indices.filter { $0 < new || smaller[$0 - new] != shape[$0] }
    return (axes.isEmpty ? self : sum(axes: axes)).reshaped(smaller)
  }
}

// Comparisons: 1 where they hold, else 0, and no gradient.
extension Tensor {
  public static func .== (a: Tensor, b: Tensor) -> Tensor { compared(".==", .equal, a, b) }
  public static func .!= (a: Tensor, b: Tensor) -> Tensor { compared(".!=", .notEqual, a, b) }
  public static func .< (a: Tensor, b: Tensor) -> Tensor { compared(".<", .less, a, b) }
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { compared(".<=", .lessOrEqual, a, b) }
  public static func .> (a: Tensor, b: Tensor) -> Tensor { compared(".>", .less, b, a) }
  public static func .>= (a: Tensor, b: Tensor) -> Tensor { compared(".>=", .lessOrEqual, b, a) }

  public static func .== (x: Tensor, number: Float) -> Tensor { x .== x.scalar(number) }
  public static func .!= (x: Tensor, number: Float) -> Tensor { x .!= x.scalar(number) }
  public static func .< (x: Tensor, number: Float) -> Tensor { x .< x.scalar(number) }
  public static func .<= (x: Tensor, number: Float) -> Tensor { x .<= x.scalar(number) }
  public static func .> (x: Tensor, number: Float) -> Tensor { x .> x.scalar(number) }
  public static func .>= (x: Tensor, number: Float) -> Tensor { x .>= x.scalar(number) }
}
