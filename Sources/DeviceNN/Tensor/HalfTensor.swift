public import Kernels

/// Numbers stored in 16 bits, for weights and activations of a network that is only used: half the memory, and half the
/// traffic of what reads them. All arithmetic is in floats. They have no gradients; train with floats.
public final class HalfTensor {
  public let shape: [Int]
  public let buffer: Buffer
  public var device: Device { buffer.device }
  public var count: Int { shape.reduce(1, *) }

  init(shape: [Int], buffer: Buffer) { (self.shape, self.buffer) = (shape, buffer) }

  /// The same numbers as floats, exactly.
  public var floats: Tensor { Tensor(shape: shape, buffer: device.floats(of: buffer, count: count)) }

  public static func + (a: HalfTensor, b: HalfTensor) -> HalfTensor {
    requireSameShape(a, b, "+")
    return HalfTensor(shape: a.shape, buffer: a.device.addHalves(a.buffer, b.buffer, count: a.count))
  }

  public static func - (a: HalfTensor, b: HalfTensor) -> HalfTensor {
    requireSameShape(a, b, "-")
    return HalfTensor(shape: a.shape, buffer: a.device.subtractHalves(a.buffer, b.buffer, count: a.count))
  }

  public static func * (a: HalfTensor, b: HalfTensor) -> HalfTensor {
    requireSameShape(a, b, "*")
    return HalfTensor(shape: a.shape, buffer: a.device.multiplyHalves(a.buffer, b.buffer, count: a.count))
  }

  public func relu() -> HalfTensor {
    HalfTensor(shape: shape, buffer: device.activateHalves(buffer, .relu, count: count))
  }

  /// min(max(x, 0), 6)
  public func relu6() -> HalfTensor {
    HalfTensor(shape: shape, buffer: device.activateHalves(buffer, .relu6, count: count))
  }

  /// As `Tensor.convolved`, rounded once. A depthwise one's operands are floats while it runs.
  public func convolved(
    with w: HalfTensor, bias: Tensor? = nil, stride: Int = 1, dilation: Int = 1, padding: Padding = .none,
    groups: Int = 1, activation: Activation = .none
  ) -> HalfTensor {
    let geometry = ConvolutionShape(
      of: shape, with: w.shape, bias: bias?.shape, stride: stride, dilation: dilation, padding: padding, groups: groups)
    // One channel fills no tile.
    if geometry.isDepthwise {
      return floats.convolved(
        with: w.floats, bias: bias?.detached, stride: stride, dilation: dilation, padding: padding, groups: groups,
        activation: activation
      ).halves
    }
    return HalfTensor(
      shape: [shape[0], geometry.outputHeight, geometry.outputWidth, w.shape[3]],
      buffer: device.convolutionOfHalves(buffer, w.buffer, geometry, bias: bias?.buffer, activation: activation))
  }

  private static func requireSameShape(_ a: HalfTensor, _ b: HalfTensor, _ operation: String) {
    precondition(a.shape == b.shape, "\(operation) needs equal shapes, but they are \(a.shape) and \(b.shape)")
  }

  /// y(…,M,N) = activation(self(…,M,K) · w(K,N) + bias(N)), summed in floats and rounded once.
  public func linear(_ w: HalfTensor, bias: Tensor? = nil, activation: Activation = .none) -> HalfTensor {
    requireLinear(shape, w.shape, bias: bias?.shape)
    let (k, n) = (w.shape[0], w.shape[1])
    return HalfTensor(
      shape: shape.dropLast() + [n],
      buffer: device.matmulOfHalves(
        buffer, w.buffer, m: count / k, n: n, k: k, bias: bias?.buffer, activation: activation))
  }
}

extension Tensor {
  /// The nearest numbers of 16 bits; ∞ from 65520 on.
  public var halves: HalfTensor { HalfTensor(shape: shape, buffer: device.halves(of: buffer, count: count)) }
}
