internal import Kernels

// Functions of each number, as PyTorch's of the same names; where NaN goes in, NaN comes out.
extension Tensor {
  public func sigmoid() -> Tensor { unary(.sigmoid) }
  public func tanh() -> Tensor { unary(.tanh) }
  /// x · Φ(x), with the normal distribution Φ
  public func gelu() -> Tensor { unary(.gelu) }
  /// `gelu` with a tanh in place of Φ, as GPT-2 has it
  public func geluTanh() -> Tensor { unary(.geluTanh) }
  /// x · sigmoid(x)
  public func silu() -> Tensor { unary(.silu) }
  /// min(max(x + 3, 0), 6) / 6
  public func hardSigmoid() -> Tensor { unary(.hardSigmoid) }
  /// x · hardSigmoid(x)
  public func hardSwish() -> Tensor { unary(.hardSwish) }
  /// x where it is positive, else slope · x
  public func leakyReLU(slope: Float = 0.01) -> Tensor { unary(.leakyReLU, slope) }
  /// x where it is positive, else scale · (exp(x) - 1)
  public func elu(scale: Float = 1) -> Tensor { unary(.elu, scale) }
  /// log(1 + exp(x))
  public func softplus() -> Tensor { unary(.softplus) }

  public func exp() -> Tensor { unary(.exp) }
  public func log() -> Tensor { unary(.log) }
  public func sqrt() -> Tensor { unary(.sqrt) }
  public func abs() -> Tensor { unary(.abs) }
  public func square() -> Tensor { unary(.square) }
  public func reciprocal() -> Tensor { unary(.reciprocal) }
  public static prefix func - (x: Tensor) -> Tensor { x.unary(.negate) }

  /// Each number, or the bound that it is beyond. The gradient flows where the number is not beyond one.
  public func clamped(to bounds: ClosedRange<Float>) -> Tensor { unary(.clamp, bounds.lowerBound, bounds.upperBound) }
  public func clamped(to bounds: PartialRangeFrom<Float>) -> Tensor { unary(.clamp, bounds.lowerBound, .infinity) }
  public func clamped(to bounds: PartialRangeThrough<Float>) -> Tensor { unary(.clamp, -.infinity, bounds.upperBound) }

  private func unary(_ function: UnaryFunction, _ p: Float = 0, _ q: Float = 0) -> Tensor {
    let x = detached
    return .result(shape, device.unary(function, buffer, p: p, q: q, count: count), from: [self]) { dy in
      [
        Tensor(
          shape: x.shape,
          buffer: dy.device.unaryBackward(function, x.buffer, dy: dy.buffer, p: p, q: q, count: x.count))
      ]
    }
  }
}
