public import Kernels

/// The transpose of a convolution (Zeiler et al. 2010), which makes images larger: PyTorch's `ConvTranspose2d` with
/// weight(R,S,C/groups,K) for K inputs and C outputs.
public final class TransposedConvolution2D: Layer {
  public let weight: Parameter
  public let bias: Parameter
  public var isTraining = true
  public let stride: Int
  public let padding: Int
  public let outputPadding: Int
  public let groups: Int

  /// Weights are normal with the variance 2 / (taps that reach an output · inputs), as He et al. 2015 for ReLU networks; the
  /// bias is zero.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
    groups: Int = 1, on device: Device, random: inout Philox
  ) {
    precondition(
      inputs % groups == 0 && outputs % groups == 0,
      "\(inputs) and \(outputs) channels don't divide into \(groups) groups")
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
    self.groups = groups
    let shape = [kernel, kernel, outputs / groups, inputs]
    let fanIn = Float(kernel * kernel * inputs / groups) / Float(stride * stride)
    weight = Parameter(
      .normal(deviation: (2 / Swift.max(fanIn, 1)).squareRoot(), shape: shape, seed: random.next(), on: device),
      layout: .convolution)
    bias = Parameter(Tensor(repeating: 0, shape: [outputs], on: device))
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.transposedConvolved(
      with: weight.value, bias: bias.value, stride: stride, padding: Padding(padding), outputPadding: outputPadding,
      groups: groups)
  }
}
