public import Kernels

/// y(N,out) = x(N,in) · weight(in,out) + bias(out).
public final class Linear: Layer {
  public let weight: Parameter
  public let bias: Parameter
  public var isTraining = true

  /// Weights are normal with `deviation`, the bias zero: what classification heads start from in torchvision.
  public init(_ inputs: Int, _ outputs: Int, deviation: Float = 0.01, on device: Device, random: inout Philox) {
    weight = Parameter(
      .normal(deviation: deviation, shape: [inputs, outputs], seed: random.next(), on: device), layout: .linear)
    bias = Parameter(Tensor(repeating: 0, shape: [outputs], on: device))
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight.adapted, bias: bias.value) }
}
