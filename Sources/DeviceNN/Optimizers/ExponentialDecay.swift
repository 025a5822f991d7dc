internal import Foundation

/// Multiplies the rate by `factor` at every step.
public struct ExponentialDecay: Schedule {
  public var factor: Double

  public init(factor: Double) { self.factor = factor }

  public func scale(at step: Int) -> Float { Float(pow(factor, Double(step))) }
}
