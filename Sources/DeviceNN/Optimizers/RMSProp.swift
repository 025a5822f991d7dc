internal import Kernels

/// Divides gradients by the root of their mean square (Hinton 2012, lecture 6e), as PyTorch computes it.
public struct RMSProp: Optimizer {
  public var groups: [ParameterGroup]
  public var alpha: Float = 0.99
  public var momentum: Float
  public var epsilon: Float = 1e-8
  public var state = OptimizerState()
  public var momentCount: Int { 2 }

  public init(_ groups: [ParameterGroup], momentum: Float = 0) { (self.groups, self.momentum) = (groups, momentum) }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    for (i, group) in groups.enumerated() {
      let tensors = updates(i, gradients)
      tensors.first?.value.device.rmsPropStep(
        tensors, learningRate: group.learningRate * scale, alpha: alpha, momentum: momentum, epsilon: epsilon,
        weightDecay: group.weightDecay)
    }
  }
}
