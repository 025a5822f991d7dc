/// A piece of a tuner's work, small enough for a process of its own: a driver that fails at one candidate may end the
/// process, or never answer.
public enum TuningJob: Sendable, Codable {
  /// Checks and times a profile, and where it takes less than `limit` seconds, checks every other operator with it.
  case tiles(TileProfile, Workload, limit: Double)
  /// Checks and times every algorithm that a product has.
  case algorithms(ProductOperation, TileProfile)
  /// Times products as they were and as they are with a profile and the choices of some trials.
  case comparison(Workload, before: TileProfile, after: TileProfile, [TuningRecord.AlgorithmTrial])

  public enum Answer: Sendable, Codable {
    case tiles(TuningRecord.TileTrial)
    case algorithms(TuningRecord.AlgorithmTrial)
    case comparison([TuningRecord.Gain])
  }

  /// Runs it on the device called `identifier`.
  public func answer(on identifier: String) throws -> Answer {
    try answer { profile in try Device(named: identifier, profile: profile) }
  }

  /// - Parameter open: the device with a profile, untuned.
  func answer(_ open: (TileProfile) throws -> Device) throws -> Answer {
    switch self {
    case .tiles(let profile, let workload, let limit):
      var trial = TuningRecord.TileTrial(profile: profile)
      do {
        let device = try open(profile)
        trial.seconds = try seconds(of: workload, limit: limit, on: device)
        // A profile compiles every kernel anew, so every operator has to prove itself. The driver's compiler needs time.
        if trial.seconds != nil, let wrong = SelfTest.run(on: device, limit: .seconds(240)).first(where: { !$0.isSound }) {
          throw WrongResult(problem: wrong.problem!)
        }
      } catch { (trial.seconds, trial.problem) = (nil, "\(error)") }
      return .tiles(trial)
    case .algorithms(let operation, let profile):
      return .algorithms(try trial(of: operation, on: open(profile)))
    case .comparison(let workload, let before, let after, let trials):
      return .comparison(try gains(workload, open(before), open(after), AlgorithmTable(trials)))
    }
  }

  /// The answer where whoever ran it did not come back: none of its candidates can be used.
  public func answer(refusedBecause reason: String) -> Answer {
    switch self {
    case .tiles(let profile, _, _): .tiles(TuningRecord.TileTrial(profile: profile, problem: reason))
    case .algorithms(let operation, _):
      .algorithms(
        TuningRecord.AlgorithmTrial(
          operation: operation,
          candidates: ([nil] + operation.algorithms).map { TuningRecord.AlgorithmTrial.Candidate(algorithm: $0, problem: reason) }))
    case .comparison: .comparison([])
    }
  }

  // MARK: Measuring

  /// Seconds of all products; nil where they are more than `limit`.
  private func seconds(of workload: Workload, limit: Double, on device: Device) throws -> Double? {
    var total = 0.0
    for item in workload.items {
      let check = try ProductCheck(item.operation)
      let (left, right) = item.operation.inputs(on: device)
      try check.expect(item.operation.run(left, right, on: device))
      total += Double(item.count) * (try device.bestTime(within: patience) { _ = item.operation.run(left, right, on: device) })
      device.releaseIdleMemory()
      if total > limit { return nil }
    }
    return total
  }

  private func trial(of operation: ProductOperation, on device: Device) throws -> TuningRecord.AlgorithmTrial {
    let check = try ProductCheck(operation)
    let (left, right) = operation.inputs(on: device)
    let candidates = ([nil] + operation.algorithms).map { algorithm in
      var candidate = TuningRecord.AlgorithmTrial.Candidate(algorithm: algorithm)
      device.use(AlgorithmTable(algorithm.map { [operation: $0] } ?? [:]))
      do {
        try check.expect(operation.run(left, right, on: device))
        candidate.seconds = try device.bestTime(within: patience) { _ = operation.run(left, right, on: device) }
      } catch { candidate.problem = "\(error)" }
      return candidate
    }
    return TuningRecord.AlgorithmTrial(operation: operation, candidates: candidates)
  }

  private func gains(
    _ workload: Workload, _ before: Device, _ after: Device, _ table: AlgorithmTable
  ) throws -> [TuningRecord.Gain] {
    try workload.items.map { item in
      var best = [Double.infinity, .infinity]
      let inputs = [before, after].map { item.operation.inputs(on: $0) }
      // In turn, so that what else the machine does disturbs both alike.
      for _ in 0..<3 {
        for (i, device) in [before, after].enumerated() {
          device.use(i == 0 ? AlgorithmTable() : table)
          let (left, right) = inputs[i]
          best[i] = min(best[i], try device.bestTime(within: patience / 2) { _ = item.operation.run(left, right, on: device) })
        }
      }
      for device in [before, after] { device.releaseIdleMemory() }
      return TuningRecord.Gain(product: item, secondsBefore: best[0], secondsAfter: best[1])
    }
  }

  private var patience: Duration { .milliseconds(150) }
}

/// A candidate computes wrong numbers.
struct WrongResult: Error, CustomStringConvertible {
  var problem: String
  var description: String { "wrong numbers: \(problem)" }
}

/// What a product has to give, by the CPU fallback's plain way, which the package's tests hold against loops in Double.
struct ProductCheck {
  private let operation: ProductOperation
  private let expected: [Float]

  init(_ operation: ProductOperation) throws {
    let plain = operation.algorithms.first.map { [operation: $0] } ?? [:]
    let fallback = Device(backend: try CPUBackend(), algorithms: AlgorithmTable(plain))
    let (left, right) = operation.inputs(on: fallback)
    self.operation = operation
    expected = try fallback.read(operation.run(left, right, on: fallback), as: Float.self, count: operation.counts.result)
  }

  /// Throws `WrongResult` for the first number that is further off than the roundings of its sum explain.
  func expect(_ result: Buffer) throws {
    let found = try result.device.read(result, as: Float.self, count: expected.count)
    let relative = 1e-5 * max(1, Float(operation.depth).squareRoot() / 4)
    for i in expected.indices where !(abs(found[i] - expected[i]) <= 1e-5 + relative * max(1, abs(expected[i]))) {
      throw WrongResult(problem: "\(operation): number \(i) of \(expected.count) is \(found[i]), not \(expected[i])")
    }
  }
}
