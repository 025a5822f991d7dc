/// How often each class was taken for which.
public struct ConfusionMatrix: Codable, Sendable, Equatable {
  public let labels: [String]
  /// `counts[actual][predicted]`
  public private(set) var counts: [[Int]]

  public init(labels: [String]) {
    self.labels = labels
    counts = Array(repeating: Array(repeating: 0, count: labels.count), count: labels.count)
  }

  public mutating func record(actual: Int, predicted: Int) { counts[actual][predicted] += 1 }

  public mutating func record(actual: [Int], predicted: [Int]) {
    precondition(
      actual.count == predicted.count, "\(actual.count) labels do not belong to \(predicted.count) predictions")
    for (actual, predicted) in zip(actual, predicted) { record(actual: actual, predicted: predicted) }
  }
}

extension ConfusionMatrix {
  /// How many classifications were recorded.
  public var total: Int { counts.joined().reduce(0, +) }

  public var correct: Int { labels.indices.reduce(0) { $0 + counts[$1][$1] } }

  /// Nil where nothing was recorded.
  public var accuracy: Double? { ratio(correct, total) }

  /// How many of a class there were.
  public func support(of label: Int) -> Int { counts[label].reduce(0, +) }

  public func predictions(of label: Int) -> Int { counts.reduce(0) { $0 + $1[label] } }

  /// The part of a class's predictions that were right; nil where it was never predicted.
  public func precision(of label: Int) -> Double? { ratio(counts[label][label], predictions(of: label)) }

  /// The part of a class that was found; nil where there was none of it.
  public func recall(of label: Int) -> Double? { ratio(counts[label][label], support(of: label)) }

  /// The harmonic mean of precision and recall, `2 TP / (2 TP + FP + FN)`; nil where the class never occurred.
  public func f1(of label: Int) -> Double? {
    ratio(2 * counts[label][label], support(of: label) + predictions(of: label))
  }

  /// Of pixels: the part of what is a class or was taken for it that is both, `TP / (TP + FP + FN)`; nil where it never
  /// occurred.
  public func intersectionOverUnion(of label: Int) -> Double? {
    ratio(counts[label][label], support(of: label) + predictions(of: label) - counts[label][label])
  }

  /// The mean of all classes' F1, each class weighing the same however many there were of it. As with scikit-learn, a class
  /// that neither occurred nor was predicted does not count.
  public var macroF1: Double? {
    let values = labels.indices.compactMap(f1)
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The most frequent mistakes first, equal ones in the order of the classes.
  public var confusions: [(actual: Int, predicted: Int, count: Int)] {
    let all = labels.indices.flatMap { actual in
      labels.indices.filter { $0 != actual }.map { (actual: actual, predicted: $0, count: counts[actual][$0]) }
    }
    return all.filter { $0.count > 0 }.sorted {
      ($1.count, $0.actual, $0.predicted) < ($0.count, $1.actual, $1.predicted)
    }
  }

  private func ratio(_ part: Int, _ whole: Int) -> Double? { whole == 0 ? nil : Double(part) / Double(whole) }
}
