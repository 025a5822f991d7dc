import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// A device that the suites run on, by a name that a test's report shows.
struct TestDevice: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var device: Device

  /// The fallback at each instruction set of this processor, and every OpenCL device with its own profile, or with the
  /// one of `DEVICENN_PROFILE`; of these, those whose name ends with one of the words in `DEVICENN_TEST_TARGETS`.
  static let all: [TestDevice] =
    CPUBackend.instructionSets.compactMap { isa in TestDevice("cpu \(isa)") { try CPUBackend(isa: isa) } }
    + OpenCLDevice.all.compactMap { driver in
      let description = driver.description
      guard let profile = try? Setting.profile.value.map({ try .named($0, on: description) }) ?? TileProfile.fitting(description)
      else { return nil }
      return TestDevice("\(description.name), profile \(profile.name)") { try OpenCLBackend(driver, profile: profile) }
    }

  private static let chosen = (ProcessInfo.processInfo.environment["DEVICENN_TEST_TARGETS"] ?? "").split(separator: ",")

  private init?(_ name: String, backend: () throws -> any Backend) {
    guard Self.chosen.isEmpty || Self.chosen.contains(where: { name.hasSuffix($0) }), let backend = try? backend()
    else { return nil }
    testDescription = name
    device = Device(backend: backend)
  }

  /// The fallback at its best.
  static let cpu = Device(backend: try! CPUBackend())
}

/// What lies beside the package for tests: golden values and published networks, which the repository does not hold.
enum SharedFiles {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../shared").standardizedFileURL
  static let hasGoldens = FileManager.default.fileExists(atPath: path("goldens/operators.json"))
  static let hasNetworks = FileManager.default.fileExists(
    atPath: path("data/nets/mobilenet_v2_035_224_bn/reference.safetensors"))

  static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  static func json<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(name)))
  }
}

extension Comment {
  static let noGoldens: Comment = "the golden values are not there: ../shared/goldens"
  static let noNetworks: Comment = "the published networks are not there: ../shared/data/nets"
}

/// The numbers of goldens/README.md: each depends on a name and its place alone.
enum GoldenNumbers {
  /// In [0, 1).
  static func uniform(_ name: String, count: Int) -> [Double] {
    let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return (0..<count).map { i in
      var z = hash &+ 0x9e37_79b9_7f4a_7c15 &* UInt64(i + 1)
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      z ^= z >> 31
      return Double(z >> 40) / 16_777_216
    }
  }

  /// In [-1, 1).
  static func signed(_ name: String, count: Int) -> [Float] { uniform(name, count: count).map { Float(2 * $0 - 1) } }

  /// The value of a parameter or statistic called `name`, in PyTorch's layout.
  static func filled(_ name: String, shape: [Int]) -> [Float] {
    let leaf = String(name.split(separator: ".").last!)
    let bound = (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
    return uniform(name, count: shape.reduce(1, *)).map { u in
      Float(
        leaf == "running_var"
          ? 0.5 + u
          : leaf == "running_mean"
            ? 0.2 * (u - 0.5)
            : ["layer_scale", "gamma"].contains(leaf)
            ? 0.5 + u
            : ["cls_token", "pos_embed", "class_token"].contains(leaf)
            ? 0.2 * (u - 0.5)
            : shape.count >= 2
              ? (2 * u - 1) * bound
              : leaf == "weight" ? 0.5 + u : 0.2 * (u - 0.5))
    }
  }
}

/// `values` of `shape` with its dimensions in the order of `permutation`.
func permuted(_ values: [Float], _ shape: [Int], _ permutation: [Int]) -> [Float] {
  let strides = shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
  let newShape = permutation.map { shape[$0] }
  return (0..<values.count).map { place in
    var (rest, from) = (place, 0)
    for i in newShape.indices.reversed() {
      from += rest % newShape[i] * strides[permutation[i]]
      rest /= newShape[i]
    }
    return values[from]
  }
}

/// Whether each number is within `absolute + relative · |expected|` of what it should be.
func expectClose(
  _ actual: [Float], _ expected: [Float], absolute: Double = 1e-5, relative: Double = 1e-4, _ comment: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record("\(actual.count) numbers, not \(expected.count); \(comment)", sourceLocation: sourceLocation)
    return
  }
  let excess = zip(actual, expected).map { abs(Double($0) - Double($1)) / (absolute + relative * abs(Double($1))) }
  guard let worst = excess.indices.first(where: { !(excess[$0] <= 1) }) else { return }
  Issue.record(
    "number \(worst) is \(actual[worst]), not \(expected[worst]); \(comment)", sourceLocation: sourceLocation)
}
