import Synchronization

/// A processor that runs kernels: an OpenCL device, or this machine's CPU through the fallback.
///
/// Launches go to one in-order queue and don't throw. The first failure is remembered, later launches are
/// skipped, and the next `synchronize()` or read throws it.
public final class Device: Sendable {
  let backend: any Backend
  private let pool: MemoryPool
  private let failure = Mutex<DeviceError?>(nil)
  /// Collects a span for each launch while it is set.
  let profiler = Mutex<Profiler?>(nil)
  /// Which of several ways operators take, where that was measured.
  let algorithms: Mutex<AlgorithmTable>
  /// Whether each launch is waited for and timed, because the backend can't time launches by itself.
  let isTimedByClock = Atomic(false)

  public var description: DeviceDescription { backend.description }
  public var profile: TileProfile { backend.profile }

  init(backend: any Backend, algorithms: AlgorithmTable = AlgorithmTable()) {
    self.backend = backend
    self.algorithms = Mutex(algorithms)
    pool = MemoryPool(backend: backend)
  }

  // MARK: Memory

  /// Memory for `byteCount` bytes with unspecified content. At least 64 bytes behind it may be read, never written:
  /// kernels load whole vectors at the end of a row.
  public func makeBuffer(byteCount: Int) -> Buffer {
    do throws(DeviceError) {
      return Buffer(device: self, byteCount: byteCount, memory: try pool.take(byteCount: byteCount))
    } catch {
      fail(error)
      return Buffer(device: self, byteCount: byteCount, memory: .none)
    }
  }

  /// A buffer that holds a copy of `values`.
  public func makeBuffer<Value: BitwiseCopyable>(_ values: [Value]) -> Buffer {
    let buffer = makeBuffer(byteCount: values.count * MemoryLayout<Value>.stride)
    values.withUnsafeBytes { write($0, to: buffer) }
    return buffer
  }

  /// Copies `bytes` to the start of `buffer`.
  public func write(_ bytes: UnsafeRawBufferPointer, to buffer: Buffer) {
    precondition(bytes.count <= buffer.byteCount, "\(bytes.count) bytes don't fit a buffer of \(buffer.byteCount)")
    buffer.packed.removeAll()
    attempt { () throws(DeviceError) in
      try require(buffer)
      try backend.write(bytes, to: buffer.memory)
    }
  }

  /// The first `count` values of `buffer`, once all earlier launches have run.
  public func read<Value: BitwiseCopyable>(_ buffer: Buffer, as type: Value.Type, count: Int) throws(DeviceError) -> [Value] {
    precondition(
      count * MemoryLayout<Value>.stride <= buffer.byteCount, "\(count) values of \(type) read from \(buffer.byteCount) bytes")
    try check()
    var result: Result<Void, DeviceError> = .success(())
    let values = [Value](unsafeUninitializedCapacity: count) { values, initialized in
      do throws(DeviceError) {
        try require(buffer)
        try backend.read(buffer.memory, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(values)[..<(count * MemoryLayout<Value>.stride)]))
        initialized = count
      } catch { result = .failure(error) }
    }
    if case .failure(let error) = result { fail(error) }
    try check()
    return values
  }

  /// Bytes held by live buffers, the most they ever were, and bytes that wait in the pool.
  public var memoryUse: (current: Int, peak: Int, pooled: Int) { pool.use }

  /// Forgets the peak: it is measured from now on.
  public func resetPeakMemory() { pool.resetPeak() }

  /// Gives the pool's idle memory back to the system.
  public func releaseIdleMemory() { pool.drain() }

  func recycle(_ memory: Memory) { pool.give(memory) }

  // MARK: Work

  public func launch(_ launch: Launch) {
    PackedOperands.drop(before: launch)
    attempt { () throws(DeviceError) in
      for case .buffer(let buffer) in launch.arguments { try require(buffer) }
      if isTimedByClock.load(ordering: .relaxed) { try launchByClock(launch) } else { try backend.launch(launch) }
    }
  }

  /// Waits until all launches have run.
  public func synchronize() throws(DeviceError) {
    attempt { () throws(DeviceError) in try backend.synchronize() }
    try check()
  }

  /// Throws the first failure since the last call, and forgets it, so that a smaller attempt may follow.
  private func check() throws(DeviceError) {
    let error = failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
    if let error { throw error }
  }

  /// Throws for a buffer that could not be had: its failure may have been thrown and forgotten since.
  private func require(_ buffer: Buffer) throws(DeviceError) {
    guard buffer.memory.byteCount == 0 else { return }
    throw .outOfMemory(requested: buffer.byteCount, inUse: pool.use.current, total: description.memory)
  }

  private func attempt(_ work: () throws(DeviceError) -> Void) {
    guard failure.withLock({ $0 == nil }) else { return }
    do throws(DeviceError) { try work() } catch { fail(error) }
  }

  private func fail(_ error: DeviceError) {
    failure.withLock { if $0 == nil { $0 = error } }
  }
}
