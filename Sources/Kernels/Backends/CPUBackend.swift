internal import CPUKernels
internal import Foundation

/// The fallback: kernels.cl as Clang compiled it into this binary, on this machine's cores.
final class CPUBackend: Backend {
  let description: DeviceDescription
  let profile: TileProfile
  private let kernels: [String: Kernel]

  /// - Parameter isa: the instruction set, `avx512`, `avx2`, `baseline` or `neon`; the best there is where nil.
  ///   The environment variable `DEVICENN_CPU_ISA` stands in for nil.
  init(isa: String? = nil) throws(DeviceError) {
    let wanted = isa ?? ProcessInfo.processInfo.environment["DEVICENN_CPU_ISA"]
    guard let table = cpu_kernel_table(wanted)?.pointee else {
      throw .unknownDevice(name: "cpu with \(wanted ?? "")", available: Self.instructionSets.map { "cpu with \($0)" })
    }
    let name = String(cString: table.isa)
    let entries = UnsafeBufferPointer(start: table.kernels, count: Int(table.count))
    kernels = Dictionary(uniqueKeysWithValues: entries.map { (String(cString: $0.name), Kernel(entry: $0)) })
    profile = TileProfile(
      name: "cpu-\(name)", vector: Int(table.vector), local: 1, tileM: Int(table.tileM), tileN: Int(table.tileN),
      staged: false, itemsN: 1, tileK: 16, columnVectors: Int(table.columnVectors))
    let memory = Setting.limited(Self.availableMemory())
    description = DeviceDescription(
      identifier: "cpu", name: "this processor, \(name)", kind: .fallback, vendor: String(cString: cpu_vendor()), driverVersion: "",
      computeUnits: Int(cpu_thread_count()), memory: memory, maxAllocation: memory, localMemory: 1 << 20, maxGroupSize: 1)
  }

  deinit { CPUArena.shared.trim() }

  /// The instruction sets that this processor can run, best first.
  static var instructionSets: [String] { ["avx512", "avx2", "baseline", "neon"].filter { cpu_kernel_table($0) != nil } }

  func allocate(byteCount: Int) throws(DeviceError) -> Memory {
    guard let pointer = CPUArena.shared.take(byteCount: byteCount) else {
      throw .outOfMemory(requested: byteCount, inUse: 0, total: description.memory)
    }
    return Memory(handle: pointer, byteCount: byteCount)
  }

  func free(_ memory: Memory) { CPUArena.shared.give(memory.handle, byteCount: memory.byteCount) }

  var keepsMemory: Bool { true }

  func write(_ bytes: UnsafeRawBufferPointer, to memory: Memory) {
    cpu_wait()
    if let start = bytes.baseAddress { memory.handle.copyMemory(from: start, byteCount: bytes.count) }
  }

  func read(_ memory: Memory, into bytes: UnsafeMutableRawBufferPointer) {
    cpu_wait()
    if let start = bytes.baseAddress { start.copyMemory(from: memory.handle, byteCount: bytes.count) }
  }

  func launch(_ launch: Launch) {
    guard let kernel = kernels[launch.kernel]?.entry else { preconditionFailure("kernels.cl has no kernel \(launch.kernel)") }
    precondition(
      launch.arguments.count == kernel.arity,
      "\(launch.kernel) takes \(kernel.arity) arguments, not \(launch.arguments.count)")
    let groupCount = launch.groups.x * launch.groups.y * launch.groups.z
    precondition(groupCount < Int(UInt32.max), "\(launch.kernel) was launched with \(groupCount) groups, not fewer than 2^32 - 1")
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: launch.arguments.count) { values in
      for (i, argument) in launch.arguments.enumerated() {
        let slot = UnsafeMutableRawPointer(values.baseAddress! + i)
        switch argument {
        case .int(let value): slot.storeBytes(of: Int32(value), as: Int32.self)
        case .float(let value): slot.storeBytes(of: value, as: Float.self)
        case .buffer(let buffer): slot.storeBytes(of: buffer.memory.handle, as: UnsafeMutableRawPointer.self)
        }
        assert(kernel.kinds[i] == argument.kind, "argument \(i) of \(launch.kernel) has the wrong kind")
      }
      withUnsafePointer(to: kernel) { kernel in
        var groups = (launch.groups.x, launch.groups.y, launch.groups.z)
        withUnsafeBytes(of: &groups) { groups in
          cpu_launch(kernel, values.baseAddress, groups.assumingMemoryBound(to: Int.self).baseAddress)
        }
      }
    }
  }

  func synchronize() { cpu_wait() }

  /// Bytes that may be used without pushing other programs out of memory, or being killed for it: three quarters of what
  /// is available, because pictures that wait for the device need some too.
  private static func availableMemory() -> Int { min(freeMemory(), containerMemory() ?? .max) / 4 * 3 }

  /// What the container, if this is one, may have in all: version 2 of control groups, then version 1.
  private static func containerMemory() -> Int? {
    ["memory.max", "memory/memory.limit_in_bytes"].lazy.compactMap { name in
      (try? String(contentsOfFile: "/sys/fs/cgroup/" + name, encoding: .utf8)).flatMap { Int($0.filter { !$0.isWhitespace }) }
    }.first
  }

  private static func freeMemory() -> Int {
    if let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kilobytes = Int(line.filter(\.isNumber))
    {
      return kilobytes * 1024
    }
    return Int(ProcessInfo.processInfo.physicalMemory)
  }
}

/// An entry of a table that is never written.
private struct Kernel: @unchecked Sendable {
  let entry: CPUKernel
}

extension Launch.Argument {
  /// The character that stands for it in `CPUKernel.kinds`.
  var kind: CChar {
    switch self {
    case .int: CChar(UInt8(ascii: "i"))
    case .float: CChar(UInt8(ascii: "f"))
    case .buffer: CChar(UInt8(ascii: "p"))
    }
  }
}
