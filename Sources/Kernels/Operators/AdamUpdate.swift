internal import Foundation

/// The numbers of one step of Adam or its kin: with g + decay · w as g, m and v move towards g and g², then
/// w = shrink · w - (fromGradient · g + fromMean · m) / (√v · correction + epsilon).
public struct AdamUpdate: Sendable {
  public var beta1: Float
  public var beta2: Float
  public var epsilon: Float
  /// L2 regularisation, which is a part of the gradient.
  public var decay: Float = 0
  /// Decoupled weight decay.
  public var shrink: Float = 1
  public var fromGradient: Float = 0
  public var fromMean: Float
  public var correction: Float

  /// Adam's own step number `step`, from 1: moments that started at 0 are corrected.
  public init(step: Int, learningRate: Float, beta1: Float, beta2: Float, epsilon: Float) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    fromMean = Float(Double(learningRate) / (1 - pow(Double(beta1), Double(step))))
    correction = Float(1 / (1 - pow(Double(beta2), Double(step))).squareRoot())
  }
}
