import Synchronization

/// Counts a device's memory, and keeps what was used before by size class, so that a training step allocates nothing; a
/// backend may keep it in a better way.
final class MemoryPool: Sendable {
  private struct State {
    var idle: [Int: [Memory]] = [:]
    var inUse = 0
    var peak = 0
    var pooled = 0
  }

  /// Bytes behind each buffer that kernels may read: one vector of 16 floats.
  static let slack = 64

  private let backend: any Backend
  private let state = Mutex(State())

  init(backend: any Backend) { self.backend = backend }

  deinit { drain() }

  var use: (current: Int, peak: Int, pooled: Int) { state.withLock { ($0.inUse, $0.peak, $0.pooled) } }

  func resetPeak() { state.withLock { $0.peak = $0.inUse } }

  /// Sizes are rounded up to eighths of a power of two, so that at most an eighth is wasted.
  static func sizeClass(of byteCount: Int) -> Int {
    let wanted = max(byteCount + slack, 512)
    let step = step(from: wanted)
    return (wanted + step - 1) / step * step
  }

  private static func step(from size: Int) -> Int { 1 << (Int.bitWidth - size.leadingZeroBitCount - 4) }

  func take(byteCount: Int) throws(DeviceError) -> Memory {
    let size = backend.keepsMemory ? (byteCount + Self.slack + 63) / 64 * 64 : Self.sizeClass(of: byteCount)
    if !backend.keepsMemory, let reused = reuse(size) {
      count(reused.byteCount)
      return reused
    }
    let description = backend.description
    let (inUse, pooled) = state.withLock { ($0.inUse, $0.pooled) }
    if inUse + pooled + size > description.memory { drain() }
    guard inUse + size <= description.memory, size <= description.maxAllocation else {
      throw .outOfMemory(requested: size, inUse: inUse, total: min(description.memory, description.maxAllocation))
    }
    let memory: Memory
    do throws(DeviceError) {
      memory = try backend.allocate(byteCount: size)
    } catch {
      guard case .outOfMemory = error, pooled > 0 else { throw error }
      drain()
      memory = try backend.allocate(byteCount: size)
    }
    count(size)
    return memory
  }

  /// Idle memory of the size itself, or the next larger one up to twice as large: what is needed for a moment during the
  /// backward pass finds room among the activations that are done with.
  private func reuse(_ size: Int) -> Memory? {
    state.withLock { state in
      var candidate = size
      while candidate <= 2 * size {
        if let memory = state.idle[candidate]?.popLast() {
          state.pooled -= candidate
          return memory
        }
        candidate += Self.step(from: candidate)
      }
      return nil
    }
  }

  func give(_ memory: Memory) {
    guard memory.byteCount > 0 else { return }
    guard !backend.keepsMemory else {
      backend.free(memory)
      return state.withLock { $0.inUse -= memory.byteCount }
    }
    state.withLock { state in
      state.idle[memory.byteCount, default: []].append(memory)
      state.inUse -= memory.byteCount
      state.pooled += memory.byteCount
    }
  }

  func drain() {
    let idle = state.withLock { state in
      defer {
        state.idle = [:]
        state.pooled = 0
      }
      return state.idle.values.flatMap { $0 }
    }
    for memory in idle { backend.free(memory) }
  }

  private func count(_ size: Int) {
    state.withLock { state in
      state.inUse += size
      state.peak = max(state.peak, state.inUse)
    }
  }
}
