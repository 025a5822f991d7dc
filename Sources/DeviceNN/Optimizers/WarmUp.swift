/// Rises in a line from `start` to 1 (Goyal et al. 2017), then leaves the rate to another schedule, whose step 0 comes then.
public struct WarmUp<Next: Schedule>: Schedule {
  public var steps: Int
  public var start: Double
  public var next: Next

  public init(steps: Int, start: Double = 0, then next: Next) { (self.steps, self.start, self.next) = (steps, start, next) }

  public func scale(at step: Int) -> Float {
    step < steps ? Float(start + (1 - start) * Double(step) / Double(steps)) : next.scale(at: step - steps)
  }
}
