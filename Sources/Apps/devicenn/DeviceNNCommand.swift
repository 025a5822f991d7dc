import ArgumentParser

@main
struct DeviceNNCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devicenn", abstract: "Fine-tunes neural networks on any OpenCL device, and on a plain CPU.")
}
