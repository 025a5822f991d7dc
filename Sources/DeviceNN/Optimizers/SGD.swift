internal import Kernels

/// Stochastic gradient descent with momentum, Nesterov's too (Sutskever et al. 2013), as PyTorch computes it.
public struct SGD: Optimizer {
  public var groups: [ParameterGroup]
  public var momentum: Float
  public var isNesterov: Bool
  public var state = OptimizerState()
  public var momentCount: Int { 1 }

  public init(_ groups: [ParameterGroup], momentum: Float = 0.9, isNesterov: Bool = false) {
    self.groups = groups
    self.momentum = momentum
    self.isNesterov = isNesterov
  }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    for (i, group) in groups.enumerated() {
      let tensors = updates(i, gradients)
      tensors.first?.value.device.sgdStep(
        tensors, learningRate: group.learningRate * scale, momentum: momentum, weightDecay: group.weightDecay,
        nesterov: isNesterov)
    }
  }
}
