/// One place that runs kernels: it owns memory and executes launches in order.
///
/// A backend holds no code per operator. `OpenCLBackend` gives the kernels to a driver, `CPUBackend` to the
/// copy of kernels.cl that was compiled into this binary; nothing above this protocol knows which one runs.
/// Launches are asynchronous: what fails after a launch is reported by the next `synchronize` or `read`.
protocol Backend: AnyObject, Sendable {
  var description: DeviceDescription { get }
  /// The tile sizes that this backend's kernels were compiled with.
  var profile: TileProfile { get }

  /// Takes memory, a multiple of 64 bytes. `Device` pools it, unless the backend keeps what is freed itself.
  func allocate(byteCount: Int) throws(DeviceError) -> Memory
  func free(_ memory: Memory)
  var keepsMemory: Bool { get }

  /// Copies to the start of `memory`; the source may be reused when the call returns.
  func write(_ bytes: UnsafeRawBufferPointer, to memory: Memory) throws(DeviceError)
  /// Waits for all earlier launches, then copies from the start of `memory`.
  func read(_ memory: Memory, into bytes: UnsafeMutableRawBufferPointer) throws(DeviceError)

  func launch(_ launch: Launch) throws(DeviceError)
  func synchronize() throws(DeviceError)

  /// Starts to time each launch; false where the backend can't, and `Device` has to wait for each one and use the clock.
  func beginTiming() throws(DeviceError) -> Bool
  /// The times of all launches since `beginTiming`, in order.
  func endTiming() throws(DeviceError) -> [LaunchTime]
}

extension Backend {
  var keepsMemory: Bool { false }
  func beginTiming() throws(DeviceError) -> Bool { false }
  func endTiming() throws(DeviceError) -> [LaunchTime] { [] }
}

/// A backend's own name for a block of memory: an address on the CPU, a `cl_mem` under OpenCL.
struct Memory: @unchecked Sendable {  // a name only: what it names is guarded by the backend's in-order queue
  let handle: UnsafeMutableRawPointer
  let byteCount: Int

  /// Stands where memory could not be had; nothing is launched on it.
  static let none = Memory(handle: UnsafeMutableRawPointer(bitPattern: 8)!, byteCount: 0)
}
