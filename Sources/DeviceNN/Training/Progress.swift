// What a run says while it trains, apart from the terminal that shows it.

/// Where a run is, as one line.
public struct TrainingProgress: Sendable, Equatable {
  /// Counted from 1.
  public var epoch: Int
  public var epochs: Int
  /// Batches done in this epoch.
  public var batch: Int
  public var batches: Int
  public var imagesPerSecond: Double?
  public var loss: Double?
  /// Until the end of the last epoch.
  public var secondsLeft: Double?

  public init(
    epoch: Int, epochs: Int, batch: Int, batches: Int, imagesPerSecond: Double? = nil, loss: Double? = nil,
    secondsLeft: Double? = nil
  ) {
    self.epoch = epoch
    self.epochs = epochs
    self.batch = batch
    self.batches = batches
    self.imagesPerSecond = imagesPerSecond
    self.loss = loss
    self.secondsLeft = secondsLeft
  }
}

/// What a progress bar shows: one line, on a terminal of any width.
public protocol ProgressLine: Sendable {
  /// Never longer than `width` columns: the bar takes what the words leave, up to 40 columns. On a narrow terminal
  /// words go first, the least needed ones first, and then the bar.
  func line(width: Int, isUnicode: Bool) -> String
}

extension TrainingProgress: ProgressLine {
  public func line(width: Int, isUnicode: Bool = true) -> String {
    let words = [
      loss.map { "loss " + decimal($0, places: 3) },
      secondsLeft.map { clock(seconds: $0) + " left" },
      imagesPerSecond.map { threeDigits($0) + " images/s" },
    ]
    return progressLine(
      head: "epoch \(padded(epoch, as: epochs))/\(epochs)", fraction: batches > 0 ? Double(batch) / Double(batches) : 0,
      count: "\(padded(batch, as: batches))/\(batches)", words: words.compactMap { $0 }, width: width,
      isUnicode: isUnicode)
  }

  private func padded(_ value: Int, as widest: Int) -> String {
    let text = "\(value)"
    return String(repeating: " ", count: max("\(widest)".count - text.count, 0)) + text
  }
}

/// `head`, a bar if there is a `fraction`, `count`, and as many of `words` as fit.
func progressLine(
  head: String, fraction: Double?, count: String, words: [String], width: Int, isUnicode: Bool
) -> String {
  for kept in stride(from: words.count, through: 0, by: -1) {
    let tail = ([count] + words.prefix(kept)).joined(separator: "  ")
    let room = width - head.count - tail.count - 4
    guard let fraction else {
      if room >= -2 { return head + "  " + tail }
      continue
    }
    if room >= 10 {
      return head + "  " + bar(fraction, width: min(room, 40), isUnicode: isUnicode) + "  " + tail
    }
  }
  return String([head + "  " + count, head].first { $0.count <= width } ?? String(head.prefix(max(width, 0))))
}

private func bar(_ fraction: Double, width: Int, isUnicode: Bool) -> String {
  let halves = Int((min(max(fraction, 0), 1) * Double(2 * width)).rounded(.down))
  let (full, half) = (halves / 2, halves % 2)
  guard isUnicode else {
    return "[" + String(repeating: "#", count: min(full, width - 2))
      + String(repeating: ".", count: max(width - 2 - full, 0)) + "]"
  }
  return String(repeating: "━", count: full) + (half == 1 ? "╸" : "")
    + String(repeating: "┈", count: width - full - half)
}

extension EpochMetrics {
  /// The line that an epoch leaves behind, on a terminal and in a log alike; it fits into 80 columns.
  public func line(epochs: Int) -> String {
    let number = "\(epoch)"
    let blanks = String(repeating: " ", count: max("\(epochs)".count - number.count, 0))
    return [
      "epoch \(blanks)\(number)/\(epochs)", "loss \(decimal(trainLoss, places: 3))",
      "validation \(decimal(validationLoss, places: 3))", "accuracy \(decimal(100 * validationAccuracy, places: 2)) %",
      "\(threeDigits(imagesPerSecond)) images/s", clock(seconds: seconds),
    ].joined(separator: "  ")
  }
}
