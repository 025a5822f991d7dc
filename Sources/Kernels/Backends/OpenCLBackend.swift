import COpenCL
import Synchronization

/// Kernels run by an OpenCL driver.
///
/// One in-order queue, so that commands need no events between them and freed memory may be reused at once.
final class OpenCLBackend: Backend {
  let description: DeviceDescription
  let profile: TileProfile
  let isProgramFromCache: Bool
  private let device: OpenCLDevice
  private let context: OpenCLHandle<ContextObject>
  private let program: OpenCLProgram
  private let state: Mutex<State>

  private struct State {
    var queue: OpenCLHandle<QueueObject>
    var kernels: [String: OpenCLKernel] = [:]
    var writes = StagedWrites()
    var timer: OpenCLTimer?
    var allocated = 0
    var launchesSinceFlush = 0
  }

  /// A driver may hold commands back until it is flushed; so many launches are worth waking the device for.
  private static let launchesPerFlush = 32

  convenience init(_ device: OpenCLDevice, profile: TileProfile) throws(DeviceError) {
    try self.init(device, profile: profile, source: OpenCLProgram.source, cache: device.programCache)
  }

  init(_ device: OpenCLDevice, profile: TileProfile, source: String, cache: ProgramCache?) throws(DeviceError) {
    if let reason = profile.misfit(on: device.description) {
      throw .unsupportedProfile(profile: profile.name, device: device.description.name, reason: reason)
    }
    let context = try device.makeContext()
    program = try OpenCLProgram(device: device, context: context, profile: profile, source: source, cache: cache)
    state = Mutex(State(queue: try Self.makeQueue(device, context, properties: 0)))
    description = device.description
    isProgramFromCache = program.isFromCache
    self.device = device
    self.context = context
    self.profile = profile
  }

  deinit {
    state.withLock { state in
      _ = Self.finish(state.queue)
      state.writes.releaseAll()
    }
  }

  private static func makeQueue(
    _ device: OpenCLDevice, _ context: OpenCLHandle<ContextObject>, properties: Int32
  ) throws(DeviceError) -> OpenCLHandle<QueueObject> {
    // Deprecated since OpenCL 2.0, whose replacement OpenCL 1.2 lacks.
    try OpenCLHandle("clCreateCommandQueue", for: device.description.name) {
      cl.clCreateCommandQueue(context.raw, device.id, cl_command_queue_properties(properties), $0)
    }
  }

  // MARK: Memory

  func allocate(byteCount: Int) throws(DeviceError) -> Memory {
    var status: cl_int = CL_SUCCESS
    let raw = cl.clCreateBuffer(context.raw, cl_mem_flags(CL_MEM_READ_WRITE), byteCount, nil, &status)
    if OpenCLStatus(rawValue: status).isOutOfMemory {
      throw .outOfMemory(requested: byteCount, inUse: state.withLock { $0.allocated }, total: description.memory)
    }
    try check(status, "clCreateBuffer", "an allocation of \(byteCount) bytes")
    state.withLock { $0.allocated += byteCount }
    return Memory(handle: UnsafeMutableRawPointer(raw!), byteCount: byteCount)
  }

  /// The driver keeps the memory until the commands that use it have run.
  func free(_ memory: Memory) {
    _ = cl.clReleaseMemObject(OpaquePointer(memory.handle))
    state.withLock { $0.allocated -= memory.byteCount }
  }

  func write(_ bytes: UnsafeRawBufferPointer, to memory: Memory) throws(DeviceError) {
    guard !bytes.isEmpty else { return }
    let copy = StagedWrites.Copy(of: bytes)
    try state.withLock { state throws(DeviceError) in try state.writes.write(copy, to: memory, in: state.queue) }
  }

  func read(_ memory: Memory, into bytes: UnsafeMutableRawBufferPointer) throws(DeviceError) {
    guard !bytes.isEmpty else { return }
    let queue = state.withLock { $0.queue }
    let status = cl.clEnqueueReadBuffer(
      queue.raw, OpaquePointer(memory.handle), cl_bool(CL_TRUE), 0, bytes.count, bytes.baseAddress, 0, nil, nil)
    try check(status, "clEnqueueReadBuffer", "a read of \(bytes.count) bytes")
  }

  // MARK: Work

  func launch(_ launch: Launch) throws(DeviceError) {
    guard launch.groups.x > 0, launch.groups.y > 0, launch.groups.z > 0 else { return }
    try state.withLock { state throws(DeviceError) in
      let kernel = try kernel(launch.kernel, in: &state)
      try kernel.set(launch.arguments, on: self)
      let global = [launch.groups.x * profile.local, launch.groups.y, launch.groups.z]
      let local = [profile.local, 1, 1]
      var event: cl_event?
      let status =
        state.timer == nil
        ? cl.clEnqueueNDRangeKernel(state.queue.raw, kernel.handle.raw, 3, nil, global, local, 0, nil, nil)
        : cl.clEnqueueNDRangeKernel(state.queue.raw, kernel.handle.raw, 3, nil, global, local, 0, nil, &event)
      try checkLaunch(status, of: kernel, inUse: state.allocated)
      if let event { state.timer?.add(OpenCLHandle(owning: event), of: launch) }
      state.launchesSinceFlush += 1
      guard state.launchesSinceFlush >= Self.launchesPerFlush else { return }
      state.launchesSinceFlush = 0
      try check(cl.clFlush(state.queue.raw), "clFlush", kernel.name)
    }
  }

  func synchronize() throws(DeviceError) {
    try state.withLock { state throws(DeviceError) in try finish(&state) }
  }

  private func finish(_ state: inout State) throws(DeviceError) {
    try check(Self.finish(state.queue), "clFinish", "the launches so far")
    state.writes.releaseAll()
    try state.timer?.readFinished()
  }

  /// Behind a marker, because clFinish of Mesa 22's rusticl waits only for commands that had not been flushed before: after a
  /// flush it returned at once, and memory on its way to the device was freed under it.
  private static func finish(_ queue: OpenCLHandle<QueueObject>) -> cl_int {
    let marker = cl.clEnqueueMarkerWithWaitList(queue.raw, 0, nil, nil)
    let status = cl.clFinish(queue.raw)
    return status == CL_SUCCESS ? marker : status
  }

  /// What a launch says about the device rather than about its caller: drivers that allocate late notice only here
  /// that memory ran out, and a kernel that needs many registers runs in smaller groups than the device's limit.
  private func checkLaunch(_ status: cl_int, of kernel: OpenCLKernel, inUse: Int) throws(DeviceError) {
    switch OpenCLStatus(rawValue: status) {
    case .allocationFailure: throw .outOfMemory(requested: 0, inUse: inUse, total: description.memory)
    case .invalidWorkGroupSize:
      throw .unsupportedProfile(
        profile: profile.name, device: description.name,
        reason: "\(kernel.name) runs in groups of at most \(kernel.largestGroup(on: device)) work-items, not \(profile.local)")
    default: try check(status, "clEnqueueNDRangeKernel", kernel.name)
    }
  }

  private func kernel(_ name: String, in state: inout State) throws(DeviceError) -> OpenCLKernel {
    if let kernel = state.kernels[name] { return kernel }
    let kernel = try OpenCLKernel(name, of: program)
    state.kernels[name] = kernel
    return kernel
  }

  // MARK: Timing

  /// Puts a queue that takes times in the place of the usual one: on some drivers such a queue is slower.
  func beginTiming() throws(DeviceError) -> Bool {
    try state.withLock { state throws(DeviceError) in
      try finish(&state)
      guard let timed = try? Self.makeQueue(device, context, properties: CL_QUEUE_PROFILING_ENABLE) else { return false }
      state.timer = OpenCLTimer()
      state.queue = timed
      return true
    }
  }

  func endTiming() throws(DeviceError) -> [LaunchTime] {
    try state.withLock { state throws(DeviceError) in
      try finish(&state)
      let times = state.timer?.times ?? []
      state.timer = nil
      state.queue = try Self.makeQueue(device, context, properties: 0)
      return times
    }
  }
}
