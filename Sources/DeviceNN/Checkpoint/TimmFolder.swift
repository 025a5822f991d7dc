/// Writes a folder of Hugging Face's layout, `config.json` and `model.safetensors`, which
/// `timm.create_model("local-dir:PATH", pretrained=True)` opens.
///
/// - Parameter records: the tensors under timm's names. The configuration is written last: a folder that has one is whole.
public func writeTimmFolder(
  _ configuration: TimmConfiguration, _ records: [TensorRecord], to path: String
) throws(FileError) {
  precondition(
    configuration.labels.isEmpty || configuration.labels.count == configuration.classCount,
    "\(configuration.labels.count) labels for \(configuration.classCount) classes")
  try RunFolder(path).createFolder()
  // Transformers' loader wants to be told that the layout is PyTorch's.
  try writeSafetensors(records, metadata: ["format": "pt"], to: path + "/model.safetensors")
  try AtomicFile.write(configuration.json, to: path + "/config.json")
}
