internal import Foundation

/// Falls along half a cosine from 1 to `minimum` (Loshchilov and Hutter 2017, without restarts), and stays there.
public struct CosineDecay: Schedule {
  public var steps: Int
  /// As a share of the first rate.
  public var minimum: Double

  public init(steps: Int, minimum: Double = 0) {
    precondition(steps > 0, "a cosine decay needs steps, not \(steps)")
    (self.steps, self.minimum) = (steps, minimum)
  }

  public func scale(at step: Int) -> Float {
    let fraction = Double(Swift.min(step, steps)) / Double(steps)
    return Float(minimum + (1 - minimum) * (1 + cos(.pi * fraction)) / 2)
  }
}
