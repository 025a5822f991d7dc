/// How far a number is from its target, d = x - target.
public enum ElementLoss: Sendable, Hashable {
  /// d²
  case squared
  /// |d|
  case absolute
  /// d² / 2 up to |d| = delta, and a line from there on (Huber 1964).
  case huber(delta: Float = 1)
  /// Huber's divided by beta, as in Fast R-CNN.
  case smoothL1(beta: Float = 1)
  /// The cross-entropy of the probability 1 / (1 + exp(-x)) against the target, right for any x.
  case binaryCrossEntropy

  /// LOSS_… of kernels.cl, and where its line begins.
  var arguments: [Launch.Argument] {
    switch self {
    case .squared: [.int(0), .float(0)]
    case .absolute: [.int(1), .float(0)]
    case .huber(let delta): [.int(2), .float(delta)]
    case .smoothL1(let beta): [.int(3), .float(beta)]
    case .binaryCrossEntropy: [.int(4), .float(0)]
    }
  }
}

extension Device {
  public func elementLoss(_ x: Buffer, target: Buffer, _ loss: ElementLoss, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(
      Launch(
        "element_loss", groups: Self.flatGroups(count),
        [.int(count)] + loss.arguments + [.buffer(x), .buffer(target), .buffer(y)]))
    return y
  }

  public func elementLossBackward(_ x: Buffer, target: Buffer, dy: Buffer, _ loss: ElementLoss, count: Int) -> Buffer {
    let dx = makeFloats(count)
    launch(
      Launch(
        "element_loss_backward", groups: Self.flatGroups(count),
        [.int(count)] + loss.arguments + [.buffer(x), .buffer(target), .buffer(dy), .buffer(dx)]))
    return dx
  }
}
