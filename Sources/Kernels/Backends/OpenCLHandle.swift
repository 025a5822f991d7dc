import COpenCL

/// OpenCL's functions, on a machine that has OpenCL. `OpenCLDevice.all` is empty elsewhere, so nothing gets here.
var cl: OpenCLFunctions { openCLFunctions!.pointee }

/// OpenCL's functions as found by the first look; nil where none is installed.
nonisolated(unsafe) let openCLFunctions = opencl_functions()  // written once, before anybody can read it

/// One reference to an OpenCL object, given back when the last copy of this one goes.
///
/// C gives all of OpenCL's objects one Swift type, `OpaquePointer`; `Kind` tells them apart again.
final class OpenCLHandle<Kind: OpenCLObject>: Sendable {
  nonisolated(unsafe) let raw: OpaquePointer  // OpenCL counts references and locks by itself

  /// Takes over the reference that a `clCreate…` call returned.
  init(owning raw: OpaquePointer) { self.raw = raw }

  /// Adds a reference to an object that somebody else holds.
  init(retaining raw: OpaquePointer) {
    _ = Kind.retain(raw)
    self.raw = raw
  }

  deinit { _ = Kind.release(raw) }

  /// The object that `create` returns, or an error that names `call`.
  convenience init(
    _ call: String, for operation: @autoclosure () -> String, _ create: (UnsafeMutablePointer<cl_int>) -> OpaquePointer?
  ) throws(DeviceError) {
    var status: cl_int = CL_SUCCESS
    let raw = create(&status)
    try check(status, call, operation())
    guard let raw else {
      throw .callFailed(call: call, status: status, statusName: "success, but no object", operation: operation())
    }
    self.init(owning: raw)
  }
}

/// A kind of object whose references OpenCL counts.
protocol OpenCLObject {
  static func retain(_ raw: OpaquePointer) -> cl_int
  static func release(_ raw: OpaquePointer) -> cl_int
}

enum ContextObject: OpenCLObject {
  static func retain(_ raw: OpaquePointer) -> cl_int { cl.clRetainContext(raw) }
  static func release(_ raw: OpaquePointer) -> cl_int { cl.clReleaseContext(raw) }
}

enum QueueObject: OpenCLObject {
  static func retain(_ raw: OpaquePointer) -> cl_int { cl.clRetainCommandQueue(raw) }
  static func release(_ raw: OpaquePointer) -> cl_int { cl.clReleaseCommandQueue(raw) }
}

enum ProgramObject: OpenCLObject {
  static func retain(_ raw: OpaquePointer) -> cl_int { cl.clRetainProgram(raw) }
  static func release(_ raw: OpaquePointer) -> cl_int { cl.clReleaseProgram(raw) }
}

enum KernelObject: OpenCLObject {
  static func retain(_ raw: OpaquePointer) -> cl_int { cl.clRetainKernel(raw) }
  static func release(_ raw: OpaquePointer) -> cl_int { cl.clReleaseKernel(raw) }
}

enum EventObject: OpenCLObject {
  static func retain(_ raw: OpaquePointer) -> cl_int { cl.clRetainEvent(raw) }
  static func release(_ raw: OpaquePointer) -> cl_int { cl.clReleaseEvent(raw) }
}
