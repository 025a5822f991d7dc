public import Kernels

/// Scales each channel of x(N,H,W,C) by what two small layers make of all channels' means (Hu et al. 2018), as
/// torchvision's `SqueezeExcitation`: `fc1` and `fc2` are 1x1 convolutions with biases.
public final class SqueezeExcitation: Layer {
  let fc1: Convolution2D
  let fc2: Convolution2D
  public var isTraining = true
  private let activation: Nonlinearity.Kind
  private let gate: Nonlinearity.Kind

  /// - Parameter squeezed: the channels between the two layers.
  public init(
    _ channels: Int, squeezed: Int, activation: Nonlinearity.Kind = .relu, gate: Nonlinearity.Kind = .sigmoid,
    on device: Device, random: inout Philox
  ) {
    fc1 = Convolution2D(channels, squeezed, kernel: 1, hasBias: true, on: device, random: &random)
    fc2 = Convolution2D(squeezed, channels, kernel: 1, hasBias: true, on: device, random: &random)
    self.activation = activation
    self.gate = gate
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x * gate(fc2(activation(fc1(x.mean(axes: [1, 2], keepsAxes: true)))))
  }
}
