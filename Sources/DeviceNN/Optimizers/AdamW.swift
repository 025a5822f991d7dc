internal import Kernels

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch computes it.
public struct AdamW: Optimizer {
  public var groups: [ParameterGroup]
  public var beta1: Float = 0.9
  public var beta2: Float = 0.999
  public var epsilon: Float = 1e-8
  public var state = OptimizerState()
  public var momentCount: Int { 2 }

  public init(_ groups: [ParameterGroup]) { self.groups = groups }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    for (i, group) in groups.enumerated() {
      let tensors = updates(i, gradients)
      tensors.first?.value.device.adamWStep(
        tensors, step: state.step, learningRate: group.learningRate * scale, beta1: beta1, beta2: beta2, epsilon: epsilon,
        weightDecay: group.weightDecay)
    }
  }
}
