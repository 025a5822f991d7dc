public import Kernels

/// A convolution of images x(N,H,W,C) with weight(R,S,C/groups,K).
public final class Convolution2D: Layer {
  public let weight: Parameter
  /// (K); none where batch norm brings one.
  public let bias: Parameter?
  public var isTraining = true
  public let kernel: Int
  public let stride: Int
  public let padding: PaddingStyle
  public let groups: Int

  /// Weights are normal with the variance 2 / (R · S · K/groups), as He et al. 2015 for ReLU networks (`fan_out`); the
  /// bias is zero.
  ///
  /// - Parameter deviation: that of the weights instead.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: PaddingStyle = .symmetric, groups: Int = 1,
    hasBias: Bool = false, deviation: Float? = nil, on device: Device, random: inout Philox
  ) {
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.groups = groups
    weight = Parameter(
      .normal(
        deviation: deviation ?? (2 / Float(kernel * kernel * outputs / groups)).squareRoot(),
        shape: [kernel, kernel, inputs / groups, outputs], seed: random.next(), on: device),
      layout: .convolution)
    bias = hasBias ? Parameter(Tensor(repeating: 0, shape: [outputs], on: device)) : nil
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, activation: .none) }

  public func callAsFunction(_ x: Tensor, activation: Activation) -> Tensor {
    x.convolved(
      with: weight.adapted, bias: bias?.value, stride: stride, padding: padding(of: x), groups: groups,
      activation: activation)
  }

  /// activation(normalised x * weight + residual), without a history: inference in one launch.
  func callAsFunction(
    _ x: Tensor, weight: Tensor, normalization: BatchNormStatistics, residual: Tensor?, activation: Activation
  ) -> Tensor {
    let shape = ConvolutionShape(
      of: x.shape, with: weight.shape, bias: nil, stride: stride, dilation: 1, padding: padding(of: x), groups: groups)
    let result = [x.shape[0], shape.outputHeight, shape.outputWidth, weight.shape[3]]
    precondition(residual == nil || residual!.shape == result, "a residual of \(residual?.shape ?? []) is added to \(result)")
    return Tensor(
      shape: result,
      buffer: x.device.convolution(
        x.buffer, weight.buffer, shape, normalization: normalization, residual: residual?.buffer, activation: activation))
  }

  /// For `convolvedSideBySide` on x.
  func branch(of x: Tensor) -> ConvolutionBranch {
    ConvolutionBranch(weight: weight.adapted, bias: bias?.value, stride: stride, padding: padding(of: x), groups: groups)
  }

  private func padding(of x: Tensor) -> Padding {
    padding.padding(kernel: kernel, stride: stride, height: x.shape[1], width: x.shape[2])
  }
}
