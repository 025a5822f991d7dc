/// What is wrong with a checkpoint, in one line that names the file, the tensor, what was found and what was wanted.
public enum CheckpointError: Error, Equatable, Sendable {
  case unreadable(file: String, reason: String)
  /// The file as a whole is not of the format that it seems to be.
  case damaged(file: String, format: CheckpointFormat, reason: String)
  /// The file asks for something that a file of numbers has no business with, and that was not done.
  case refused(file: String, reason: String)
  /// The entry of one tensor contradicts itself, the others or the file.
  case damagedTensor(file: String, tensor: String, found: String, wanted: String)
  case missingTensor(file: String, tensor: String)
  case wrongShape(file: String, tensor: String, found: [Int], wanted: [Int])
  case wrongType(file: String, tensor: String, found: StoredType, wanted: String)
  /// A field of a folder's `config.json`.
  case configuration(file: String, field: String, found: String, wanted: String)
  /// Several tensors that a model wants are missing or have another shape.
  case mismatch(file: String, problems: [String])
}

extension CheckpointError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) could not be read: \(reason)"
    case .damaged(let file, let format, let reason): "\(file) is not a whole \(format.rawValue): \(reason)"
    case .refused(let file, let reason): "\(file) was refused: \(reason)"
    case .damagedTensor(let file, let tensor, let found, let wanted):
      "\(file) is damaged at tensor '\(tensor)': found \(found), wanted \(wanted)"
    case .missingTensor(let file, let tensor): "\(file) has no tensor '\(tensor)'"
    case .wrongShape(let file, let tensor, let found, let wanted):
      "\(file): tensor '\(tensor)' has the shape \(found), wanted \(wanted)"
    case .wrongType(let file, let tensor, let found, let wanted):
      "\(file): tensor '\(tensor)' is of type \(found.rawValue), wanted \(wanted)"
    case .configuration(let file, let field, let found, let wanted):
      "\(file): '\(field)' is \(found), wanted \(wanted)"
    case .mismatch(let file, let problems):
      "\(file) does not fit the model: " + problems.prefix(3).joined(separator: "; ")
        + (problems.count > 3 ? "; and \(problems.count - 3) more" : "")
    }
  }
}
