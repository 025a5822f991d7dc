// How well objects are found, as COCO's evaluation (pycocotools) counts it, for objects of any size.

/// An object that a network says it sees.
public struct Detection: Sendable, Equatable {
  public var box: Box
  public var label: Int
  /// 0 … 1
  public var score: Double
  /// Where it points, of those that point anywhere.
  public var pose: Int?

  public init(box: Box, label: Int, score: Double, pose: Int? = nil) {
    (self.box, self.label, self.score, self.pose) = (box, label, score, pose)
  }
}

/// The mean average precision of detections in a set of pictures.
public struct AveragePrecision: Sendable, Equatable {
  /// 0.50, 0.55, … 0.95
  public static let thresholds = (0..<10).map { 0.5 + 0.05 * Double($0) }

  /// By class, then by threshold; nil for a class that is nowhere.
  public let byClass: [[Double]?]

  /// The mean over classes at an intersection over union of one half; nil where nothing was to be found.
  public var atHalf: Double? { mean { $0[0] } }

  /// The mean over classes and thresholds.
  public var overall: Double? { mean { $0.reduce(0, +) / Double($0.count) } }

  private func mean(_ value: ([Double]) -> Double) -> Double? {
    let values = byClass.compactMap { $0.map(value) }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// - Parameters:
  ///   - detections: by picture, of which the hundred surest of each class count.
  ///   - truth: by picture.
  public init(detections: [[Detection]], truth: [[SceneObject]], classes: Int) {
    precondition(
      detections.count == truth.count, "detections in \(detections.count) pictures, but objects in \(truth.count)")
    byClass = (0..<classes).map { label in
      let wanted = truth.map { $0.filter { $0.label == label }.map(\.box) }
      let count = wanted.reduce(0) { $0 + $1.count }
      guard count > 0 else { return nil }
      let found = detections.map { $0.filter { $0.label == label }.sortedByScore.prefix(100) }
      let overlaps = zip(found, wanted).map { found, wanted in
        found.map { detection in wanted.map { detection.box.intersectionOverUnion($0) } }
      }
      // Pictures one after the other, equal scores in this order.
      let order = found.flatMap { $0 }.map(\.score).enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
      return Self.thresholds.map { threshold in
        let hits = overlaps.flatMap { Self.hits($0, threshold) }
        return Self.area(order.map { hits[$0.offset] }, of: count)
      }
    }
  }

  /// Whether each detection of a picture finds an object that no surer one found: the one that it overlaps most.
  private static func hits(_ overlaps: [[Double]], _ threshold: Double) -> [Bool] {
    var isFound = [Bool](repeating: false, count: overlaps.first?.count ?? 0)
    return overlaps.map { row in
      var (best, match) = (min(threshold, 1 - 1e-10), Int?.none)
      for (i, overlap) in row.enumerated() where !isFound[i] && overlap >= best { (best, match) = (overlap, i) }
      if let match { isFound[match] = true }
      return match != nil
    }
  }

  /// The mean of the best precision at or beyond each of 101 recalls.
  private static func area(_ hits: [Bool], of count: Int) -> Double {
    var found = 0
    var points = hits.enumerated().map { i, isHit in
      found += isHit ? 1 : 0
      return (recall: Double(found) / Double(count), precision: Double(found) / Double(i + 1))
    }
    for i in points.indices.dropLast().reversed() { points[i].precision = max(points[i].precision, points[i + 1].precision) }
    var (sum, at) = (0.0, 0)
    for step in 0...100 {
      while at < points.count, points[at].recall < Double(step) * 0.01 { at += 1 }
      if at < points.count { sum += points[at].precision }
    }
    return sum / 101
  }
}

extension Sequence<Detection> {
  /// The surest first; equals stay in their order.
  public var sortedByScore: [Detection] {
    enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }.map(\.element)
  }

  /// Those that no surer detection of their class overlaps by more than this part of both, the surest first.
  public func suppressingOverlaps(above threshold: Double = 0.5) -> [Detection] {
    var kept: [Detection] = []
    for detection in sortedByScore
    where !kept.contains(where: { $0.label == detection.label && $0.box.intersectionOverUnion(detection.box) > threshold }) {
      kept.append(detection)
    }
    return kept
  }
}
