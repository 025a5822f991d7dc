public import Kernels

/// Batch normalisation over all but the last axis (Ioffe and Szegedy 2015), as PyTorch's `BatchNorm2d`.
///
/// While it trains, it uses the batch's statistics. In evaluation and when frozen it uses the running ones and leaves
/// them alone: a frozen backbone computes the same whatever runs through it.
public final class BatchNorm: Layer {
  public let weight: Parameter
  public let bias: Parameter
  public let runningMean: Parameter
  public let runningVar: Parameter
  public var isTraining = true
  public let epsilon: Float
  /// How far a batch moves the running statistics.
  public let momentum: Float

  public init(_ channels: Int, epsilon: Float = 1e-5, momentum: Float = 0.1, on device: Device) {
    self.epsilon = epsilon
    self.momentum = momentum
    weight = Parameter(Tensor(repeating: 1, shape: [channels], on: device))
    bias = Parameter(Tensor(repeating: 0, shape: [channels], on: device))
    runningMean = Parameter(Tensor(repeating: 0, shape: [channels], on: device), isStatistic: true)
    runningVar = Parameter(Tensor(repeating: 1, shape: [channels], on: device), isStatistic: true)
  }

  /// Whether the batch's own statistics are used.
  var usesBatch: Bool { isTraining && weight.isTrainable }

  public func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, residual: nil) }

  /// activation(normalised x + residual)
  public func callAsFunction(_ x: Tensor, residual: Tensor?, activation: Activation = .none) -> Tensor {
    x.batchNormalized(
      gamma: weight.value, beta: bias.value, runningMean: runningMean.value, runningVariance: runningVar.value,
      momentum: momentum, epsilon: epsilon, usesBatch: usesBatch, residual: residual,
      activation: activation)
  }

  /// The running statistics, as a convolution takes them.
  var runningStatistics: BatchNormStatistics {
    weight.value.device.batchNormStatistics(
      channels: weight.value.count, gamma: weight.value.buffer, beta: bias.value.buffer,
      runningMean: runningMean.value.buffer, runningVariance: runningVar.value.buffer, epsilon: epsilon)
  }
}
