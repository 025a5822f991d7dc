import COpenCL

/// The events of launches that are timed, and the times of those that have run.
struct OpenCLTimer {
  private(set) var times: [LaunchTime] = []
  private var pending: [(event: OpenCLHandle<EventObject>, launch: Launch)] = []

  mutating func add(_ event: OpenCLHandle<EventObject>, of launch: Launch) { pending.append((event, launch)) }

  /// Reads and releases all events. To be called when the queue has finished; before that they have no times.
  mutating func readFinished() throws(DeviceError) {
    defer { pending.removeAll() }
    for (event, launch) in pending {
      let start = try moment(CL_PROFILING_COMMAND_START, of: event, launch.kernel)
      let end = try moment(CL_PROFILING_COMMAND_END, of: event, launch.kernel)
      let seconds = end > start ? Double(end - start) * 1e-9 : 0
      times.append(LaunchTime(kernel: launch.kernel, seconds: seconds, flops: launch.flops))
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
