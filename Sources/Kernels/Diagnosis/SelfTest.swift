/// A short proof that a device computes what kernels.cl says: the main operators, forward and backward, against plain loops
/// in Double that share nothing with the kernels.
public struct SelfTest: Sendable {
  /// What became of one family of operators.
  public struct Outcome: Sendable, Hashable, Codable {
    public var operators: String
    /// What was wrong first; nil where all numbers are right.
    public var problem: String?

    public var isSound: Bool { problem == nil }
  }

  let operators: String
  let body: @Sendable (Probe) throws -> Void

  init(_ operators: String, _ body: @escaping @Sendable (Probe) throws -> Void) {
    self.operators = operators
    self.body = body
  }

  /// Runs every test on `device`. What hasn't begun after `limit` is named as unproven: a slow device mustn't keep a
  /// person waiting.
  public static func run(on device: Device, limit: Duration = .seconds(25)) -> [Outcome] {
    let start = ContinuousClock.now
    return all.map { test in
      guard ContinuousClock.now - start < limit else {
        return Outcome(operators: test.operators, problem: "not tested: \(limit) were over before its turn")
      }
      let probe = Probe(device)
      do { try test.body(probe) } catch { return Outcome(operators: test.operators, problem: "\(error)") }
      return Outcome(operators: test.operators, problem: probe.problem)
    }
  }

  static let all: [SelfTest] = elementwise + products + windows + rows
}

/// What a test works with.
final class Probe {
  let device: Device
  private(set) var problem: String?
  private var state: UInt64 = 1

  init(_ device: Device) { self.device = device }

  /// Numbers in [-1, 1) that are the same in every run, by SplitMix64.
  func numbers(_ count: Int, plus offset: Float = 0) -> [Float] {
    (0..<count).map { _ in
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return Float((z ^ z >> 31) >> 40) / 8_388_608 - 1 + offset
    }
  }

  /// Compares a result with what it should be. Rounding may cost 1e-5 and 1e-5 of the size of the `depth` summands.
  func expect(_ result: Buffer, _ expected: [Double], depth: Int = 1, _ what: String) throws {
    guard problem == nil else { return }
    let values = try device.read(result, as: Float.self, count: expected.count)
    let relative = 1e-5 * max(1, Double(depth).squareRoot() / 4)
    for (i, (value, right)) in zip(values, expected).enumerated()
    where !(abs(Double(value) - right) <= 1e-5 + relative * max(1, abs(right))) {
      problem = "\(what): number \(i) of \(expected.count) is \(value), not \(Float(right))"
      return
    }
  }
}
