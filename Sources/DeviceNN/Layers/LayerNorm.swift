public import Kernels

/// Normalises each row (…,C) by itself (Ba et al. 2016), as PyTorch's `LayerNorm` over the last dimension.
public final class LayerNorm: Layer {
  public let weight: Parameter
  public let bias: Parameter
  public var isTraining = true
  public let epsilon: Float

  public init(_ channels: Int, epsilon: Float = 1e-5, on device: Device) {
    self.epsilon = epsilon
    weight = Parameter(Tensor(repeating: 1, shape: [channels], on: device))
    bias = Parameter(Tensor(repeating: 0, shape: [channels], on: device))
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.layerNormalized(gamma: weight.value, beta: bias.value, epsilon: epsilon)
  }
}
