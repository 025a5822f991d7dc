/// What can be known of a device before anything runs on it.
public struct DeviceDescription: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    /// kernels.cl as compiled into this binary, on this machine's processor.
    case fallback
    /// A processor through an OpenCL driver.
    case openCLCPU
    case gpu
    case accelerator
  }

  /// The name that picks it: `cpu`, `opencl:0`, `opencl:1`, …
  public var identifier: String
  /// The driver's name for it, or the processor's instruction set.
  public var name: String
  public var kind: Kind
  public var vendor: String
  public var driverVersion: String
  public var computeUnits: Int
  /// Bytes.
  public var memory: Int
  /// Bytes that one allocation may have.
  public var maxAllocation: Int
  /// Bytes of `__local` memory of a work-group.
  public var localMemory: Int
  public var maxGroupSize: Int
  /// Floats of the vectors that the device's compiler prefers; 1 where it packs work-items by itself.
  public var vectorWidth = 1
}
