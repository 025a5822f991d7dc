/// What launches cost, one by one and summed up.
public struct Profiler: Sendable {
  /// In the order in which they ran.
  public internal(set) var launches: [LaunchTime] = []
  /// When the first launch started, where the clock takes the times.
  var beginning: ContinuousClock.Instant?

  /// Some launches together.
  public struct Entry: Sendable {
    public var name: String
    public var launches = 0
    public var seconds = 0.0
    public var flops = 0.0
    public var bytes = 0.0

    mutating func add(_ launch: LaunchTime) {
      launches += 1
      seconds += launch.seconds
      flops += launch.flops
      bytes += launch.bytes
    }
  }

  public var seconds: Double { launches.reduce(0) { $0 + $1.seconds } }

  /// Launches summed up by what `name` says of each, in the order of their first one.
  public func entries(by name: (LaunchTime) -> String) -> [Entry] {
    var entries: [Entry] = []
    var places: [String: Int] = [:]
    for launch in launches {
      let name = name(launch)
      let place = places[name] ?? entries.count
      if place == entries.count {
        places[name] = place
        entries.append(Entry(name: name))
      }
      entries[place].add(launch)
    }
    return entries
  }
}
