/// A function of one number, by its number in kernels.cl's UNARY_FUNCTIONS, where its formula and its derivative stand.
public enum UnaryFunction: Int, CaseIterable, Sendable {
  case negate, abs, square, reciprocal, sqrt, exp, log
  case sigmoid, tanh, gelu, geluTanh, silu, hardSigmoid, hardSwish, leakyReLU, elu, softplus
  case clamp
}

extension Device {
  /// The function of each number. `p` and `q` are its parameters: the slope of `leakyReLU`, the scale of `elu`, the bounds
  /// of `clamp`.
  public func unary(_ function: UnaryFunction, _ x: Buffer, p: Float = 0, q: Float = 0, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        "unary", groups: Self.flatGroups(count),
        [.int(count), .int(function.rawValue), .float(p), .float(q), .buffer(x), .buffer(y)]))
    return y
  }

  /// dx from the function's input and dy.
  public func unaryBackward(
    _ function: UnaryFunction, _ x: Buffer, dy: Buffer, p: Float = 0, q: Float = 0, count: Int
  ) -> Buffer {
    let dx = makeFloats(count)
    launch(
      Launch(
        "unary_backward", groups: Self.flatGroups(count),
        [.int(count), .int(function.rawValue), .float(p), .float(q), .buffer(x), .buffer(dy), .buffer(dx)]))
    return dx
  }
}
