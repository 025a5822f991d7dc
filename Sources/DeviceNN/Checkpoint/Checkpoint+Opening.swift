// From a path to the checkpoint that lies there.
internal import Foundation

/// Opens a checkpoint of any format, which its content decides and not its name: a safetensors file, the JSON index of a
/// sharded one, what PyTorch's `torch.save` wrote, or a folder of Hugging Face's layout that holds one of these.
public func openCheckpoint(_ path: String) throws(CheckpointError) -> any Checkpoint {
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
    return try openCheckpoint(inFolder: path)
  }
  let bytes = try mappedFile(path)
  if bytes.starts(with: ZipArchive.signature) || bytes.starts(with: PyTorchFile.oldSignature) {
    return try PyTorchFile(bytes: bytes, path: path)
  }
  if bytes.first == UInt8(ascii: "{"), !SafetensorsFile.hasHeader(bytes) {
    return try ShardedSafetensors(index: bytes, path: path)
  }
  // A header of JSON lies behind the eight bytes of its length.
  if let ninth = bytes.dropFirst(8).first, ninth != UInt8(ascii: "{") {
    throw .unreadable(file: path, reason: "it begins neither as safetensors nor as a file of PyTorch")
  }
  return try SafetensorsFile(bytes: bytes, path: path)
}

private func openCheckpoint(inFolder path: String) throws(CheckpointError) -> any Checkpoint {
  // The safest format first, as `from_pretrained` and `timm` choose.
  let names = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"]
  guard let name = names.first(where: { FileManager.default.fileExists(atPath: path + "/" + $0) }) else {
    throw .unreadable(file: path, reason: "the folder holds none of \(names.joined(separator: ", "))")
  }
  return try openCheckpoint(path + "/" + name)
}

/// The bytes of a file, mapped and not copied: a checkpoint larger than memory opens at once. It must not be overwritten
/// in place while it is open; `AtomicFile` never does that.
func mappedFile(_ path: String) throws(CheckpointError) -> Data {
  do { return try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
    throw .unreadable(file: path, reason: whyUnreadable(path, error))
  }
}

/// What keeps a file from being read, in fewer words than Foundation's.
func whyUnreadable(_ path: String, _ error: any Error) -> String {
  var isFolder: ObjCBool = false
  if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) { return "there is no such file" }
  if isFolder.boolValue { return "it is a folder" }
  return FileManager.default.isReadableFile(atPath: path) ? error.localizedDescription : "permission denied"
}
