import Foundation
import Testing

@testable import Kernels

/// What holds for the text of kernels.cl, without any device.
@Suite struct KernelTextTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let kernels = root.appendingPathComponent("kernels.cl")

  private func names(_ pattern: String, in text: String) throws -> [String] {
    let expression = try Regex(pattern, as: (Substring, Substring).self).anchorsMatchLineEndings()
    return text.matches(of: expression).map { String($0.output.1) }
  }

  @Test func everyKernelIsInTheFallbacksTable() throws {
    let text = try String(contentsOf: Self.kernels, encoding: .utf8)
    let listed = try String(
      contentsOf: Self.root.appendingPathComponent("Sources/CPUKernels/kernel_names.inc"), encoding: .utf8)
    let written = try names(#"__kernel void (\w+)\("#, in: text)
    #expect(written.count > 30)
    #expect(Set(written).count == written.count, "a kernel is written twice")
    #expect(try names(#"^ENTRY\((\w+)\)"#, in: listed).sorted() == written.sorted())
    #expect(CheckedBackend.signatures.keys.sorted() == written.sorted())
  }

  /// The tables of functions in kernels.cl and the enums that name their lines.
  @Test func functionsHaveTheNumbersOfTheirNames() throws {
    let text = try String(contentsOf: Self.kernels, encoding: .utf8)
    func listed(_ macro: String) throws -> [String] {
      let line = try Regex("^  \(macro)\\((\\d+), (\\w+),", as: (Substring, Substring, Substring).self)
      return text.matches(of: line.anchorsMatchLineEndings()).map { "\($0.output.1) \($0.output.2)" }
    }
    #expect(try listed("UNARY") == UnaryFunction.allCases.map { "\($0.rawValue) \($0)" })
    #expect(try listed("BINARY") == BinaryFunction.allCases.map { "\($0.rawValue) \($0)" })
  }

  // MARK: OpenCL C

  /// Clang, which has OpenCL's front end: the toolchain's own, or one of the PATH.
  private static let clang: String? = {
    let environment = ProcessInfo.processInfo.environment
    let folders =
      (environment["PATH"] ?? "").split(separator: ":").map(String.init) + ["/opt/swift/usr/bin", "/usr/bin"]
    return folders.map { $0 + "/clang" }.first(where: FileManager.default.isExecutableFile)
  }()

  private static let profiles =
    [TileProfile.cpu, .cpu(vectorWidth: 8), .cpu(vectorWidth: 4), .gpu, .small] + TileProfile.unusual

  /// Whatever a device's class and limits are, its profile is one of those that were checked.
  @Test func noDeviceIsGivenAnUncheckedProfile() throws {
    var device = DeviceDescription(
      identifier: "opencl:0", name: "imagined", kind: .gpu, vendor: "", driverVersion: "", computeUnits: 1,
      memory: 1 << 30, maxAllocation: 1 << 28, localMemory: 0, maxGroupSize: 1)
    for kind in [DeviceDescription.Kind.fallback, .openCLCPU, .gpu, .accelerator] {
      for (width, local, group) in [(1, 1024, 1), (4, 8192, 64), (8, 16384, 128), (16, 65536, 1024), (32, 1 << 20, 4096)] {
        (device.kind, device.vectorWidth, device.localMemory, device.maxGroupSize) = (kind, width, local, group)
        let given = [TileProfile.fitting(device)] + (try ["cpu", "gpu", "small"].map { try .named($0, on: device) })
        for profile in given { #expect(Self.profiles.contains(profile), "\(profile)") }
      }
    }
  }

  @Test(.enabled(if: clang != nil, "no clang was found, which would check kernels.cl as OpenCL C"), arguments: profiles)
  func isOpenCLC12(_ profile: TileProfile) throws {
    try compile(defines: profile.defines.map { "\($0.name)=\($0.value)" })
  }

  @Test(.enabled(if: clang != nil, "no clang was found, which would check kernels.cl as OpenCL C"))
  func theDefaultsAreOpenCLC12() throws { try compile(defines: []) }

  private func compile(defines: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.clang!)
    process.arguments =
      [
        "-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header", "-target", "spir64", "-fsyntax-only",
        "-Werror", "-Wall",
      ]
      + defines.map { "-D\($0)" } + [Self.kernels.path]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
  }
}
