import COpenCL

/// Copies of what is on its way to a device, kept until it has arrived.
///
/// A blocking write would wait for everything in the in-order queue: each training step would end before the next
/// one's images are sent. A copy costs a small part of that.
struct StagedWrites: Sendable {
  /// Bytes that stay as they are while a driver reads them.
  final class Copy: Sendable {
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer  // never written after init

    init(of source: UnsafeRawBufferPointer) {
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 64)
      copy.copyMemory(from: source)
      bytes = UnsafeRawBufferPointer(copy)
    }

    deinit { bytes.deallocate() }
  }

  private var waiting: [(event: OpenCLHandle<EventObject>, copy: Copy)] = []
  private var byteCount = 0

  /// More than this is not kept at once: the writer waits for the oldest.
  static let limit = 256 << 20

  /// Enqueues a transfer of `copy` to the start of `memory`.
  mutating func write(_ copy: Copy, to memory: Memory, in queue: OpenCLHandle<QueueObject>) throws(DeviceError) {
    releaseArrived(roomFor: copy.bytes.count)
    var event: cl_event?
    let status = cl.clEnqueueWriteBuffer(
      queue.raw, OpaquePointer(memory.handle), cl_bool(CL_FALSE), 0, copy.bytes.count, copy.bytes.baseAddress, 0, nil, &event)
    try check(status, "clEnqueueWriteBuffer", "a write of \(copy.bytes.count) bytes")
    waiting.append((OpenCLHandle(owning: event!), copy))
    byteCount += copy.bytes.count
  }

  /// Releases every copy. To be called only when the queue has finished.
  mutating func releaseAll() {
    waiting.removeAll(keepingCapacity: true)
    byteCount = 0
  }

  /// Writes arrive in order, so those that have are at the front.
  private mutating func releaseArrived(roomFor wanted: Int) {
    var arrived = 0
    while arrived < waiting.count {
      let write = waiting[arrived]
      if byteCount + wanted > Self.limit {
        var event: cl_event? = write.event.raw
        _ = cl.clWaitForEvents(1, &event)
      } else if !hasArrived(write.event) {
        break
      }
      byteCount -= write.copy.bytes.count
      arrived += 1
    }
    waiting.removeFirst(arrived)
  }

  /// A negative status is a failed write, which won't read its copy any more either.
  private func hasArrived(_ event: OpenCLHandle<EventObject>) -> Bool {
    var status: cl_int = CL_QUEUED
    let size = MemoryLayout<cl_int>.size
    let name = cl_event_info(CL_EVENT_COMMAND_EXECUTION_STATUS)
    return cl.clGetEventInfo(event.raw, name, size, &status, nil) == CL_SUCCESS && status <= CL_COMPLETE
  }
}
