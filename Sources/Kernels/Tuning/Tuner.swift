/// Searches a device's best tile profile, then each product's best algorithm, and says what was gained.
///
/// The search is a walk that always takes the same decisions from the same measurements, and its record holds these: a
/// tuner that is interrupted and started again walks through what it knows in no time, and goes on.
public struct Tuner {
  public private(set) var record: TuningRecord
  private let description: DeviceDescription
  /// The device's own profile.
  private let usual: TileProfile
  private let perform: (TuningJob) throws -> TuningJob.Answer
  private let save: (TuningRecord) throws -> Void
  private let report: (String) throws -> Void

  /// - Parameters:
  ///   - record: where an earlier tuner of this device stopped, or ended. Trials for another workload are forgotten.
  ///   - perform: runs a job on the device and gives its answer.
  ///   - save: keeps the record; called after each trial.
  ///   - report: says a line about a trial.
  public init(
    _ description: DeviceDescription, workload: Workload, goingOnFrom record: TuningRecord?,
    perform: @escaping (TuningJob) throws -> TuningJob.Answer, save: @escaping (TuningRecord) throws -> Void,
    report: @escaping (String) throws -> Void
  ) throws {
    self.description = description
    (self.perform, self.save, self.report) = (perform, save, report)
    usual = description.kind == .fallback ? try CPUBackend().profile : .fitting(description)
    self.record = record ?? TuningRecord(key: TuningRecord.Key(description), workload: workload)
    if self.record.workload != workload {
      (self.record.workload, self.record.tiles, self.record.gains) = (workload, [], [])
      self.record.origin = self.record.profile
    }
  }

  /// Tries what has not been tried.
  public mutating func run() throws {
    repeat {
      // The fallback's tiles are compiled into the package.
      if description.kind != .fallback { try searchTiles() }
      try chooseAlgorithms()
      if record.gains.isEmpty { try compare() }
    } while try refusesTiles()
  }

  private mutating func compare() throws {
    let job = TuningJob.comparison(record.workload, before: usual, after: record.profile ?? usual, record.algorithms)
    guard case .comparison(let gains) = try perform(job) else { preconditionFailure("a comparison answers with gains") }
    record.gains = gains
    try save(record)
  }

  /// The search times tiles minutes apart, the comparison in turn: those that it shows to be slower than the device's own are
  /// not kept, and the search goes on without them.
  private mutating func refusesTiles() throws -> Bool {
    guard record.total(\.secondsAfter) > record.total(\.secondsBefore), let profile = record.profile,
      let trial = record.tiles.firstIndex(where: { $0.profile.isSame(as: profile) })
    else { return false }
    record.tiles[trial].seconds = nil
    try report("\(profile): slower in the comparison")
    try keep(usual)
    return true
  }

  // MARK: Tiles

  private mutating func searchTiles() throws {
    // Its failure may have been a passing one.
    record.tiles.removeAll { $0.profile.isSame(as: usual) && $0.seconds == nil }
    guard var best = try seconds(of: usual, below: .infinity) else {
      let problem = record.tiles.last { $0.profile.isSame(as: usual) }?.problem ?? ""
      throw TunerError.defaultIsWrong(device: description.name, problem: problem)
    }
    var winner = usual
    /// A profile has to win by this, so that noise doesn't make the search long.
    let clearly = 0.98
    func isBetter(_ profile: TileProfile, _ tuner: inout Tuner) throws -> Bool {
      let known = tuner.record.tiles.count
      guard let seconds = try tuner.seconds(of: profile, below: clearly * best), seconds < clearly * best else { return false }
      (winner, best) = (profile, seconds)
      // What an earlier walk knew is on the way to what that one kept.
      if tuner.record.tiles.count > known { try tuner.keep(profile) }
      return true
    }
    for start in TileProfile.starts(for: description) + [record.origin].compactMap({ $0 }) where !start.isSame(as: winner) {
      _ = try isBetter(start, &self)
    }
    var isImproved = true
    while isImproved {
      isImproved = false
      for neighbour in winner.neighbours(on: description) where try isBetter(neighbour, &self) { isImproved = true }
    }
    try keep(winner)
  }

  private mutating func keep(_ profile: TileProfile) throws {
    let kept = profile.isSame(as: usual) ? nil : profile
    guard kept?.defines.map(\.value) != record.profile?.defines.map(\.value) else { return }
    // Algorithms were chosen with the tiles that were.
    (record.profile, record.algorithms, record.gains) = (kept, [], [])
    try save(record)
  }

  /// What a profile takes for all products; nil where it is wrong or takes more than `limit`.
  private mutating func seconds(of profile: TileProfile, below limit: Double) throws -> Double? {
    if let known = record.tiles.first(where: { $0.profile.isSame(as: profile) }) { return known.seconds }
    // JSON knows no infinity.
    let job = TuningJob.tiles(profile, record.workload, limit: min(limit, 1e6))
    guard case .tiles(let trial) = try perform(job) else { preconditionFailure("tiles are answered with their trial") }
    record.tiles.append(trial)
    try save(record)
    try report("\(profile): \(trial.outcome)")
    return trial.seconds
  }

  // MARK: Algorithms

  private mutating func chooseAlgorithms() throws {
    for item in record.workload.items where item.operation.algorithms.count > 1 {
      guard !record.algorithms.contains(where: { $0.operation == item.operation }) else { continue }
      let job = TuningJob.algorithms(item.operation, record.profile ?? usual)
      guard case .algorithms(let trial) = try perform(job) else { preconditionFailure("algorithms are answered with their trial") }
      record.algorithms.append(trial)
      record.gains = []
      try save(record)
      try report("\(item.operation): \(trial.outcome)")
    }
  }
}

public enum TunerError: Error, Equatable, Sendable {
  /// Nothing can be gained on a device that is wrong as it is.
  case defaultIsWrong(device: String, problem: String)
}

extension TunerError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .defaultIsWrong(let device, let problem): "\(device) can't be tuned, it fails with its own profile: \(problem)"
    }
  }
}

// MARK: In words

extension TileProfile: CustomStringConvertible {
  public var description: String {
    let tile = "\(tileM) x \(tileN * vector) a work-item"
    let group = staged ? "\(groupRows) x \(panelColumns) x \(tileK) staged by \(local)" : "in place by \(local)"
    return "\(name) (\(group), \(tile), sums of \(columnVectors) vectors of \(vector))"
  }
}

extension TuningRecord.TileTrial {
  fileprivate var outcome: String {
    if let problem { return "refused: \(problem)" }
    return seconds.map { milliseconds($0) } ?? "slower"
  }
}

extension TuningRecord.AlgorithmTrial {
  fileprivate var outcome: String {
    let each = candidates.map { candidate in
      "\(candidate.algorithm?.rawValue ?? "as it is") \(candidate.seconds.map(milliseconds) ?? "refused: \(candidate.problem ?? "")")"
    }
    return each.joined(separator: ", ") + (choice.map { ": \($0.rawValue)" } ?? "")
  }
}

private func milliseconds(_ seconds: Double) -> String {
  let tenths = Int((seconds * 1e5).rounded())
  return "\(tenths / 100).\(tenths % 100 < 10 ? "0" : "")\(tenths % 100) ms"
}
