internal import Foundation

/// (1 - step / steps) to a power, as segmentation networks are trained (Liu et al. 2015, "ParseNet"); 0 in the end.
public struct PolynomialDecay: Schedule {
  public var steps: Int
  public var power: Double

  public init(steps: Int, power: Double = 1) {
    precondition(steps > 0, "a polynomial decay needs steps, not \(steps)")
    (self.steps, self.power) = (steps, power)
  }

  public func scale(at step: Int) -> Float {
    Float(pow(1 - Double(Swift.min(step, steps)) / Double(steps), power))
  }
}
