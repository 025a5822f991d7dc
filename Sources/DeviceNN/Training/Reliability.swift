/// How often a model is right where it is so confident, before and after its temperature.
public struct Reliability: Codable, Sendable, Equatable {
  public struct Bin: Codable, Sendable, Equatable {
    /// The mean confidence of its answers.
    public var confidence: Double
    /// The part of them that is right.
    public var accuracy: Double
    public var count: Int
  }

  public var before: [Bin]
  public var after: [Bin]
  public var calibration: Calibration
}

extension Reliability {
  /// - Parameter evaluation: at the temperature of `calibration`.
  public init(_ evaluation: Evaluation, _ calibration: Calibration) {
    func bins(_ evaluation: Evaluation) -> [Bin] {
      evaluation.reliability().map { Bin(confidence: $0.confidence, accuracy: $0.accuracy, count: $0.count) }
    }
    self.init(
      before: bins(evaluation.scaled(temperature: 1 / calibration.temperature)), after: bins(evaluation),
      calibration: calibration)
  }
}
