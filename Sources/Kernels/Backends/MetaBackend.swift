import Synchronization

/// Runs nothing and holds nothing: what is left of a network is its shapes, and its launches with their counts of
/// operations. PyTorch's `meta` device.
final class MetaBackend: Backend {
  let description = DeviceDescription(
    identifier: "meta", name: "no device, shapes alone", kind: .accelerator, vendor: "DeviceNN", driverVersion: "",
    computeUnits: 1, memory: .max >> 1, maxAllocation: .max >> 1, localMemory: 1 << 20, maxGroupSize: 1)
  let profile = TileProfile.cpu
  private let launches = Mutex<[LaunchTime]>([])

  func allocate(byteCount: Int) throws(DeviceError) -> Memory {
    Memory(handle: Memory.none.handle, byteCount: byteCount)
  }

  func free(_ memory: Memory) {}

  func write(_ bytes: UnsafeRawBufferPointer, to memory: Memory) {}

  func read(_ memory: Memory, into bytes: UnsafeMutableRawBufferPointer) {
    preconditionFailure("the meta device has shapes, and no numbers to read")
  }

  func launch(_ launch: Launch) {
    launches.withLock { $0.append(LaunchTime(launch)) }
  }

  func synchronize() {}

  func beginTiming() -> Bool {
    launches.withLock { $0 = [] }
    return true
  }

  func endTiming() -> [LaunchTime] { launches.withLock { $0 } }
}

extension Device {
  /// A device without memory and arithmetic, for what can be told of a network by its shapes: parameters, operations.
  public static func meta() -> Device { Device(backend: MetaBackend()) }
}
