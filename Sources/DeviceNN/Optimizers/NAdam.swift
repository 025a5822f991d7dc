internal import Foundation
internal import Kernels

/// Adam with Nesterov's momentum (Dozat 2016), as PyTorch computes it: the momentum approaches `beta1` from its half.
public struct NAdam: Optimizer {
  public var groups: [ParameterGroup]
  public var beta1: Float = 0.9
  public var beta2: Float = 0.999
  public var epsilon: Float = 1e-8
  public var momentumDecay = 4e-3
  public var state = OptimizerState()
  public var momentCount: Int { 2 }

  public init(_ groups: [ParameterGroup]) { self.groups = groups }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    let (now, next, product) = (momentum(state.step), momentum(state.step + 1), momentumProduct(state.step))
    for (i, group) in groups.enumerated() {
      let tensors = updates(i, gradients)
      let rate = Double(group.learningRate * scale)
      var update = AdamUpdate(step: state.step, learningRate: 1, beta1: beta1, beta2: beta2, epsilon: epsilon)
      update.decay = group.weightDecay
      update.fromGradient = Float(rate * (1 - now) / (1 - product))
      update.fromMean = Float(rate * next / (1 - product * next))
      tensors.first?.value.device.adamStep(tensors, update)
    }
  }

  private func momentum(_ step: Int) -> Double {
    Double(beta1) * (1 - 0.5 * pow(0.96, Double(step) * momentumDecay))
  }

  /// The product of all momenta so far, which needs no memory: it is soon too small to matter.
  private func momentumProduct(_ step: Int) -> Double {
    var (product, t) = (1.0, 1)
    while t <= step, product > 1e-20 {
      product *= momentum(t)
      t += 1
    }
    return product
  }
}
