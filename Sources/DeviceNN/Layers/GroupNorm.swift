public import Kernels

/// Normalises groups of channels of each (N,…,C) by themselves (Wu and He 2018), as PyTorch's `GroupNorm`.
public final class GroupNorm: Module {
  public let weight: Parameter
  public let bias: Parameter
  public var isTraining = true
  public let groups: Int
  public let epsilon: Float

  public init(groups: Int, _ channels: Int, epsilon: Float = 1e-5, on device: Device) {
    precondition(channels % groups == 0, "\(channels) channels do not make \(groups) equal groups")
    self.groups = groups
    self.epsilon = epsilon
    weight = Parameter(Tensor(repeating: 1, shape: [channels], on: device))
    bias = Parameter(Tensor(repeating: 0, shape: [channels], on: device))
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.groupNormalized(groups: groups, gamma: weight.value, beta: bias.value, epsilon: epsilon)
  }
}
