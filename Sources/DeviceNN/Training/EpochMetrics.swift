import Foundation

/// What one epoch came to: a line of metrics.jsonl, a point of the report's curves.
public struct EpochMetrics: Codable, Sendable, Equatable {
  /// Counted from 1.
  public var epoch: Int
  public var trainLoss: Double
  /// Accuracy on the augmented batches that were trained on, from 0 to 1; nil where it was not counted.
  public var trainAccuracy: Double?
  public var validationLoss: Double
  /// From 0 to 1.
  public var validationAccuracy: Double
  /// At the end of the epoch.
  public var learningRate: Double
  /// Of training and validation together.
  public var seconds: Double
  /// While training.
  public var imagesPerSecond: Double

  public init(
    epoch: Int, trainLoss: Double, trainAccuracy: Double? = nil, validationLoss: Double, validationAccuracy: Double,
    learningRate: Double, seconds: Double, imagesPerSecond: Double
  ) {
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.validationLoss = validationLoss
    self.validationAccuracy = validationAccuracy
    self.learningRate = learningRate
    self.seconds = seconds
    self.imagesPerSecond = imagesPerSecond
  }
}

extension EpochMetrics {
  /// The same values always give the same line, in the order of the fields. JSON has no NaN and no infinity: a loss
  /// that diverged is `null`, and reads back as NaN.
  public var jsonLine: String {
    let fields: [(String, Double?)] = [
      ("trainLoss", trainLoss), ("trainAccuracy", trainAccuracy), ("validationLoss", validationLoss),
      ("validationAccuracy", validationAccuracy), ("learningRate", learningRate), ("seconds", seconds),
      ("imagesPerSecond", imagesPerSecond),
    ]
    let members = fields.compactMap { name, value in
      value.map { "\"\(name)\":" + ($0.isFinite ? "\($0)" : "null") }
    }
    return "{\"epoch\":\(epoch)," + members.joined(separator: ",") + "}"
  }

  private enum CodingKeys: String, CodingKey {
    case epoch, trainLoss, trainAccuracy, validationLoss, validationAccuracy, learningRate, seconds, imagesPerSecond
  }

  /// As in `jsonLine`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
    try container.encode(epoch, forKey: .epoch)
    try container.encode(finite(trainLoss), forKey: .trainLoss)
    try trainAccuracy.map { try container.encode(finite($0), forKey: .trainAccuracy) }
    try container.encode(finite(validationLoss), forKey: .validationLoss)
    try container.encode(finite(validationAccuracy), forKey: .validationAccuracy)
    try container.encode(finite(learningRate), forKey: .learningRate)
    try container.encode(finite(seconds), forKey: .seconds)
    try container.encode(finite(imagesPerSecond), forKey: .imagesPerSecond)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func number(_ key: CodingKeys) throws -> Double {
      guard container.contains(key) else {
        throw DecodingError.keyNotFound(key, .init(codingPath: [], debugDescription: ""))
      }
      return try container.decodeIfPresent(Double.self, forKey: key) ?? .nan
    }
    epoch = try container.decode(Int.self, forKey: .epoch)
    trainLoss = try number(.trainLoss)
    trainAccuracy = container.contains(.trainAccuracy) ? try number(.trainAccuracy) : nil
    validationLoss = try number(.validationLoss)
    validationAccuracy = try number(.validationAccuracy)
    learningRate = try number(.learningRate)
    seconds = try number(.seconds)
    imagesPerSecond = try number(.imagesPerSecond)
  }
}
