import COpenCL

/// kernels.cl as one device's driver compiled it, with one profile's tile sizes.
struct OpenCLProgram: Sendable {
  let handle: OpenCLHandle<ProgramObject>
  /// Whether the driver took it from the cache on disk.
  let isFromCache: Bool

  /// The text of kernels.cl inside this binary.
  static let source = String(cString: kernels_source())

  /// As in the CPU fallback, products and sums may be fused, and numbers too small to be normal are 0; nothing else of the
  /// arithmetic is loosened.
  static func options(_ profile: TileProfile) -> String {
    (["-cl-std=CL1.2", "-cl-mad-enable", "-cl-denorms-are-zero"] + profile.defines.map { "-D \($0.name)=\($0.value)" }).joined(separator: " ")
  }

  static func key(device: OpenCLDevice, options: String, source: String) -> UInt128 {
    let description = device.description
    return ProgramCache.key([source, options, device.platformName, description.name, description.driverVersion])
  }

  /// The program from `cache`, or else built and put there.
  init(
    device: OpenCLDevice, context: OpenCLHandle<ContextObject>, profile: TileProfile, source: String, cache: ProgramCache?
  ) throws(DeviceError) {
    let options = Self.options(profile)
    let key = Self.key(device: device, options: options, source: source)
    if let binary = cache?.load(key), let program = Self.load(binary, device: device, context: context, options: options) {
      handle = program
      isFromCache = true
      return
    }
    handle = try Self.build(source, device: device, context: context, options: options)
    isFromCache = false
    if let cache, let binary = Self.binary(of: handle) { cache.store(binary, for: key) }
  }

  /// The program in `binary`; nil where the driver refuses it, after an update for example.
  static func load(
    _ binary: [UInt8], device: OpenCLDevice, context: OpenCLHandle<ContextObject>, options: String
  ) -> OpenCLHandle<ProgramObject>? {
    var id: OpaquePointer? = device.id
    var status: cl_int = CL_SUCCESS
    let raw = binary.withUnsafeBufferPointer { bytes in
      var length = bytes.count
      var start = bytes.baseAddress
      var accepted: cl_int = CL_SUCCESS
      let raw = cl.clCreateProgramWithBinary(context.raw, 1, &id, &length, &start, &accepted, &status)
      if status == CL_SUCCESS { status = accepted }
      return raw
    }
    guard let raw else { return nil }
    let program = OpenCLHandle<ProgramObject>(owning: raw)
    guard status == CL_SUCCESS else { return nil }
    return cl.clBuildProgram(raw, 1, &id, options, nil, nil) == CL_SUCCESS ? program : nil
  }

  static func build(
    _ source: String, device: OpenCLDevice, context: OpenCLHandle<ContextObject>, options: String
  ) throws(DeviceError) -> OpenCLHandle<ProgramObject> {
    let program = try OpenCLHandle<ProgramObject>("clCreateProgramWithSource", for: "kernels.cl") { status in
      source.withCString {
        var text: UnsafePointer<CChar>? = $0
        return cl.clCreateProgramWithSource(context.raw, 1, &text, nil, status)
      }
    }
    var id: OpaquePointer? = device.id
    let status = cl.clBuildProgram(program.raw, 1, &id, options, nil, nil)
    guard status == CL_SUCCESS else {
      let log = OpenCLDevice.text {
        cl.clGetProgramBuildInfo(program.raw, device.id, cl_program_build_info(CL_PROGRAM_BUILD_LOG), $0, $1, $2)
      }
      let reason = "\(OpenCLStatus(rawValue: status).name) with the options \(options)"
      throw .buildFailed(device: device.description.name, log: log.isEmpty ? reason : "\(reason)\n\(log)")
    }
    return program
  }

  /// What the driver's compiler made; nil where it won't show it.
  static func binary(of program: OpenCLHandle<ProgramObject>) -> [UInt8]? {
    var length = 0
    let size = MemoryLayout<Int>.size
    guard
      cl.clGetProgramInfo(program.raw, cl_program_info(CL_PROGRAM_BINARY_SIZES), size, &length, nil) == CL_SUCCESS,
      length > 0
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: length)
    let status = bytes.withUnsafeMutableBufferPointer { bytes in
      var start = bytes.baseAddress
      return cl.clGetProgramInfo(program.raw, cl_program_info(CL_PROGRAM_BINARIES), size, &start, nil)
    }
    return status == CL_SUCCESS ? bytes : nil
  }
}

extension OpenCLDevice {
  /// Where to keep this driver's programs; nil for PoCL.
  ///
  /// PoCL compiles a kernel at its first launch and keeps the result itself, but to hand out a binary it must
  /// compile all of them first: 18 s for 40 kernels, which it then opens in 0.08 s without this cache.
  var programCache: ProgramCache? { platformName == "Portable Computing Language" ? nil : ProgramCache() }
}
