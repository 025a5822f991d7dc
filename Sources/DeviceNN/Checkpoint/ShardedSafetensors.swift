// A checkpoint in several safetensors files, as Hugging Face's `save_pretrained` splits large ones.
internal import Foundation

/// Safetensors files under one index, `model.safetensors.index.json`, whose `weight_map` says which file has a tensor.
public struct ShardedSafetensors: Checkpoint {
  public let path: String
  public let format = CheckpointFormat.shardedSafetensors
  /// Of all the files; where they contradict each other, of the first.
  public let metadata: [String: String]
  public let names: [String]
  private let files: [SafetensorsFile]
  /// The place in `files`.
  private let fileOfTensor: [String: Int]

  public init(path: String) throws(CheckpointError) { try self.init(index: mappedFile(path), path: path) }

  init(index: Data, path: String) throws(CheckpointError) {
    func damaged(_ reason: String) -> CheckpointError {
      .damaged(file: path, format: .shardedSafetensors, reason: reason)
    }
    let json: JSONValue
    do { json = try JSONValue(parsing: index) } catch { throw damaged("it \(error.reason)") }
    guard case .object(let map)? = json["weight_map"] else { throw damaged("it has no object 'weight_map'") }
    var files: [SafetensorsFile] = []
    var places: [String: Int] = [:]
    var fileOfTensor: [String: Int] = [:]
    for (name, value) in map {
      guard case .text(let file) = value else { throw damaged("its weight_map gives '\(name)' no file name") }
      // An index names its neighbours, and nothing else on this computer.
      guard !file.isEmpty, !file.contains("/"), !file.contains("\0") else {
        throw damaged("its weight_map gives '\(name)' the file '\(file)', wanted one of the same folder")
      }
      let place = places[file] ?? files.count
      if place == files.count {
        places[file] = place
        files.append(try SafetensorsFile(path: AtomicFile.folder(of: path) + "/" + file))
      }
      guard files[place].contains(name) else { throw .missingTensor(file: files[place].path, tensor: name) }
      fileOfTensor[name] = place
    }
    self.path = path
    self.files = files
    self.fileOfTensor = fileOfTensor
    names = files.indices.flatMap { place in files[place].names.filter { fileOfTensor[$0] == place } }
    metadata = files.reduce(into: [:]) { $0.merge($1.metadata) { first, _ in first } }
  }

  public func shape(of name: String) -> [Int]? { fileOfTensor[name].flatMap { files[$0].shape(of: name) } }

  public func type(of name: String) -> StoredType? { fileOfTensor[name].flatMap { files[$0].type(of: name) } }

  public func record(named name: String) throws(CheckpointError) -> TensorRecord {
    guard let place = fileOfTensor[name] else { throw .missingTensor(file: path, tensor: name) }
    return try files[place].record(named: name)
  }
}
