/// What a look at one device found: its limits, which operators are right on it, how fast it is.
public struct DeviceReport: Sendable, Codable {
  public var identifier: String
  public var name: String
  public var kind: String
  public var vendor: String
  public var driver: String
  public var computeUnits: Int
  public var memory: Int
  public var maxAllocation: Int
  public var localMemory: Int
  public var maxGroupSize: Int
  /// The tile profile that it was tested with.
  public var profile: String?
  public var outcomes: [SelfTest.Outcome] = []
  /// Seconds of the self-test.
  public var seconds = 0.0
  public var gigabytesPerSecond: Double?
  public var gigaflops: Double?
  /// Why nothing could be tested, or how the test ended early; nil where it didn't.
  public var failure: Finding?

  /// Whether all its operators are right.
  public var isSound: Bool { failure == nil && !outcomes.isEmpty && outcomes.allSatisfy(\.isSound) }

  /// A device of which no more is known yet.
  public init(_ description: DeviceDescription) {
    identifier = description.identifier
    name = description.name
    kind = description.kind.rawValue
    vendor = description.vendor
    driver = description.driverVersion
    computeUnits = description.computeUnits
    memory = description.memory
    maxAllocation = description.maxAllocation
    localMemory = description.localMemory
    maxGroupSize = description.maxGroupSize
  }

  /// Tests and measures `device`.
  public init(testing device: Device) {
    self.init(device.description)
    profile = device.profile.name
    let start = ContinuousClock.now
    outcomes = SelfTest.run(on: device)
    seconds = (ContinuousClock.now - start) / .seconds(1)
    do {
      gigabytesPerSecond = try device.copyBandwidth() / 1e9
      gigaflops = try device.matmulSpeed() / 1e9
    } catch {
      failure = Finding("its speed could not be measured: \(error)", fix: "free some of its memory, or update its driver")
    }
  }

  /// The device called `identifier`, tested, or why it can't be opened.
  public init(testing description: DeviceDescription) {
    do { self.init(testing: try Device(named: description.identifier)) } catch {
      self.init(description)
      failure = Self.finding(error)
    }
  }

  /// Why a device can't be opened: of a compiler's long log the first lines.
  static func finding(_ error: DeviceError) -> Finding {
    let lines = "\(error)".split(separator: "\n").prefix(8).joined(separator: "\n")
    return Finding("it can't be used: \(lines)", fix: fix(for: error))
  }

  private static func fix(for error: DeviceError) -> String {
    switch error {
    case .buildFailed: "update its driver; if that does not help, report these lines together with the driver's version"
    case .badSetting(let name, _, let wanted): "set \(name) to \(wanted), or unset it"
    case .unsupportedProfile: "unset DEVICENN_PROFILE, so that a profile is chosen that fits"
    case .outOfMemory: "end other programs that use it"
    case .unknownDevice: "unset DEVICENN_CPU_ISA and DEVICENN_DEVICE"
    case .callFailed: "update its driver, or restart the machine if it worked before"
    }
  }

  /// The one to use of these: the fastest sound GPU, or else the fastest of the others, where a driver has to be clearly
  /// faster than the fallback. Nil where none is sound.
  public static func recommended(of reports: [DeviceReport]) -> DeviceReport? {
    let sound = reports.filter(\.isSound)
    func speed(_ report: DeviceReport) -> Double {
      (report.gigaflops ?? 0) * (report.kind == DeviceDescription.Kind.fallback.rawValue ? 1.2 : 1)
    }
    let others = [DeviceDescription.Kind.fallback, .openCLCPU].map(\.rawValue)
    let gpus = sound.filter { !others.contains($0.kind) }
    return (gpus.isEmpty ? sound : gpus).max { speed($0) < speed($1) }
  }
}
