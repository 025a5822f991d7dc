import COpenCL

/// The events of launches that are timed, and the times of those that have run.
struct OpenCLTimer {
  private(set) var times: [LaunchTime] = []
  private var pending: [(event: OpenCLHandle<EventObject>, kernel: String, flops: Double)] = []

  /// Keeps the launch's name, not its buffers: profiling mustn't change how memory is reused.
  mutating func add(_ event: OpenCLHandle<EventObject>, of launch: Launch) {
    pending.append((event, launch.kernel, launch.flops))
  }

  /// Reads and releases all events. To be called when the queue has finished; before that they have no times.
  mutating func readFinished() throws(DeviceError) {
    defer { pending.removeAll() }
    for (event, kernel, flops) in pending {
      let start = try moment(CL_PROFILING_COMMAND_START, of: event, kernel)
      let end = try moment(CL_PROFILING_COMMAND_END, of: event, kernel)
      let seconds = end > start ? Double(end - start) * 1e-9 : 0
      times.append(LaunchTime(kernel: kernel, seconds: seconds, flops: flops))
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
