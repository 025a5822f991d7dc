/// A network that answers with a logit for each class: a backbone that makes features of an image, and a linear head.
public protocol ImageClassifier: Module {
  /// The number of features, which the head takes.
  var featureCount: Int { get }
  var head: Linear { get }
  /// features(N,featureCount) of images x(N,H,W,3).
  func features(of x: Tensor) -> Tensor
  /// logits(N,classes) of images x(N,H,W,3).
  func callAsFunction(_ x: Tensor) -> Tensor
  /// What checkpoints of `naming` call the parameter that we call `name`.
  func name(of name: String, in naming: CheckpointNaming) -> String
}

extension ImageClassifier {
  /// All parameters but the head's.
  public var backboneParameters: [Parameter] {
    let inHead = Set(head.parameters().map(ObjectIdentifier.init))
    return parameters().filter { !inHead.contains(ObjectIdentifier($0)) }
  }
}

/// Whose names a checkpoint's tensors have.
public enum CheckpointNaming: String, Sendable, Codable, CaseIterable {
  case torchvision
  case keras
}
