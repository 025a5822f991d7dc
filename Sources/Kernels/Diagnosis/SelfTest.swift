/// A short proof that a device computes what kernels.cl says: every family of operators, forward and backward, against
/// plain loops in Double that share nothing with the kernels.
public struct SelfTest: Sendable {
  /// What became of one family of operators.
  public struct Outcome: Sendable, Hashable, Codable {
    public var operators: String
    /// What was wrong first; nil where all numbers are right.
    public var problem: String?
    /// False where its turn did not come; that is its problem then.
    public var wasTested = true

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
    run(all, on: device, limit: limit)
  }

  static func run(_ tests: [SelfTest], on device: Device, limit: Duration) -> [Outcome] {
    let start = ContinuousClock.now
    return tests.map { test in
      guard ContinuousClock.now - start < limit else {
        // The first time, most of it is the driver's compiler, whose results it keeps.
        let problem = "not tested: \(limit) were over before its turn; it is quicker when run again"
        return Outcome(operators: test.operators, problem: problem, wasTested: false)
      }
      let probe = Probe(device)
      do { try test.body(probe) } catch { return Outcome(operators: test.operators, problem: "\(error)") }
      return Outcome(operators: test.operators, problem: probe.problem)
    }
  }

  /// The main ones first, for devices so slow that some have no turn.
  static let all: [SelfTest] =
    products + elementwise + rows + windows + normalizations + optimizers + losses + sequences + resampling + movement
    + random + halves
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

  /// Compares an operator with `formula`, which makes of the inputs' numbers the result's, in Double; and the gradients
  /// with the formula's differences. `operation` gives the result, and the inputs' gradients from the result's.
  func expect(
    _ what: String, depth: Int = 1, _ inputs: [[Float]], formula: ([[Double]]) -> [Double],
    operation: ([Buffer]) -> (y: Buffer, gradients: (_ dy: Buffer) -> [Buffer])
  ) throws {
    var numbers = inputs.map { $0.map(Double.init) }
    let y = formula(numbers)
    let dy = self.numbers(y.count)
    let (result, gradients) = operation(inputs.map { device.makeBuffer($0) })
    try expect(result, y, depth: depth, what)
    let step = 1e-5
    for (i, found) in gradients(device.makeBuffer(dy)).enumerated() {
      let slopes = numbers[i].indices.map { at in
        let number = numbers[i][at]
        defer { numbers[i][at] = number }
        func loss(_ moved: Double) -> Double {
          numbers[i][at] = moved
          return zip(formula(numbers), dy).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
        return (loss(number + step) - loss(number - step)) / (2 * step)
      }
      try expect(found, slopes, depth: depth, "gradient \(i) of \(what)")
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
