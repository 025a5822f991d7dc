import ArgumentParser
import DeviceNN
import Kernels

/// `--device`, which every command that computes has.
struct DeviceOption: ParsableArguments {
  @Option(
    name: .customLong("device"),
    help: "auto, cpu, opencl, opencl:1, or a part of a device's name; see 'devicenn devices'. (default: $DEVICENN_DEVICE, or auto)")
  var name: String?

  /// The device that is meant. Its program is not built where its identifier says which one it is: that may be what fails.
  func description() throws -> DeviceDescription {
    try Device.available().first { $0.identifier == name?.lowercased() } ?? open().description
  }

  func open() throws -> Device { try Device(named: name) }

  /// The device that a run was trained on so far, unless another was asked for.
  func open(for run: RunFolder) throws -> Device { try Device(named: name ?? run.device) }
}
