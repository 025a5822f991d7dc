internal import Kernels

// Activations that other operators apply on their way out, dropout, and another shape.
extension Tensor {
  public func relu() -> Tensor { activated(.relu) }

  /// min(max(x, 0), 6)
  public func relu6() -> Tensor { activated(.relu6) }

  func activated(_ activation: Activation) -> Tensor {
    let y = Tensor(shape: shape, buffer: device.activate(buffer, activation, count: count))
    return .result(shape, y.buffer, from: [self]) { dy in [y.activationGradient(dy, activation)] }
  }

  /// `dy` where an activation with this output let it through.
  func activationGradient(_ dy: Tensor, _ activation: Activation) -> Tensor {
    guard activation != .none else { return dy }
    return Tensor(shape: shape, buffer: device.activateBackward(buffer, dy: dy.buffer, activation, count: count))
  }

  /// The same, and if asked for its sums over all dimensions but the last: the gradient of a bias.
  func activationGradient(_ dy: Tensor, _ activation: Activation, withSums: Bool) -> (g: Tensor, sums: Tensor?) {
    guard withSums else { return (activationGradient(dy, activation), nil) }
    let columns = shape.last!
    guard activation != .none else {
      return (dy, Tensor(shape: [columns], buffer: device.sum(dy.buffer, outer: 1, axis: count / columns, inner: columns)))
    }
    let (g, sums) = device.activateBackwardSums(
      buffer, dy: dy.buffer, activation, rows: count / columns, columns: columns)
    return (Tensor(shape: shape, buffer: g), Tensor(shape: [columns], buffer: sums))
  }

  /// Zeroes each element with `probability` and scales the others up. The same seed and stream drop the same elements.
  public func dropout(_ probability: Float, seed: UInt64, stream: UInt32) -> Tensor {
    precondition((0..<1).contains(probability), "a dropout probability is in 0 ..< 1, not \(probability)")
    func drop(_ x: Tensor) -> Tensor {
      Tensor(
        shape: x.shape,
        buffer: x.device.dropout(x.buffer, probability: probability, seed: seed, stream: stream, count: x.count))
    }
    return .result(shape, drop(self).buffer, from: [self]) { dy in [drop(dy)] }
  }

  /// The same numbers in another shape of the same count.
  public func reshaped(_ newShape: [Int]) -> Tensor {
    precondition(newShape.reduce(1, *) == count, "\(count) elements of shape \(shape) do not fill the shape \(newShape)")
    let oldShape = shape
    return .result(newShape, buffer, from: [self]) { dy in [dy.reshaped(oldShape)] }
  }
}
