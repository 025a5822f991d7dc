internal import Foundation

/// What an epoch of any training came to: numbers by name. Where a task has a name, its numbers are called `task/number`.
///
/// Every run has `loss` (the sum of its tasks' while training), `learningRate` (at the end of the epoch), `seconds` and
/// `itemsPerSecond`; what was measured afterwards has names that begin with `validation/`.
public struct EpochNumbers: EpochLine, Equatable {
  public var epoch: Int
  public var numbers: [String: Double]

  public init(epoch: Int, _ numbers: [String: Double]) { (self.epoch, self.numbers) = (epoch, numbers) }

  /// NaN where there is no such number.
  public subscript(_ name: String) -> Double { numbers[name] ?? .nan }

  public var validationLoss: Double { self["validation/loss"] }

  /// By name; what is not finite is `null`, and reads back as NaN.
  public var jsonLine: String {
    JSONValue.object([("epoch", .number(Double(epoch)))] + numbers.sorted { $0.key < $1.key }.map { ($0, .number($1)) }).text
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.singleValueContainer().decode([String: Double?].self)
    guard let epoch = values["epoch"]?.flatMap({ Int(exactly: $0) }) else {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "no epoch"))
    }
    self.init(epoch: epoch, values.filter { $0.key != "epoch" }.mapValues { $0 ?? .nan })
  }
}
