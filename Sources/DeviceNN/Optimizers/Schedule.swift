/// What becomes of the learning rate as a run goes on.
public protocol Schedule: Sendable {
  /// The factor on the groups' learning rates at a step, from 0.
  func scale(at step: Int) -> Float
}
