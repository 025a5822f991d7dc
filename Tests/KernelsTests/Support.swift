import Foundation
import Testing

@testable import Kernels

/// Numbers in [-1, 1) that depend on the seed alone.
struct TestNumbers {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x9e37_79b9_7f4a_7c15 }

  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in Float(next() >> 40) / 8_388_608 - 1 } }

  mutating func pick(_ values: [Int]) -> Int { values[Int(next() % UInt64(values.count))] }
}

/// Compares with an oracle's float64 result, whose rounding errors grow with the root of `depth`.
func expectClose(
  _ actual: [Float], _ expected: [Double], depth: Int = 1, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, comment, sourceLocation: sourceLocation)
  let relative = 1e-5 * max(1, Double(depth).squareRoot() / 8)
  var worst = (index: -1, excess: 0.0)
  for (i, (a, e)) in zip(actual, expected).enumerated() {
    let excess = abs(Double(a) - e) / (1e-5 + relative * max(abs(e), 1))
    if !(excess <= worst.excess) { worst = (i, excess) }
  }
  if !(worst.excess <= 1) {
    Issue.record(
      "element \(worst.index) is \(actual[worst.index]), not \(expected[worst.index]); \(comment?.rawValue ?? "")",
      sourceLocation: sourceLocation)
  }
}

/// A device that the suites run on, by a name that a test's report shows.
struct Target: CustomTestStringConvertible, Sendable {
  var name: String
  var device: Device
  private let open: @Sendable () throws -> any Backend

  var testDescription: String { name }

  /// Another one, for a test that asks what was launched on it: on `device` other tests launch too.
  func ownDevice() throws -> Device { Device(backend: try open()) }

  /// The fallback at each instruction set of this processor, and every OpenCL device with each profile that fits it; of
  /// these, those that were asked for.
  static let all: [Target] =
    CPUBackend.instructionSets.compactMap { isa in Target("cpu \(isa)") { try CPUBackend(isa: isa) } }
    + OpenCLDevice.all.flatMap { driver in
      ([.cpu, .gpu, .small] + TileProfile.unusual).compactMap { profile in
        Target("\(driver.description.name), profile \(profile.name)") { try OpenCLBackend(driver, profile: profile) }
      }
    }

  /// Nil where nobody asked for it, or where its backend refuses.
  private init?(_ name: String, backend open: @escaping @Sendable () throws -> any Backend) {
    guard Chosen.target(name), let backend = try? open() else { return nil }
    (self.name, self.open) = (name, open)
    device = Device(backend: backend)
  }
}

/// What `Scripts/conformance.sh` asks for, one process after the other: all of it where nothing is said.
enum Chosen {
  /// Whether the target is the one that `DEVICENN_TEST_TARGETS` names by the end of its name, like `cpu avx2` or
  /// `profile gpu`.
  static func target(_ name: String) -> Bool { words("TARGETS").map { $0.contains(where: name.hasSuffix) } ?? true }

  /// Whether the case's name holds one of the words in `DEVICENN_TEST_CASES`.
  static func operatorCase(_ name: String) -> Bool { words("CASES").map { $0.contains(where: name.contains) } ?? true }

  /// Whether `DEVICENN_TEST_SHAPES` is `small`: a simulator takes a second for what a driver does in a millisecond.
  static let isSmall = words("SHAPES") == ["small"]

  /// What stands between the commas of a setting; nil where it is unset or empty.
  private static func words(_ name: String) -> [String]? {
    guard let text = ProcessInfo.processInfo.environment["DEVICENN_TEST_" + name], !text.isEmpty else { return nil }
    return text.split(separator: ",").map(String.init)
  }
}

extension TileProfile {
  /// Shapes that no device is given, because kernels are to be right for any. Not among them is a staged one of one
  /// work-item: PoCL 3.1's compiler ends the process at it, with "Could not find a dominating alternative variable".
  static let unusual = [
    TileProfile(
      name: "pairs", vector: 8, local: 2, tileM: 6, tileN: 2, staged: false, itemsN: 1, tileK: 16, columnVectors: 2),
    TileProfile(
      name: "squat", vector: 4, local: 32, tileM: 2, tileN: 2, staged: true, itemsN: 4, tileK: 8, columnVectors: 2),
  ]
}

/// Sizes that tiles, vectors and groups don't divide.
let oddSizes = [1, 2, 3, 7, 16, 17, 33, 64, 129]
