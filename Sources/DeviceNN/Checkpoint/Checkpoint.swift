/// Named tensors in a file or a folder, each read when it is asked for. `openCheckpoint` opens one of any format.
public protocol Checkpoint: Sendable {
  /// What was opened, as messages name it.
  var path: String { get }
  var format: CheckpointFormat { get }
  /// What the file says beside its tensors.
  var metadata: [String: String] { get }
  /// In the file's order; no name occurs twice.
  var names: [String] { get }

  func shape(of name: String) -> [Int]?

  func type(of name: String) -> StoredType?

  /// The tensor with its bytes in row-major order, which stay in the mapped file if they lie there in that order.
  func record(named name: String) throws(CheckpointError) -> TensorRecord
}

/// What kind of checkpoint a file is.
public enum CheckpointFormat: String, Sendable {
  case safetensors = "safetensors file"
  case shardedSafetensors = "index of safetensors files"
  case pyTorch = "PyTorch file"
  /// What `torch.save` wrote before version 1.6, which is no zip archive.
  case oldPyTorch = "PyTorch file of the old format"
  /// Several arrays of NumPy's; holds data, not parameters.
  case npz = "npz file"
}

extension Checkpoint {
  public func contains(_ name: String) -> Bool { shape(of: name) != nil }

  /// The tensor's values as floats, whichever floating-point type they have in the file.
  public func floats(named name: String) throws(CheckpointError) -> [Float] {
    let record = try record(named: name)
    guard let floats = record.floats else {
      throw .wrongType(file: path, tensor: name, found: record.type, wanted: "F32, F16, BF16 or F64")
    }
    return floats
  }

  /// The tensor's values, if it has this shape.
  public func floats(named name: String, shape: [Int]) throws(CheckpointError) -> [Float] {
    guard let found = self.shape(of: name) else { throw .missingTensor(file: path, tensor: name) }
    guard found == shape else { throw .wrongShape(file: path, tensor: name, found: found, wanted: shape) }
    return try floats(named: name)
  }

  public func integers(named name: String) throws(CheckpointError) -> [Int64] {
    let record = try record(named: name)
    guard let integers = record.integers else {
      throw .wrongType(file: path, tensor: name, found: record.type, wanted: "an integer type")
    }
    return integers
  }

  /// Checks that all wanted tensors are there with their shapes, so that a model is loaded whole or not at all.
  public func check(_ wanted: [(name: String, shape: [Int])]) throws(CheckpointError) {
    let problems = wanted.compactMap { name, shape in
      switch self.shape(of: name) {
      case nil: "tensor '\(name)' \(shape) is missing"
      case let found? where found != shape: "tensor '\(name)' has the shape \(found), wanted \(shape)"
      case _?: nil as String?
      }
    }
    guard problems.isEmpty else { throw .mismatch(file: path, problems: problems) }
  }
}
