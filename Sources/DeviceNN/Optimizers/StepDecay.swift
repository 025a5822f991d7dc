internal import Foundation

/// Multiplies the rate by `factor` every so many steps, as ResNets are trained (He et al. 2016).
public struct StepDecay: Schedule {
  public var every: Int
  public var factor: Double

  public init(every: Int, factor: Double) {
    precondition(every > 0, "a rate that falls every \(every) steps never does")
    (self.every, self.factor) = (every, factor)
  }

  public func scale(at step: Int) -> Float { Float(pow(factor, Double(step / every))) }
}
