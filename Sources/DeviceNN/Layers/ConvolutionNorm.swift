public import Kernels

/// Where published networks put the zeros around an image.
public enum PaddingStyle: String, Sendable, Codable {
  /// As many on each side, as PyTorch's.
  case symmetric
  /// TensorFlow's `SAME`: strided convolutions of even sizes pad at the bottom and the right only.
  case same
  /// None: patches that tile the image.
  case none

  func padding(kernel: Int, stride: Int, height: Int, width: Int) -> Padding {
    let most = kernel / 2
    guard self != .none else { return .none }
    guard self == .same, stride > 1 else { return Padding(most) }
    return Padding(top: most - (1 - height % 2), left: most - (1 - width % 2), bottom: most, right: most)
  }
}

/// Convolution, batch norm, activation: torchvision's `Conv2dNormActivation`, whose parts are called 0 and 1.
public final class ConvolutionNorm: Layer {
  public let convolution: Convolution2D
  /// None where it was folded into the convolution, which has a bias then.
  public let norm: BatchNorm?
  public let activation: Nonlinearity.Kind
  public var isTraining = true

  /// - Parameter norm: none where the convolution has a bias instead.
  public init(_ convolution: Convolution2D, _ norm: BatchNorm?, activation: Nonlinearity.Kind) {
    self.convolution = convolution
    self.norm = norm
    self.activation = activation
  }

  /// - Parameter isFolded: for checkpoints in which batch norm was multiplied into the weights.
  public convenience init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1, activation: Nonlinearity.Kind,
    padding: PaddingStyle = .symmetric, epsilon: Float = 1e-5, momentum: Float = 0.1, isFolded: Bool = false,
    on device: Device, random: inout Philox
  ) {
    let convolution = Convolution2D(
      inputs, outputs, kernel: kernel, stride: stride, padding: padding, groups: groups, hasBias: isFolded, on: device,
      random: &random)
    let norm = isFolded ? nil : BatchNorm(outputs, epsilon: epsilon, momentum: momentum, on: device)
    self.init(convolution, norm, activation: activation)
  }

  public var parts: [(name: String, part: Part)] {
    [("0", .module(convolution))] + (norm.map { [("1", .module($0))] } ?? [])
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, residual: nil) }

  /// activation(norm(convolution(x)) + residual)
  public func callAsFunction(_ x: Tensor, residual: Tensor?) -> Tensor {
    let fused = activation.fused
    guard let norm else {
      let y = convolution(x, activation: residual == nil ? fused ?? .none : .none)
      if residual == nil, fused != nil { return y }
      return activation(residual.map { y + $0 } ?? y)
    }
    let y = fusedWithNorm(x, norm, residual, fused ?? .none)
      ?? norm(convolution(x), residual: residual, activation: fused ?? .none)
    return fused == nil ? activation(y) : y
  }

  /// In one launch, where the statistics are known beforehand and no gradients are asked for; else nil.
  private func fusedWithNorm(_ x: Tensor, _ norm: BatchNorm, _ residual: Tensor?, _ activation: Activation) -> Tensor? {
    guard convolution.bias == nil, !norm.usesBatch, residual == nil || convolution.groups == 1 else { return nil }
    let weight = convolution.weight.adapted
    let inputs = [x, weight, norm.weight.value, norm.bias.value] + (residual.map { [$0] } ?? [])
    guard !Tensor.isRecorded(from: inputs) else { return nil }
    return convolution(
      x, weight: weight, normalization: norm.runningStatistics, residual: residual, activation: activation)
  }
}
