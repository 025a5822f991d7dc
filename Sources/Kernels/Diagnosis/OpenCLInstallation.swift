import Foundation

/// What OpenCL needs of a system before a program sees a device: the loader, the drivers' files, and access to GPUs.
public struct OpenCLInstallation: Sendable {
  /// Where the loader looks for drivers: a folder of `.icd` files, or one such file.
  var vendors: String
  /// Whether `OCL_ICD_VENDORS` says so.
  var isOverridden: Bool
  /// The files through which a program reaches GPUs.
  var nodes: [String]
  var hasLoader: Bool

  static let defaultVendors = "/etc/OpenCL/vendors"

  /// This system's.
  public init() {
    let override = ProcessInfo.processInfo.environment["OCL_ICD_VENDORS"].flatMap { $0.isEmpty ? nil : $0 }
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/dri")) ?? []
    self.init(
      vendors: override ?? Self.defaultVendors, isOverridden: override != nil,
      nodes: entries.filter { $0.hasPrefix("renderD") }.sorted().map { "/dev/dri/" + $0 }
        + ["/dev/kfd"].filter(FileManager.default.fileExists),
      hasLoader: openCLFunctions != nil)
  }

  init(vendors: String, isOverridden: Bool, nodes: [String], hasLoader: Bool) {
    self.vendors = vendors
    self.isOverridden = isOverridden
    self.nodes = nodes
    self.hasLoader = hasLoader
  }

  /// Each driver that the loader found, by its own name and version.
  public static var drivers: [String] { OpenCLDevice.platformNames }

  /// Devices that drivers offer, but that can't run kernels.cl.
  public static var refused: [DeviceReport] {
    OpenCLDevice.everything.compactMap { device in
      guard let obstacle = device.obstacle else { return nil }
      var report = DeviceReport(device.description)
      report.identifier = "-"
      report.failure = obstacle
      return report
    }
  }

  /// Everything that is wrong with it; empty where drivers can be found and GPUs can be reached.
  public func findings() -> [Finding] { findings { access($0, R_OK | W_OK) == 0 } }

  func findings(canOpen: (String) -> Bool) -> [Finding] {
    #if os(Linux)
      (hasLoader ? driverFindings() : [Self.noLoader]) + nodes.filter { !canOpen($0) }.map(nodeFinding)
    #else
      hasLoader ? [] : [Finding("OpenCL's framework was not found", fix: "use a macOS that has it")]
    #endif
  }

  private static let noLoader = Finding(
    "OpenCL's loader, libOpenCL.so.1, was not found",
    fix: "install it: apt-get install ocl-icd-libopencl1 (Fedora: ocl-icd; Arch: ocl-icd)")

  // MARK: Drivers

  private func driverFindings() -> [Finding] {
    guard FileManager.default.fileExists(atPath: vendors) else {
      return [
        isOverridden
          ? Finding(
            "OCL_ICD_VENDORS is '\(vendors)', which is not there, so no driver is found",
            fix: "unset OCL_ICD_VENDORS, or let it name a folder of .icd files")
          : noDriver("the folder \(vendors) is missing")
      ]
    }
    let files = files()
    guard !files.isEmpty else {
      let place = "there is no .icd file in \(vendors)"
      return [
        isOverridden ? Finding("\(place), which OCL_ICD_VENDORS names", fix: "unset OCL_ICD_VENDORS") : noDriver(place)
      ]
    }
    return files.compactMap(driverFinding)
  }

  private func files() -> [String] {
    if vendors.hasSuffix(".icd") { return [vendors] }
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: vendors)) ?? []
    return entries.filter { $0.hasSuffix(".icd") }.sorted().map { vendors + "/" + $0 }
  }

  private func noDriver(_ reason: String) -> Finding {
    Finding(
      "no OpenCL driver is installed: \(reason)",
      fix: "install your GPU's driver (NVIDIA: the nvidia driver of your system; Intel: intel-opencl-icd; AMD: "
        + "mesa-opencl-icd or ROCm; any processor: pocl-opencl-icd)")
  }

  private func driverFinding(_ file: String) -> Finding? {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      return Finding("the driver file \(file) can't be read", fix: "chmod a+r \(file)")
    }
    let library = text.split(whereSeparator: \.isNewline).first.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    guard !library.isEmpty else {
      return Finding("the driver file \(file) names no library", fix: "install its package again, or delete the file")
    }
    // Never closed: drivers keep threads of their own.
    if dlopen(library, RTLD_LAZY | RTLD_LOCAL) != nil { return nil }
    let reason = dlerror().map { String(cString: $0) } ?? "no reason was given"
    return Finding(
      "the driver file \(file) names \(library), which does not load: \(reason)",
      fix: "install the driver's package again with what it needs (see `ldd`), or delete \(file)")
  }

  // MARK: Access

  private func nodeFinding(_ node: String) -> Finding {
    var status = stat()
    let group = stat(node, &status) == 0 ? getgrgid(status.st_gid).map { String(cString: $0.pointee.gr_name) } : nil
    return Finding(
      "this user may not open \(node), so drivers don't see the GPU behind it",
      fix: "sudo usermod -aG \(group ?? "render") $USER, then log in again")
  }
}
