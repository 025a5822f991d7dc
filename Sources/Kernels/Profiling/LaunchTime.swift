/// One launch: what ran, for which part of the work, when, and what it did.
public struct LaunchTime: Sendable {
  public var kernel: String
  /// What `labelled` said of the work around it; empty where nothing did.
  public var label: String
  /// Seconds, from the first launch that was timed.
  public var start: Double
  public var seconds: Double
  /// Floating-point operations; 0 where nobody counts.
  public var flops: Double
  /// Of all buffers that it was given: what it moves at least, if it uses each of them whole.
  public var bytes: Double
}

/// The label of launches inside of `labelled`. A history remembers it, so that the backward pass has its labels too.
public enum ProfilingLabel {
  @TaskLocal public static var current = ""
}

/// Says what the launches in `body` are for: a block of a network, a phase of a step.
public func labelled<Result>(_ label: String, _ body: () throws -> Result) rethrows -> Result {
  try ProfilingLabel.$current.withValue(label, operation: body)
}

extension LaunchTime {
  init(_ launch: Launch, start: Double = 0, seconds: Double = 0) {
    (kernel, label) = (launch.kernel, ProfilingLabel.current)
    (self.start, self.seconds, flops) = (start, seconds, launch.flops)
    bytes = launch.arguments.reduce(0) { sum, argument in
      if case .buffer(let buffer) = argument { sum + Double(buffer.byteCount) } else { sum }
    }
  }
}
