/// A kernel by name, the number of its work-groups, and its arguments in the kernel's own order.
public struct Launch: Sendable {
  public enum Argument: Sendable {
    case int(Int)
    case float(Float)
    case buffer(Buffer)
  }

  public var kernel: String
  public var groups: SIMD3<Int>
  public var arguments: [Argument]
  /// Floating-point operations that the launch does, for the profiler; 0 where nobody counts.
  public var flops: Double

  public init(_ kernel: String, groups: SIMD3<Int>, _ arguments: [Argument], flops: Double = 0) {
    self.kernel = kernel
    self.groups = groups
    self.arguments = arguments
    self.flops = flops
  }
}
