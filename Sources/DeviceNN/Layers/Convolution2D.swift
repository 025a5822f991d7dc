public import Kernels

/// A convolution of images x(N,H,W,C) with weight(R,S,C/groups,K), without bias: batch norm brings one.
public final class Convolution2D: Module {
  public let weight: Parameter
  public var isTraining = true
  public let kernel: Int
  public let stride: Int
  public let padding: PaddingStyle
  public let groups: Int

  /// Weights are normal with the variance 2 / (R · S · K/groups), as He et al. 2015 for ReLU networks (`fan_out`).
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: PaddingStyle = .symmetric, groups: Int = 1,
    on device: Device, random: inout Philox
  ) {
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.groups = groups
    let shape = [kernel, kernel, inputs / groups, outputs]
    let deviation = (2 / Float(kernel * kernel * outputs / groups)).squareRoot()
    weight = Parameter(
      Tensor(random.normals(shape.reduce(1, *), deviation: deviation), shape: shape, on: device), layout: .convolution)
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.convolved(
      with: weight.value, stride: stride,
      padding: padding.padding(kernel: kernel, stride: stride, height: x.shape[1], width: x.shape[2]), groups: groups)
  }
}
