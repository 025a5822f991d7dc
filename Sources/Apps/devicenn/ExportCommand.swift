import ArgumentParser
import DeviceNN
import Kernels

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a trained model as a folder of Hugging Face's layout, which timm opens as local-dir:FOLDER.",
    discussion: """
      model.safetensors has timm's names where timm has the network, and otherwise those of the weights that the run \
      started from; safetensors' and PyTorch's own loaders open it too.
      """)

  @Option(help: ArgumentHelp("The folder of a run.", valueName: "run")) var model: String
  @Option(help: ArgumentHelp("The new folder.", valueName: "dir")) var out: String

  func run() throws {
    let (model, configuration) = try RunFolder(model).model(on: Device(named: "cpu"))
    try configuration.exported(model, to: out)
    try say("wrote \(out)/config.json and \(out)/model.safetensors (\(configuration.timmName))")
  }
}
