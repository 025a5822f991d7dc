import COpenCL

/// What an OpenCL call returned.
///
/// A struct, not an enum: drivers return codes that no header lists.
struct OpenCLStatus: RawRepresentable, Hashable, Sendable {
  let rawValue: Int32

  init(rawValue: Int32) { self.rawValue = rawValue }
  private init(_ rawValue: Int32) { self.rawValue = rawValue }

  static let success = Self(CL_SUCCESS)
  static let deviceNotFound = Self(CL_DEVICE_NOT_FOUND)
  static let allocationFailure = Self(CL_MEM_OBJECT_ALLOCATION_FAILURE)
  static let outOfResources = Self(CL_OUT_OF_RESOURCES)
  static let outOfHostMemory = Self(CL_OUT_OF_HOST_MEMORY)
  static let profilingInfoNotAvailable = Self(CL_PROFILING_INFO_NOT_AVAILABLE)
  static let buildProgramFailure = Self(CL_BUILD_PROGRAM_FAILURE)
  static let invalidValue = Self(CL_INVALID_VALUE)
  static let invalidCommandQueue = Self(CL_INVALID_COMMAND_QUEUE)
  static let invalidMemObject = Self(CL_INVALID_MEM_OBJECT)
  static let invalidKernelName = Self(CL_INVALID_KERNEL_NAME)
  static let invalidArgIndex = Self(CL_INVALID_ARG_INDEX)
  static let invalidArgValue = Self(CL_INVALID_ARG_VALUE)
  static let invalidArgSize = Self(CL_INVALID_ARG_SIZE)
  static let invalidKernelArgs = Self(CL_INVALID_KERNEL_ARGS)
  static let invalidWorkDimension = Self(CL_INVALID_WORK_DIMENSION)
  static let invalidWorkGroupSize = Self(CL_INVALID_WORK_GROUP_SIZE)
  static let invalidWorkItemSize = Self(CL_INVALID_WORK_ITEM_SIZE)
  static let invalidBufferSize = Self(CL_INVALID_BUFFER_SIZE)
  /// CL_PLATFORM_NOT_FOUND_KHR: the loader is there, but no driver.
  static let platformNotFound = Self(-1001)

  /// Whether memory ran out, when an allocation returned it.
  var isOutOfMemory: Bool {
    [.allocationFailure, .outOfResources, .outOfHostMemory, .invalidBufferSize].contains(self)
  }

  /// Whether only a mistake in this package can have caused it.
  ///
  /// By no means all of `CL_INVALID_…`: NVIDIA's driver returns CL_INVALID_COMMAND_QUEUE after a kernel crashed.
  var isOurMistake: Bool {
    [
      .invalidValue, .invalidMemObject, .invalidKernelName, .invalidArgIndex, .invalidArgValue, .invalidArgSize,
      .invalidKernelArgs, .invalidWorkDimension, .invalidWorkItemSize,
    ].contains(self)
  }

  /// The name in OpenCL's headers.
  var name: String { Self.names[rawValue] ?? "an unknown status" }

  private static let names: [Int32: String] = [
    CL_SUCCESS: "CL_SUCCESS",
    CL_DEVICE_NOT_FOUND: "CL_DEVICE_NOT_FOUND",
    CL_DEVICE_NOT_AVAILABLE: "CL_DEVICE_NOT_AVAILABLE",
    CL_COMPILER_NOT_AVAILABLE: "CL_COMPILER_NOT_AVAILABLE",
    CL_MEM_OBJECT_ALLOCATION_FAILURE: "CL_MEM_OBJECT_ALLOCATION_FAILURE",
    CL_OUT_OF_RESOURCES: "CL_OUT_OF_RESOURCES",
    CL_OUT_OF_HOST_MEMORY: "CL_OUT_OF_HOST_MEMORY",
    CL_PROFILING_INFO_NOT_AVAILABLE: "CL_PROFILING_INFO_NOT_AVAILABLE",
    CL_BUILD_PROGRAM_FAILURE: "CL_BUILD_PROGRAM_FAILURE",
    CL_MISALIGNED_SUB_BUFFER_OFFSET: "CL_MISALIGNED_SUB_BUFFER_OFFSET",
    CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST: "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
    CL_INVALID_VALUE: "CL_INVALID_VALUE",
    CL_INVALID_DEVICE_TYPE: "CL_INVALID_DEVICE_TYPE",
    CL_INVALID_PLATFORM: "CL_INVALID_PLATFORM",
    CL_INVALID_DEVICE: "CL_INVALID_DEVICE",
    CL_INVALID_CONTEXT: "CL_INVALID_CONTEXT",
    CL_INVALID_QUEUE_PROPERTIES: "CL_INVALID_QUEUE_PROPERTIES",
    CL_INVALID_COMMAND_QUEUE: "CL_INVALID_COMMAND_QUEUE",
    CL_INVALID_HOST_PTR: "CL_INVALID_HOST_PTR",
    CL_INVALID_MEM_OBJECT: "CL_INVALID_MEM_OBJECT",
    CL_INVALID_BINARY: "CL_INVALID_BINARY",
    CL_INVALID_BUILD_OPTIONS: "CL_INVALID_BUILD_OPTIONS",
    CL_INVALID_PROGRAM: "CL_INVALID_PROGRAM",
    CL_INVALID_PROGRAM_EXECUTABLE: "CL_INVALID_PROGRAM_EXECUTABLE",
    CL_INVALID_KERNEL_NAME: "CL_INVALID_KERNEL_NAME",
    CL_INVALID_KERNEL_DEFINITION: "CL_INVALID_KERNEL_DEFINITION",
    CL_INVALID_KERNEL: "CL_INVALID_KERNEL",
    CL_INVALID_ARG_INDEX: "CL_INVALID_ARG_INDEX",
    CL_INVALID_ARG_VALUE: "CL_INVALID_ARG_VALUE",
    CL_INVALID_ARG_SIZE: "CL_INVALID_ARG_SIZE",
    CL_INVALID_KERNEL_ARGS: "CL_INVALID_KERNEL_ARGS",
    CL_INVALID_WORK_DIMENSION: "CL_INVALID_WORK_DIMENSION",
    CL_INVALID_WORK_GROUP_SIZE: "CL_INVALID_WORK_GROUP_SIZE",
    CL_INVALID_WORK_ITEM_SIZE: "CL_INVALID_WORK_ITEM_SIZE",
    CL_INVALID_GLOBAL_OFFSET: "CL_INVALID_GLOBAL_OFFSET",
    CL_INVALID_EVENT_WAIT_LIST: "CL_INVALID_EVENT_WAIT_LIST",
    CL_INVALID_EVENT: "CL_INVALID_EVENT",
    CL_INVALID_OPERATION: "CL_INVALID_OPERATION",
    CL_INVALID_BUFFER_SIZE: "CL_INVALID_BUFFER_SIZE",
    CL_INVALID_GLOBAL_WORK_SIZE: "CL_INVALID_GLOBAL_WORK_SIZE",
    -1001: "CL_PLATFORM_NOT_FOUND_KHR",
    -9999: "an illegal read or write in a kernel (NVIDIA)",
  ]
}

/// Throws what the device or its driver did, and stops the program at what only we can have done.
///
/// `fatalError`, not `precondition`: an optimised build would drop the names of the call and the kernel.
func check(_ status: cl_int, _ call: String, _ operation: @autoclosure () -> String) throws(DeviceError) {
  let status = OpenCLStatus(rawValue: status)
  guard status != .success else { return }
  if status.isOurMistake { fatalError("\(operation()): \(call) returned \(status.name), so its arguments are wrong") }
  throw .callFailed(call: call, status: status.rawValue, statusName: status.name, operation: operation())
}
