/// What keeps several tasks from being trained together.
public enum MultiTaskError: Error, Equatable, Sendable {
  case lossNotFinite(task: String, value: Double, step: Int)
  case gradientNotFinite(task: String, step: Int)
}

extension MultiTaskError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .lossNotFinite(let task, let value, let step):
      "the loss of the task '\(task)' is \(value) at step \(step + 1): look for labels that are no numbers, or lower the learning rate"
    case .gradientNotFinite(let task, let step):
      "the gradient of the task '\(task)' is not finite at step \(step + 1), though its loss is: lower the learning rate"
    }
  }
}
