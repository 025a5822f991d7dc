internal import Kernels

/// Divides gradients by the root of the sum of all squares so far (Duchi et al. 2011), as PyTorch computes it.
public struct Adagrad: Optimizer {
  public var groups: [ParameterGroup]
  public var epsilon: Float = 1e-10
  public var state = OptimizerState()
  public var momentCount: Int { 1 }

  public init(_ groups: [ParameterGroup]) { self.groups = groups }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    for (i, group) in groups.enumerated() {
      let tensors = updates(i, gradients)
      tensors.first?.value.device.adagradStep(
        tensors, learningRate: group.learningRate * scale, epsilon: epsilon, weightDecay: group.weightDecay)
    }
  }
}
