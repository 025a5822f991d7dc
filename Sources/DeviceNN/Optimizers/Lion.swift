internal import Kernels

/// Moves by the sign of the momentum alone (Chen et al. 2023), as timm computes it: rates are a third to a tenth of AdamW's.
public struct Lion: Optimizer {
  public var groups: [ParameterGroup]
  public var beta1: Float = 0.9
  public var beta2: Float = 0.99
  public var state = OptimizerState()
  public var momentCount: Int { 1 }

  public init(_ groups: [ParameterGroup]) { self.groups = groups }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    for (i, group) in groups.enumerated() {
      let tensors = updates(i, gradients)
      tensors.first?.value.device.lionStep(
        tensors, learningRate: group.learningRate * scale, beta1: beta1, beta2: beta2, weightDecay: group.weightDecay)
    }
  }
}
