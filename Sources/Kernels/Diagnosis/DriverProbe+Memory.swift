import COpenCL

/// The probes of memory and speed.
extension DriverProbe {
  /// A context of its own with a queue, for calls that the package's backend doesn't make.
  private struct Bench {
    let context: OpenCLHandle<ContextObject>
    let queue: OpenCLHandle<QueueObject>
    let name: String

    init(_ device: OpenCLDevice, name: String) throws(DeviceError) {
      let context = try device.makeContext()
      queue = try OpenCLHandle("clCreateCommandQueue", for: name) { cl.clCreateCommandQueue(context.raw, device.id, 0, $0) }
      (self.context, self.name) = (context, name)
    }

    /// Lends memory to `body`.
    func withMemory<Result>(
      _ byteCount: Int, flags: Int32 = 0, _ body: (OpaquePointer) throws -> Result
    ) throws -> Result {
      var status: cl_int = CL_SUCCESS
      let memory = cl.clCreateBuffer(context.raw, cl_mem_flags(CL_MEM_READ_WRITE | flags), byteCount, nil, &status)
      try check(status, "clCreateBuffer", name)
      guard let memory else { throw ProbeFailure("no memory, and no error") }
      defer {
        _ = cl.clFinish(queue.raw)
        _ = cl.clReleaseMemObject(memory)
      }
      return try body(memory)
    }

    func write(_ bytes: UnsafeRawBufferPointer, to memory: OpaquePointer) throws {
      let status = cl.clEnqueueWriteBuffer(queue.raw, memory, cl_bool(CL_TRUE), 0, bytes.count, bytes.baseAddress, 0, nil, nil)
      try check(status, "clEnqueueWriteBuffer", name)
    }
  }

  func largeLocal(_ source: String, isArgument: Bool, on device: OpenCLDevice) throws -> String {
    let bench = try Bench(device, name: rawValue)
    let program = try OpenCLProgram(device: device, context: bench.context, profile: Self.warp, source: source, cache: nil)
    let kernel = try OpenCLKernel("probe", of: program)
    var values = [Float](repeating: 1, count: 32)
    try bench.withMemory(128) { memory in
      try values.withUnsafeBytes { try bench.write($0, to: memory) }
      var argument = Optional(memory)
      try check(cl.clSetKernelArg(kernel.handle.raw, 0, MemoryLayout<OpaquePointer>.size, &argument), "clSetKernelArg", rawValue)
      if isArgument { try check(cl.clSetKernelArg(kernel.handle.raw, 1, 65536, nil), "clSetKernelArg", rawValue) }
      let size = [32]
      let status = cl.clEnqueueNDRangeKernel(bench.queue.raw, kernel.handle.raw, 1, nil, size, size, 0, nil, nil)
      try check(status, "clEnqueueNDRangeKernel", rawValue)
      let read = cl.clEnqueueReadBuffer(bench.queue.raw, memory, cl_bool(CL_TRUE), 0, 128, &values, 0, nil, nil)
      try check(read, "clEnqueueReadBuffer", rawValue)
    }
    guard values.allSatisfy({ $0 == 1 }) else { throw ProbeFailure("it gives \(values[0]) where 1 is right") }
    return "64 KiB, where the driver admits \(device.description.localMemory >> 10) KiB"
  }

  /// Writes to the far end of the memory and reads there.
  func allocate(on device: OpenCLDevice) throws -> String {
    let source = """
      __kernel void probe(const int mebibytes, __global float *y, __global float *found) {
        __global float *end = y + (size_t)mebibytes * 262144 - 32;
        end[get_local_id(0)] = 7.0f;
        found[get_local_id(0)] = end[get_local_id(0)];
      }
      """
    let backend = try OpenCLBackend(device, profile: Self.warp, source: source, cache: nil)
    let owner = Device(backend: backend)
    let mebibytes = device.description.maxAllocation / 2 * 3 >> 20
    let memory = try backend.allocate(byteCount: mebibytes << 20)
    let (y, found) = (Buffer(device: owner, byteCount: mebibytes << 20, memory: memory), owner.makeBuffer(byteCount: 128))
    owner.launch(Launch("probe", groups: [1, 1, 1], [.int(mebibytes), .buffer(y), .buffer(found)]))
    guard try owner.read(found, as: Float.self, count: 32).allSatisfy({ $0 == 7 }) else { throw ProbeFailure("its end is lost") }
    return "\(mebibytes) MiB, where the driver admits \(device.description.maxAllocation >> 20)"
  }

  func launchRate(on device: OpenCLDevice) throws -> String {
    let owner = Device(backend: try OpenCLBackend(device, profile: Self.warp, source: Self.copy, cache: nil))
    let y = owner.makeBuffer([Float](repeating: 0, count: 32))
    let launch = Launch("probe", groups: [1, 1, 1], [.buffer(y)])
    let together = try owner.bestTime { for _ in 0..<1000 { owner.launch(launch) } } / 1000
    let alone = try owner.bestTime { owner.launch(launch) }
    return "\(tenths(together * 1e6)) us a launch among 1000, \(tenths(alone * 1e6)) us alone, waited for"
  }

  func copyRate(on device: OpenCLDevice) throws -> String {
    let byteCount = 64 << 20
    let bench = try Bench(device, name: rawValue)
    let ordinary = [UInt8](repeating: 1, count: byteCount)
    func rate(_ bytes: UnsafeRawBufferPointer, _ memory: OpaquePointer) throws -> String {
      var best = Double.infinity
      for _ in 0..<4 {
        let start = ContinuousClock.now
        try bench.write(bytes, to: memory)
        best = min(best, (ContinuousClock.now - start) / .seconds(1))
      }
      return tenths(Double(byteCount) / best / 1e9)
    }
    return try bench.withMemory(byteCount) { memory in
      let pageable = try ordinary.withUnsafeBytes { try rate($0, memory) }
      let pinned = try bench.withMemory(byteCount, flags: CL_MEM_ALLOC_HOST_PTR) { host in
        var status: cl_int = CL_SUCCESS
        let address = cl.clEnqueueMapBuffer(
          bench.queue.raw, host, cl_bool(CL_TRUE), cl_map_flags(CL_MAP_WRITE), 0, byteCount, 0, nil, nil, &status)
        try check(status, "clEnqueueMapBuffer", rawValue)
        guard let address else { throw ProbeFailure("no address, and no error") }
        defer { _ = cl.clEnqueueUnmapMemObject(bench.queue.raw, host, address, 0, nil, nil) }
        address.initializeMemory(as: UInt8.self, repeating: 1, count: byteCount)
        return try rate(UnsafeRawBufferPointer(start: address, count: byteCount), memory)
      }
      return "\(pageable) GB/s from ordinary memory, \(pinned) GB/s from pinned"
    }
  }

  private func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}

/// Why a probe says no, where it is no error of a call.
struct ProbeFailure: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}
