/// Writes a folder of Hugging Face's layout, `config.json` and `model.safetensors`, which
/// `timm.create_model("local-dir:PATH", pretrained=True)` opens.
///
/// The configuration is written last: a folder that has one is whole.
///
/// - Parameters:
///   - configuration: its `modelArguments` are what differs from the architecture's own, such as `img_size` of a vision
///     transformer; `in_chans` follows from its channels.
///   - records: the tensors under timm's names.
public func writeTimmFolder(
  _ configuration: TimmConfiguration, _ records: [TensorRecord], to path: String
) throws(FileError) {
  precondition(
    configuration.labels.isEmpty || configuration.labels.count == configuration.classCount,
    "\(configuration.labels.count) labels for \(configuration.classCount) classes")
  var configuration = configuration
  // timm makes a network for three channels unless an argument says otherwise.
  if configuration.preprocessing.channels != 3 {
    configuration.modelArguments["in_chans"] = .number(Double(configuration.preprocessing.channels))
  }
  try AtomicFile.makeFolder(path)
  // Transformers' loader wants to be told that the layout is PyTorch's.
  try writeSafetensors(records, metadata: ["format": "pt"], to: path + "/model.safetensors")
  try AtomicFile.write(configuration.json, to: path + "/config.json")
}
