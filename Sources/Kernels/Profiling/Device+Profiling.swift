import Synchronization

extension Device {
  /// What `body` returns, and what each launch of a kernel in it cost.
  ///
  /// An OpenCL device takes the times by its own events, so launches still follow each other without a pause;
  /// elsewhere each launch is waited for and timed by the clock. Calls don't nest.
  public func profile<Result>(_ body: () throws -> Result) throws -> (Result, Profiler) {
    try synchronize()
    precondition(profiler.withLock { $0 == nil }, "\(description.name) is being profiled already")
    let isTimedByBackend = try backend.beginTiming()
    profiler.withLock { $0 = Profiler() }
    isTimedByClock.store(!isTimedByBackend, ordering: .relaxed)
    let outcome = Swift.Result { () throws -> Result in
      let result = try body()
      try synchronize()
      return result
    }
    isTimedByClock.store(false, ordering: .relaxed)
    let times = isTimedByBackend ? Swift.Result { () throws(DeviceError) in try backend.endTiming() } : .success([])
    let profile = profiler.withLock { profiler in
      defer { profiler = nil }
      return profiler!
    }
    let result = try outcome.get()
    return (result, isTimedByBackend ? Profiler(launches: try times.get()) : profile)
  }

  /// Launches, waits and takes the time.
  func launchByClock(_ launch: Launch) throws(DeviceError) {
    try backend.synchronize()
    let start = ContinuousClock.now
    try backend.launch(launch)
    try backend.synchronize()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    profiler.withLock { profiler in
      guard profiler != nil else { return }
      let beginning = profiler!.beginning ?? start
      profiler!.beginning = beginning
      profiler!.launches.append(LaunchTime(launch, start: (start - beginning) / .seconds(1), seconds: seconds))
    }
  }
}
