import COpenCL

/// A kernel by name, with what its launches are checked against.
///
/// Kernels hold their arguments: between the first `set` and the launch nobody else may use the same one.
struct OpenCLKernel: Sendable {
  let name: String
  let handle: OpenCLHandle<KernelObject>
  private let argumentCount: Int

  init(_ name: String, of program: OpenCLProgram) throws(DeviceError) {
    self.name = name
    handle = try OpenCLHandle("clCreateKernel", for: name) { cl.clCreateKernel(program.handle.raw, name, $0) }
    var count: cl_uint = 0
    let size = MemoryLayout<cl_uint>.size
    try check(
      cl.clGetKernelInfo(handle.raw, cl_kernel_info(CL_KERNEL_NUM_ARGS), size, &count, nil), "clGetKernelInfo", name)
    argumentCount = Int(count)
  }

  /// Work-items that a group of this kernel may have, by the driver's account. Some drivers say too little, so this
  /// explains a refusal and predicts none.
  func largestGroup(on device: OpenCLDevice) -> Int {
    var size = 0
    let name = cl_kernel_work_group_info(CL_KERNEL_WORK_GROUP_SIZE)
    _ = cl.clGetKernelWorkGroupInfo(handle.raw, device.id, name, MemoryLayout<Int>.size, &size, nil)
    return size
  }

  func set(_ arguments: [Launch.Argument], on backend: OpenCLBackend) throws(DeviceError) {
    guard arguments.count == argumentCount else {
      fatalError("\(name) takes \(argumentCount) arguments, but was launched with \(arguments.count)")
    }
    for (index, argument) in arguments.enumerated() {
      switch argument {
      case .int(let value):
        guard let value = cl_int(exactly: value) else {
          fatalError("argument \(index) of \(name) is \(value), more than an int of OpenCL holds")
        }
        try set(index, to: value)
      case .float(let value): try set(index, to: value)
      case .buffer(let buffer):
        precondition(
          buffer.device.backend === backend, "argument \(index) of \(name) is a buffer of \(buffer.device.description.name)")
        try set(index, to: Optional(OpaquePointer(buffer.memory.handle)))
      }
    }
  }

  private func set<Value: BitwiseCopyable>(_ index: Int, to value: Value) throws(DeviceError) {
    var value = value
    let status = cl.clSetKernelArg(handle.raw, cl_uint(index), MemoryLayout<Value>.size, &value)
    try check(status, "clSetKernelArg", "argument \(index) of \(name)")
  }
}
