import Foundation

extension Device {
  /// Every device there is: the CPU fallback, then what OpenCL drivers offer, GPUs first.
  public static func available() -> [DeviceDescription] {
    let fallback = (try? CPUBackend()).map { [$0.description] } ?? []
    return fallback + OpenCLDevice.all.map(\.description)
  }

  /// The device called `name`: `auto`, `cpu`, `opencl` (the first OpenCL device), `opencl:1`, or a part of the
  /// driver's name for it, in any case. Without a name, what `DEVICENN_DEVICE` says, or else `auto`: a GPU if there
  /// is one, and otherwise the CPU fallback.
  ///
  /// The first use of a device with a profile compiles kernels.cl, which takes a driver seconds; later ones load it.
  public convenience init(named name: String? = nil, profile: TileProfile? = nil) throws(DeviceError) {
    let name = name ?? Setting.device.value ?? "auto"
    if let limit = Setting.memoryLimit.value, Setting.mebibytes == nil {
      throw .badSetting(name: Setting.memoryLimit.rawValue, value: limit, wanted: "a number of MiB")
    }
    let backend = try Self.makeBackend(named: name, profile: profile)
    let isChosenByHand = profile != nil || Setting.profile.value != nil
    let tuning = isChosenByHand ? nil : Self.tuning(of: backend.description)
    let isTunedFor = tuning.map { ($0.profile ?? backend.profile).isSame(as: backend.profile) } ?? false
    self.init(backend: backend, algorithms: AlgorithmTable(isTunedFor ? tuning!.algorithms : []))
  }

  private static func makeBackend(named name: String, profile: TileProfile?) throws(DeviceError) -> any Backend {
    let wanted = name
    let name = name.lowercased()
    if name == "auto" { return try automatic(profile: profile) }
    if name == "cpu" { return try fallback(profile: profile) }
    if name == "opencl", let first = OpenCLDevice.all.first { return try open(first, profile: profile) }
    if let device = OpenCLDevice.all.first(where: { $0.description.identifier == name }) {
      return try open(device, profile: profile)
    }
    // "opencl" and its numbers never mean a driver's name: opencl:7 that isn't there mustn't become something else.
    if !name.isEmpty, !name.hasPrefix("opencl"), let device = OpenCLDevice.all.first(where: { $0.description.isCalled(name) }) {
      return try open(device, profile: profile)
    }
    throw .unknownDevice(name: wanted, available: available().map { "\($0.identifier) (\($0.name))" })
  }

  private static func open(_ device: OpenCLDevice, profile: TileProfile?) throws(DeviceError) -> OpenCLBackend {
    let description = device.description
    if let profile { return try OpenCLBackend(device, profile: profile) }
    if let name = Setting.profile.value { return try OpenCLBackend(device, profile: .named(name, on: description)) }
    // A file that can't be used is told of once, by the device that is chosen.
    let tuned = Setting.tuning.value == "off" ? nil : (try? TuningFile(of: description).record())?.profile
    if let tuned, let backend = try? OpenCLBackend(device, profile: tuned) { return backend }
    return try OpenCLBackend(device, profile: .fitting(description))
  }

  private static func fallback(profile: TileProfile?) throws(DeviceError) -> CPUBackend {
    let backend = try CPUBackend()
    if let profile, profile != backend.profile {
      throw .unsupportedProfile(
        profile: profile.name, device: backend.description.name, reason: "its tiles are fixed when this package is built")
    }
    return backend
  }

  // MARK: The automatic choice

  /// Measures nothing: noise would decide in a busy moment, and another device gives other bits.
  private static func automatic(profile: TileProfile?) throws(DeviceError) -> any Backend {
    for device in OpenCLDevice.all where device.description.kind != .openCLCPU {
      do throws(DeviceError) { return try open(device, profile: profile) } catch { warn(device, error) }
    }
    do throws(DeviceError) { return try fallback(profile: profile) } catch {
      // A profile that isn't the fallback's own leaves only the drivers.
      guard let driver = OpenCLDevice.all.first else { throw error }
      return try open(driver, profile: profile)
    }
  }

  /// Says why a GPU is passed over: somebody who has one must not train on the CPU unawares.
  private static func warn(_ device: OpenCLDevice, _ error: DeviceError) {
    FileHandle.standardError.write(Data("\(device.description.identifier) is left out: \(error)\n".utf8))
  }
}

extension DeviceDescription {
  /// Whether the driver's name contains `part`, given in lower case.
  fileprivate func isCalled(_ part: String) -> Bool { name.lowercased().contains(part) }
}
