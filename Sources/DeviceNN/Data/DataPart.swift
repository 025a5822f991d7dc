/// What the pictures of a data set are for.
public enum DataPart: String, Codable, Sendable, CaseIterable {
  /// The weights are learned from these.
  case train
  /// Settings and epochs are chosen by these.
  case validation = "val"
  /// Nothing is chosen by these.
  case test

  /// By the names that folders and columns commonly have.
  init?(named name: String) {
    switch name {
    case "train": self = .train
    case "val", "valid", "validation": self = .validation
    case "test": self = .test
    default: return nil
    }
  }
}
