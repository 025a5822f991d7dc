internal import Kernels

/// Adam for large batches, whose steps are as long as each tensor allows (You et al. 2020), as timm computes it.
public struct LAMB: Optimizer {
  public var groups: [ParameterGroup]
  public var beta1: Float = 0.9
  public var beta2: Float = 0.999
  public var epsilon: Float = 1e-6
  /// The gradients of all groups together are brought down to this norm; nil leaves them.
  public var gradientNorm: Float? = 1
  public var state = OptimizerState()
  public var momentCount: Int { 2 }

  public init(_ groups: [ParameterGroup]) { self.groups = groups }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    let tensors = groups.indices.map { updates($0, gradients) }
    guard let device = tensors.joined().first?.value.device else { return }
    let clip = gradientNorm.map {
      device.clipFactor(
        squares: device.squareSum(tensors.joined().map { ($0.count, $0.gradient) }), limit: $0, epsilon: 0)
    } ?? device.fill(1, count: 2)
    for (group, tensors) in zip(groups, tensors) {
      device.lambStep(
        tensors, step: state.step, learningRate: group.learningRate * scale, beta1: beta1, beta2: beta2,
        epsilon: epsilon, weightDecay: group.weightDecay, isAdapted: group.weightDecay != 0, clip: clip)
    }
  }
}
