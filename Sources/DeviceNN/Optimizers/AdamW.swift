internal import Kernels

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch computes it.
public struct AdamW: Optimizer {
  public var groups: [ParameterGroup]
  public var beta1: Float = 0.9
  public var beta2: Float = 0.999
  public var epsilon: Float = 1e-8
  /// Divides by the largest mean square so far (Reddi et al. 2018).
  public var isAMSGrad = false
  public var state = OptimizerState()
  public var momentCount: Int { isAMSGrad ? 3 : 2 }

  public init(_ groups: [ParameterGroup]) { self.groups = groups }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    for (i, group) in groups.enumerated() {
      let tensors = updates(i, gradients)
      let rate = group.learningRate * scale
      var update = AdamUpdate(step: state.step, learningRate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon)
      update.shrink = 1 - rate * group.weightDecay
      tensors.first?.value.device.adamStep(tensors, update)
    }
  }
}
