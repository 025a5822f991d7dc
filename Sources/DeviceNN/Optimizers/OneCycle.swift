internal import Foundation

/// The one-cycle schedule (Smith 2018) with cosine ramps, as PyTorch's `OneCycleLR` moves the learning rate.
public struct OneCycle: Schedule {
  public var steps: Int
  /// The part of all steps in which the rate rises.
  public var warmUp = 0.3
  /// The rate starts at 1 / this of its peak, and ends at 1 / `finalDivisor` of its start.
  public var divisor = 25.0
  public var finalDivisor = 1e4

  public init(steps: Int) { self.steps = steps }

  /// The factor on the peak rate at a step, from 0 to `steps` - 1.
  public func scale(at step: Int) -> Float {
    let (start, end) = (1 / divisor, 1 / divisor / finalDivisor)
    let top = warmUp * Double(steps) - 1
    let step = Double(step)
    if top > 0, step <= top { return Float(cosine(from: start, to: 1, at: step / top)) }
    return Float(cosine(from: 1, to: end, at: (step - top) / max(Double(steps - 1) - top, 1)))
  }

  private func cosine(from: Double, to: Double, at fraction: Double) -> Double {
    to + (from - to) / 2 * (1 + cos(.pi * min(fraction, 1)))
  }
}
