internal import Foundation
internal import Kernels

/// Adam without adapting while too few gradients were seen to know their variance (Liu et al. 2020), as PyTorch computes it.
public struct RAdam: Optimizer {
  public var groups: [ParameterGroup]
  public var beta1: Float = 0.9
  public var beta2: Float = 0.999
  public var epsilon: Float = 1e-8
  public var state = OptimizerState()
  public var momentCount: Int { 2 }

  public init(_ groups: [ParameterGroup]) { self.groups = groups }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    let (t, beta2Double) = (Double(state.step), Double(beta2))
    let bias2 = 1 - pow(beta2Double, t)
    let limit = 2 / (1 - beta2Double) - 1
    /// The length of the moving average of squares.
    let length = limit - 2 * t * pow(beta2Double, t) / bias2
    for (i, group) in groups.enumerated() {
      let tensors = updates(i, gradients)
      var update = AdamUpdate(
        step: state.step, learningRate: group.learningRate * scale, beta1: beta1, beta2: beta2, epsilon: epsilon)
      update.decay = group.weightDecay
      if length > 5 {
        let rectification = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
        update.fromMean *= Float((rectification * bias2).squareRoot())
        update.correction = 1
      } else {
        // A divisor of 1.
        (update.correction, update.epsilon) = (0, 1)
      }
      tensors.first?.value.device.adamStep(tensors, update)
    }
  }
}
