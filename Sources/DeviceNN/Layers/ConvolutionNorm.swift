public import Kernels

/// Where published networks put the zeros around an image.
public enum PaddingStyle: String, Sendable, Codable {
  /// As many on each side, as PyTorch's.
  case symmetric
  /// TensorFlow's `SAME`: strided convolutions of even sizes pad at the bottom and the right only.
  case same

  func padding(kernel: Int, stride: Int, height: Int, width: Int) -> Padding {
    let most = kernel / 2
    guard self == .same, stride > 1 else { return Padding(most) }
    return Padding(top: most - (1 - height % 2), left: most - (1 - width % 2), bottom: most, right: most)
  }
}

/// Convolution, batch norm, activation: torchvision's `Conv2dNormActivation`, whose parts are called 0 and 1.
public final class ConvolutionNorm: Module {
  public let convolution: Convolution2D
  public let norm: BatchNorm
  public let activation: Activation
  public var isTraining = true

  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1, activation: Activation,
    padding: PaddingStyle, epsilon: Float, on device: Device, random: inout Philox
  ) {
    convolution = Convolution2D(
      inputs, outputs, kernel: kernel, stride: stride, padding: padding, groups: groups, on: device, random: &random)
    norm = BatchNorm(outputs, epsilon: epsilon, on: device)
    self.activation = activation
  }

  public var parts: [(name: String, part: Part)] { [("0", .module(convolution)), ("1", .module(norm))] }

  public func callAsFunction(_ x: Tensor) -> Tensor { norm(convolution(x), activation: activation) }
}
