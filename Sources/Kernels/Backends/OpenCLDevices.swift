import COpenCL

/// A device that an OpenCL driver offers.
struct OpenCLDevice: Sendable {
  let description: DeviceDescription
  let platformName: String
  nonisolated(unsafe) let platform: OpaquePointer  // platforms and devices are never released
  nonisolated(unsafe) let id: OpaquePointer

  /// Every device that can run kernels.cl: GPUs, then accelerators, then CPUs, each in the drivers' own order.
  ///
  /// Looked up once: loading all drivers takes a tenth of a second, and the numbers in `opencl:0`, `opencl:1`, …
  /// mustn't change while a program runs.
  static let all: [OpenCLDevice] = {
    let ranks: [DeviceDescription.Kind] = [.gpu, .accelerator, .openCLCPU]
    let found = everything.filter { $0.obstacle == nil }
    let ranked = ranks.flatMap { kind in found.filter { $0.description.kind == kind } }
    return ranked.enumerated().map { $1.numbered($0) }
  }()

  /// Every device that a driver names, those that can't run kernels.cl too.
  static let everything: [OpenCLDevice] = openCLFunctions == nil ? [] : platforms().flatMap(devices)

  /// Each driver, as it names itself with its version.
  static var platformNames: [String] {
    guard openCLFunctions != nil else { return [] }
    return platforms().map { platform in
      [CL_PLATFORM_NAME, CL_PLATFORM_VERSION].map { name in
        text { cl.clGetPlatformInfo(platform, cl_platform_info(name), $0, $1, $2) }
      }.joined(separator: ", ")
    }
  }

  private func numbered(_ number: Int) -> OpenCLDevice {
    var description = description
    description.identifier = "opencl:\(number)"
    return OpenCLDevice(description: description, platformName: platformName, platform: platform, id: id)
  }

  private static func platforms() -> [OpaquePointer] {
    var count: cl_uint = 0
    guard cl.clGetPlatformIDs(0, nil, &count) == CL_SUCCESS, count > 0 else { return [] }
    var ids = [OpaquePointer?](repeating: nil, count: Int(count))
    guard cl.clGetPlatformIDs(count, &ids, nil) == CL_SUCCESS else { return [] }
    return ids.compactMap { $0 }
  }

  private static func devices(of platform: OpaquePointer) -> [OpenCLDevice] {
    var count: cl_uint = 0
    let all = cl_device_type(CL_DEVICE_TYPE_ALL)
    guard cl.clGetDeviceIDs(platform, all, 0, nil, &count) == CL_SUCCESS, count > 0 else { return [] }
    var ids = [OpaquePointer?](repeating: nil, count: Int(count))
    guard cl.clGetDeviceIDs(platform, all, count, &ids, nil) == CL_SUCCESS else { return [] }
    let platformName = text { cl.clGetPlatformInfo(platform, cl_platform_info(CL_PLATFORM_NAME), $0, $1, $2) }
    return ids.compactMap { $0 }.map {
      OpenCLDevice(description: describe($0), platformName: platformName, platform: platform, id: $0)
    }
  }

  func makeContext() throws(DeviceError) -> OpenCLHandle<ContextObject> {
    try OpenCLHandle("clCreateContext", for: description.name) { status in
      let properties = [cl_context_properties(CL_CONTEXT_PLATFORM), Int(bitPattern: platform), 0]
      var device: OpaquePointer? = id
      return cl.clCreateContext(properties, 1, &device, nil, nil, status)
    }
  }

  /// Versions, limits and extensions, as its driver tells them.
  var limits: String {
    let words = [CL_DEVICE_VENDOR, CL_DEVICE_VERSION, CL_DEVICE_OPENCL_C_VERSION, CL_DRIVER_VERSION, CL_DEVICE_EXTENSIONS]
    return words.map { Self.string(id, $0) }.joined(separator: " | ") + " | \(description)"
  }

  /// Why the device can't run kernels.cl: it is not there, has no compiler, or doesn't know OpenCL 1.2.
  var obstacle: Finding? {
    if Self.number(id, CL_DEVICE_AVAILABLE, as: cl_bool.self) == 0 {
      return Finding("its driver says that it is not available", fix: "end the program that holds it, or restart the machine")
    }
    if Self.number(id, CL_DEVICE_COMPILER_AVAILABLE, as: cl_bool.self) == 0 {
      return Finding("its driver has no compiler", fix: "install the full driver of its maker")
    }
    return Self.obstacle(ofVersion: Self.string(id, CL_DEVICE_VERSION))
  }

  /// "OpenCL 1.2 and whatever the driver adds" is what is needed at least.
  static func obstacle(ofVersion text: String) -> Finding? {
    let version = text.split(separator: " ").dropFirst().first.map { $0.split(separator: ".") } ?? []
    if version.count == 2, let major = Int(version[0]), let minor = Int(version[1]), (major, minor) >= (1, 2) { return nil }
    return Finding(
      "it is too old: it says '\(text)', and OpenCL 1.2 is needed",
      fix: "update its driver; if there is no newer one, use another device")
  }

  private static func describe(_ id: OpaquePointer) -> DeviceDescription {
    let type = number(id, CL_DEVICE_TYPE, as: cl_device_type.self)
    let vectors = [CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT]
    var description = DeviceDescription(
      identifier: "",
      name: string(id, CL_DEVICE_NAME),
      kind: type & cl_device_type(CL_DEVICE_TYPE_GPU) != 0
        ? .gpu : type & cl_device_type(CL_DEVICE_TYPE_CPU) != 0 ? .openCLCPU : .accelerator,
      vendor: string(id, CL_DEVICE_VENDOR),
      driverVersion: string(id, CL_DRIVER_VERSION),
      computeUnits: Int(number(id, CL_DEVICE_MAX_COMPUTE_UNITS, as: cl_uint.self)),
      memory: Setting.limited(Int(clamping: number(id, CL_DEVICE_GLOBAL_MEM_SIZE, as: cl_ulong.self))),
      maxAllocation: Int(clamping: number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, as: cl_ulong.self)),
      localMemory: Int(clamping: number(id, CL_DEVICE_LOCAL_MEM_SIZE, as: cl_ulong.self)),
      maxGroupSize: Int(number(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, as: Int.self)))
    description.vectorWidth = vectors.map { Int(number(id, $0, as: cl_uint.self)) }.max() ?? 1
    return description
  }

  private static func number<Value: FixedWidthInteger>(_ id: OpaquePointer, _ name: Int32, as type: Value.Type) -> Value {
    var value: Value = 0
    _ = cl.clGetDeviceInfo(id, cl_device_info(name), MemoryLayout<Value>.size, &value, nil)
    return value
  }

  private static func string(_ id: OpaquePointer, _ name: Int32) -> String {
    text { cl.clGetDeviceInfo(id, cl_device_info(name), $0, $1, $2) }
  }

  /// What one of OpenCL's `clGet…Info` calls says in words; empty where it says nothing.
  static func text(_ get: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> cl_int) -> String {
    var size = 0
    guard get(0, nil, &size) == CL_SUCCESS, size > 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: size)
    guard get(size, &bytes, nil) == CL_SUCCESS else { return "" }
    let words = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    return String(words.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
