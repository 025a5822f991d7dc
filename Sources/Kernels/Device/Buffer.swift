/// A block of a device's memory. It goes back to the device's pool with its last reference; because the queue
/// runs in order, it may be reused at once.
public final class Buffer: Sendable {
  public let device: Device
  public let byteCount: Int
  let memory: Memory
  /// What products made of it.
  let packed = PackedCopies()

  init(device: Device, byteCount: Int, memory: Memory) {
    self.device = device
    self.byteCount = byteCount
    self.memory = memory
  }

  deinit { device.recycle(memory) }
}
