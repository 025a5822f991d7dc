/// What each kernel cost: launches, seconds and operations, by name.
public struct Profiler: Sendable {
  public struct Entry: Sendable {
    public var launches = 0
    public var seconds = 0.0
    public var flops = 0.0
  }

  public private(set) var entries: [String: Entry] = [:]

  mutating func record(_ time: LaunchTime) {
    entries[time.kernel, default: Entry()].launches += 1
    entries[time.kernel]!.seconds += time.seconds
    entries[time.kernel]!.flops += time.flops
  }
}

extension Profiler: CustomStringConvertible {
  /// A table, the most expensive kernel first.
  public var description: String {
    let total = entries.values.reduce(0) { $0 + $1.seconds }
    return entries.sorted { $0.value.seconds > $1.value.seconds }.map { name, entry in
      let gflops = entry.flops > 0 && entry.seconds > 0 ? "\(Int(entry.flops / entry.seconds / 1e9)) GFLOP/s" : ""
      let milliseconds = (entry.seconds * 1e5).rounded() / 100
      let share = (entry.seconds / max(total, .leastNormalMagnitude) * 1000).rounded() / 10
      return "\(name): \(entry.launches) launches, \(milliseconds) ms (\(share) %) \(gflops)"
    }.joined(separator: "\n")
  }
}
