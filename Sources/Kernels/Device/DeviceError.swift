/// What the world did to a computation: everything that can go wrong below a tensor that no programmer could prevent.
public enum DeviceError: Error, Equatable, Sendable {
  /// No device goes by `name`; `available` lists those there are.
  case unknownDevice(name: String, available: [String])
  /// An environment variable says what can't be meant.
  case badSetting(name: String, value: String, wanted: String)
  /// `requested` bytes did not fit; `inUse` were held by live buffers, of `total` that the device has.
  case outOfMemory(requested: Int, inUse: Int, total: Int)
  /// The driver refused kernels.cl; `log` is the compiler's.
  case buildFailed(device: String, log: String)
  /// A profile needs more than the device has.
  case unsupportedProfile(profile: String, device: String, reason: String)
  /// An OpenCL call failed; `operation` names the kernel or the transfer.
  case callFailed(call: String, status: Int32, statusName: String, operation: String)
}

extension DeviceError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownDevice(let name, let available):
      "no device is called '\(name)'; there are: \(available.joined(separator: ", "))"
    case .badSetting(let name, let value, let wanted): "$\(name) is '\(value)', but \(wanted) was wanted"
    case .outOfMemory(let requested, let inUse, let total):
      "out of device memory: \(megabytes(requested)) wanted, \(megabytes(inUse)) in use of \(megabytes(total))"
    case .buildFailed(let device, let log): "kernels.cl does not build for \(device):\n\(log)"
    case .unsupportedProfile(let profile, let device, let reason):
      "the tile profile '\(profile)' does not fit \(device): \(reason)"
    case .callFailed(let call, let status, let statusName, let operation):
      "\(operation): \(call) failed with \(statusName) (\(status))"
    }
  }
}

func megabytes(_ byteCount: Int) -> String { "\((byteCount + 1_048_575) / 1_048_576) MiB" }
