import CPUKernels
import Synchronization

@testable import Kernels

/// Another backend, with each launch checked: its arguments against the kernel's signature, and afterwards that nothing
/// was written behind a buffer's last byte.
///
/// Buffers lie in larger blocks. What is behind them is filled with bytes that are NaN as floats, so that a kernel that
/// computes with what it may only load gives itself away. Fresh memory is filled, too.
final class CheckedBackend: Backend {
  private struct Record {
    var launched: Set<String> = []
    var problems: [String] = []
  }

  private static let pattern: UInt8 = 0xFF

  /// Each kernel's argument kinds: i int, f float, p pointer.
  static let signatures: [String: String] = {
    let table = cpu_kernel_table(nil)!.pointee
    let kernels = UnsafeBufferPointer(start: table.kernels, count: Int(table.count))
    return Dictionary(uniqueKeysWithValues: kernels.map { (String(cString: $0.name), String(cString: $0.kinds)) })
  }()

  private let base: any Backend
  /// A backend launches with buffers of its own only.
  private let baseDevice: Device
  private let record = Mutex(Record())

  var description: DeviceDescription { base.description }
  var profile: TileProfile { base.profile }
  var launched: Set<String> { record.withLock { $0.launched } }
  var problems: [String] { record.withLock { $0.problems } }

  init(_ base: any Backend) {
    self.base = base
    baseDevice = Device(backend: base)
  }

  func allocate(byteCount: Int) throws(DeviceError) -> Memory {
    let memory = try base.allocate(byteCount: byteCount)
    try write([UInt8](repeating: Self.pattern, count: byteCount), to: memory)
    return memory
  }

  func free(_ memory: Memory) { base.free(memory) }
  func write(_ bytes: UnsafeRawBufferPointer, to memory: Memory) throws(DeviceError) {
    try base.write(bytes, to: memory)
  }
  func read(_ memory: Memory, into bytes: UnsafeMutableRawBufferPointer) throws(DeviceError) {
    try base.read(memory, into: bytes)
  }
  func synchronize() throws(DeviceError) { try base.synchronize() }

  func launch(_ launch: Launch) throws(DeviceError) {
    // A launch of the wrong kinds would be worse than the report of it.
    guard hasRightSignature(launch) else { return }
    var buffers: [Buffer] = []
    for case .buffer(let buffer) in launch.arguments
    where !buffers.contains(where: { $0.memory.handle == buffer.memory.handle }) {
      buffers.append(buffer)
    }
    for buffer in buffers {
      var bytes = try contents(of: buffer.memory)
      for i in buffer.byteCount..<bytes.count { bytes[i] = Self.pattern }
      try write(bytes, to: buffer.memory)
    }
    var forwarded = launch
    forwarded.arguments = launch.arguments.map { argument in
      guard case .buffer(let buffer) = argument else { return argument }
      // Of no size, so that nobody gives it back.
      let memory = Memory(handle: buffer.memory.handle, byteCount: 0)
      return .buffer(Buffer(device: baseDevice, byteCount: buffer.byteCount, memory: memory))
    }
    try base.launch(forwarded)
    for buffer in buffers {
      let bytes = try contents(of: buffer.memory)
      guard let at = bytes[buffer.byteCount...].firstIndex(where: { $0 != Self.pattern }) else { continue }
      report("\(launch.kernel) wrote byte \(at) of a buffer of \(buffer.byteCount) bytes")
    }
  }

  private func hasRightSignature(_ launch: Launch) -> Bool {
    record.withLock { _ = $0.launched.insert(launch.kernel) }
    let kinds = String(decoding: launch.arguments.map { UInt8($0.kind) }, as: UTF8.self)
    if kinds != Self.signatures[launch.kernel] {
      report("\(launch.kernel) takes \(Self.signatures[launch.kernel] ?? "nothing, it does not exist"), not \(kinds)")
    }
    if launch.groups.x < 1 || launch.groups.y < 1 || launch.groups.z < 1 {
      report("\(launch.kernel) was launched with \(launch.groups) groups")
    }
    return kinds == Self.signatures[launch.kernel]
  }

  private func report(_ problem: String) { record.withLock { $0.problems.append(problem) } }

  private func write(_ bytes: [UInt8], to memory: Memory) throws(DeviceError) {
    var result: Result<Void, DeviceError> = .success(())
    bytes.withUnsafeBytes { bytes in
      do throws(DeviceError) { try base.write(bytes, to: memory) } catch { result = .failure(error) }
    }
    try result.get()
  }

  private func contents(of memory: Memory) throws(DeviceError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: memory.byteCount)
    var result: Result<Void, DeviceError> = .success(())
    bytes.withUnsafeMutableBytes { bytes in
      do throws(DeviceError) { try base.read(memory, into: bytes) } catch { result = .failure(error) }
    }
    try result.get()
    return bytes
  }
}
