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

  var testDescription: String { name }

  /// The fallback at each instruction set of this processor, and every OpenCL device with each profile that fits it.
  static let all: [Target] = {
    var targets = CPUBackend.instructionSets.compactMap { isa in
      (try? CPUBackend(isa: isa)).map { Target(name: "cpu \(isa)", device: Device(backend: $0)) }
    }
    for driver in OpenCLDevice.all {
      for profile in [TileProfile.cpu, .gpu, .small] + TileProfile.unusual {
        guard let backend = try? OpenCLBackend(driver, profile: profile) else { continue }
        targets.append(
          Target(name: "\(driver.description.name), profile \(profile.name)", device: Device(backend: backend)))
      }
    }
    return targets
  }()
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
