/// Who published a checkpoint: it decides what tensors are called, and what of a network's arithmetic papers leave open.
public enum Publisher: String, Sendable, Codable, CaseIterable {
  case torchvision
  case timm
  case keras
  /// TensorFlow's model garden, with batch norm folded into the weights and a background class in front.
  case tensorflow

  var padding: PaddingStyle { self == .keras || self == .tensorflow ? .same : .symmetric }
  var isFolded: Bool { self == .tensorflow }
}

/// A tensor of a checkpoint.
public struct StoredTensor: Sendable, Equatable {
  public var name: String
  public var shape: [Int]

  public init(_ name: String, _ shape: [Int]) {
    self.name = name
    self.shape = shape
  }
}
