import Foundation
import Testing

@testable import Kernels

/// What holds for each OpenCL device of this machine. Where there is none, only the claims about names and files are
/// tested; `DEVICENN_REQUIRE_OPENCL=1` makes that a failure, because a suite that skips everything proves nothing.
@Suite struct OpenCLTests {
  static let profiles = [TileProfile.cpu, .gpu, .small]
  /// Each device with each profile that fits it.
  static let backends = OpenCLDevice.all.flatMap { device in
    profiles.filter { $0.misfit(on: device.description) == nil }.map { Combination(device: device, profile: $0) }
  }

  /// A device with a profile.
  struct Combination: Sendable, CustomTestStringConvertible {
    let device: OpenCLDevice
    let profile: TileProfile
    var testDescription: String { "\(profile.name) on \(device.description.name)" }
    func open() throws -> Device { Device(backend: try OpenCLBackend(device, profile: profile)) }
  }

  // MARK: Devices

  @Test func thereIsADeviceWhereOneIsRequired() {
    guard ProcessInfo.processInfo.environment["DEVICENN_REQUIRE_OPENCL"] == "1" else { return }
    #expect(!OpenCLDevice.all.isEmpty, "DEVICENN_REQUIRE_OPENCL is 1, but no OpenCL device was found")
  }

  @Test func devicesAreNumberedWithGPUsFirst() {
    let devices = Device.available()
    #expect(devices.first?.identifier == "cpu")
    #expect(devices.dropFirst().map(\.identifier) == OpenCLDevice.all.indices.map { "opencl:\($0)" })
    let ranks = devices.dropFirst().map { [.gpu, .accelerator, .openCLCPU].firstIndex(of: $0.kind)! }
    #expect(ranks == ranks.sorted())
    for device in devices { #expect(device.memory > 0 && device.maxAllocation > 0 && device.maxGroupSize > 0) }
  }

  @Test(arguments: ["No such device", "opencl:99", ""]) func anUnknownNameListsTheDevices(name: String) {
    #expect {
      try Device(named: name)
    } throws: { error in
      guard case .unknownDevice(name, let available) = error as? DeviceError else { return false }
      return available.count == Device.available().count && available.first?.hasPrefix("cpu") == true
    }
  }

  @Test func namesPickDevices() throws {
    #expect(try Device(named: "cpu").description.kind == .fallback)
    for device in OpenCLDevice.all.map(\.description) {
      #expect(try Device(named: device.identifier).description == device)
      let sameName = try Device(named: device.name.uppercased()).description
      #expect(sameName.name == device.name)
    }
    if let first = OpenCLDevice.all.first { #expect(try Device(named: "OpenCL").description == first.description) }
  }

  @Test func automaticChoiceIsAGPUOrTheFallback() throws {
    let hasGPU = OpenCLDevice.all.contains { $0.description.kind == .gpu }
    #expect(try Device(named: "auto").description.kind == (hasGPU ? .gpu : .fallback))
  }

  // MARK: Profiles

  @Test func profilesFollowClassAndLimits() {
    var device = DeviceDescription(
      identifier: "opencl:0", name: "imagined", kind: .gpu, vendor: "", driverVersion: "", computeUnits: 1, memory: 1 << 30,
      maxAllocation: 1 << 28, localMemory: 48 << 10, maxGroupSize: 1024)
    #expect(TileProfile.fitting(device) == .gpu)
    device.localMemory = 16 << 10
    #expect(TileProfile.fitting(device) == .small)
    device.maxGroupSize = 1
    #expect(TileProfile.fitting(device).local == 1)
    device.kind = .openCLCPU
    for (width, vector) in [(1, 4), (4, 4), (8, 8), (16, 16)] {
      device.vectorWidth = width
      #expect(TileProfile.fitting(device).vector == vector)
    }
  }

  @Test(arguments: OpenCLDevice.all) func aProfileThatDoesNotFitIsRefused(device: OpenCLDevice) {
    var profile = TileProfile.gpu
    profile.local = device.description.maxGroupSize * 2
    #expect {
      try OpenCLBackend(device, profile: profile)
    } throws: { error in
      guard case .unsupportedProfile("gpu", device.description.name, let reason) = error as? DeviceError else { return false }
      return reason.contains("\(device.description.maxGroupSize)")
    }
  }

  // MARK: Memory and launches

  @Test(arguments: backends) func fillWritesExactlyItsValues(on combination: Combination) throws {
    let device = try combination.open()
    for count in [1, 3, 17, 257, 100_003] {
      let buffer = device.makeBuffer([Float](repeating: -1, count: count + 2))
      let groups = min((count + device.profile.local - 1) / device.profile.local, 64)
      device.launch(Launch("fill", groups: [groups, 1, 1], [.int(count), .float(2.5), .buffer(buffer)]))
      let values = try device.read(buffer, as: Float.self, count: count + 2)
      #expect(values[..<count].allSatisfy { $0 == 2.5 })
      #expect(values[count...].allSatisfy { $0 == -1 })
    }
  }

  @Test(arguments: backends) func launchesOfManyTasksKeepTheirArguments(on combination: Combination) async throws {
    let device = try combination.open()
    try await withThrowingTaskGroup(of: Bool.self) { tasks in
      for task in 0..<16 {
        tasks.addTask {
          let buffer = device.makeBuffer(byteCount: 4 * 1000)
          device.launch(Launch("fill", groups: [4, 1, 1], [.int(1000), .float(Float(task)), .buffer(buffer)]))
          return try device.read(buffer, as: Float.self, count: 1000).allSatisfy { $0 == Float(task) }
        }
      }
      for try await isRight in tasks { #expect(isRight) }
    }
  }

  @Test(arguments: backends) func whatIsWrittenMayBeReusedAtOnce(on combination: Combination) throws {
    let device = try combination.open()
    var values = [Int32](repeating: 0, count: 1 << 16)
    let buffers = (0..<64).map { number in
      for index in values.indices { values[index] = Int32(number) }
      return device.makeBuffer(values)
    }
    for (number, buffer) in buffers.enumerated() {
      #expect(try device.read(buffer, as: Int32.self, count: values.count).allSatisfy { $0 == Int32(number) })
    }
  }

  @Test(arguments: OpenCLDevice.all) func allocationsBeyondTheDeviceAreErrors(device: OpenCLDevice) throws {
    let backend = try OpenCLBackend(device, profile: .fitting(device.description))
    #expect {
      _ = try backend.allocate(byteCount: 1 << 50)
    } throws: { error in
      error as? DeviceError == .outOfMemory(requested: 1 << 50, inUse: 0, total: device.description.memory)
    }
    let pooled = Device(backend: backend)
    let buffer = pooled.makeBuffer(byteCount: 1 << 50)
    #expect(throws: DeviceError.self) { try pooled.synchronize() }
    #expect(throws: Never.self) { try pooled.synchronize() }
    // It has no memory still, and whoever uses it is told so again.
    pooled.launch(Launch("fill", groups: [1, 1, 1], [.int(1), .float(1), .buffer(buffer)]))
    #expect(throws: DeviceError.self) { try pooled.synchronize() }
    #expect(throws: DeviceError.self) { try pooled.read(buffer, as: Float.self, count: 1) }
  }

  #if os(Linux) || os(macOS)
    @Test(.enabled(if: !OpenCLDevice.all.isEmpty)) func mistakesStopTheProgramAndNameTheKernel() async throws {
      let tooFew = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let device = try Device(named: "opencl")
        device.launch(Launch("fill", groups: [1, 1, 1], [.int(1)]))
      }
      #expect(message(of: tooFew).contains("fill takes 3 arguments, but was launched with 1"))
      let unknown = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let device = try Device(named: "opencl")
        device.launch(Launch("no_such_kernel", groups: [1, 1, 1], []))
      }
      #expect(message(of: unknown).contains("no_such_kernel: clCreateKernel returned CL_INVALID_KERNEL_NAME"))
    }

    private func message(of result: ExitTest.Result?) -> String {
      String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
  #endif

  @Test func statusesHaveTheirNames() {
    #expect(OpenCLStatus.outOfResources.name == "CL_OUT_OF_RESOURCES")
    #expect(OpenCLStatus(rawValue: -4321).name == "an unknown status")
    let error = DeviceError.callFailed(
      call: "clFinish", status: -5, statusName: "CL_OUT_OF_RESOURCES", operation: "fill")
    #expect(throws: error) { try check(-5, "clFinish", "fill") }
  }
}
