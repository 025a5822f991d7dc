import COpenCL

/// The events of launches that are timed, and the times of those that have run.
struct OpenCLTimer {
  private(set) var times: [LaunchTime] = []
  private var pending: [(event: OpenCLHandle<EventObject>, launch: LaunchTime)] = []
  /// By the device's clock, in nanoseconds.
  private var beginning: cl_ulong?

  /// Keeps the launch's name, not its buffers: profiling mustn't change how memory is reused.
  mutating func add(_ event: OpenCLHandle<EventObject>, of launch: Launch) {
    pending.append((event, LaunchTime(launch)))
  }

  /// Reads and releases all events. To be called when the queue has finished; before that they have no times.
  mutating func readFinished() throws(DeviceError) {
    defer { pending.removeAll() }
    for (event, pending) in pending {
      var launch = pending
      let start = try moment(CL_PROFILING_COMMAND_START, of: event, launch.kernel)
      let end = try moment(CL_PROFILING_COMMAND_END, of: event, launch.kernel)
      let first = beginning ?? start
      beginning = first
      launch.start = start > first ? Double(start - first) * 1e-9 : 0
      launch.seconds = end > start ? Double(end - start) * 1e-9 : 0
      times.append(launch)
    }
  }

  /// Nanoseconds of the device's own clock.
  private func moment(_ name: Int32, of event: OpenCLHandle<EventObject>, _ kernel: String) throws(DeviceError) -> cl_ulong {
    var value: cl_ulong = 0
    let size = MemoryLayout<cl_ulong>.size
    let status = cl.clGetEventProfilingInfo(event.raw, cl_profiling_info(name), size, &value, nil)
    try check(status, "clGetEventProfilingInfo", kernel)
    return value
  }
}
