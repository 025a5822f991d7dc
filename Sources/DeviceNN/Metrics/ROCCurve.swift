/// How many of a class are found (true positive rate) at the price of how many others (false positive rate), for every
/// threshold on its probability (receiver operating characteristic).
public struct ROCCurve: Codable, Sendable, Equatable {
  public struct Point: Codable, Sendable, Equatable {
    public var falsePositiveRate: Double
    public var truePositiveRate: Double
  }

  /// From (0,0) to (1,1); those in the middle of a straight line are left out.
  public let points: [Point]
  /// How likely one of the class has a higher score than one of the others, equal ones counted as half (Hanley and McNeil
  /// 1982): ROC-AUC, exact.
  public let area: Double

  /// Nil where there is none of the class, or nothing else.
  ///
  /// - Parameter scores: the higher, the likelier; equal ones are told apart by no threshold.
  public init?(scores: [Double], isPositive: [Bool]) {
    precondition(scores.count == isPositive.count, "\(scores.count) scores do not belong to \(isPositive.count) answers")
    let positives = isPositive.count { $0 }
    let negatives = isPositive.count - positives
    guard positives > 0, negatives > 0 else { return nil }
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var corners = [(false: 0, true: 0)]
    var (found, wrong) = (0, 0)
    for (place, index) in order.enumerated() {
      if isPositive[index] { found += 1 } else { wrong += 1 }
      if place + 1 < order.count, scores[order[place + 1]] == scores[index] { continue }
      if corners.count > 1 {
        let (a, b) = (corners[corners.count - 2], corners[corners.count - 1])
        if (b.false - a.false) * (found - b.true) == (b.true - a.true) * (wrong - b.false) { corners.removeLast() }
      }
      corners.append((wrong, found))
    }
    // Twice the area in pairs of one of the class and one of the others, so that halves stay whole.
    let twicePairs = zip(corners, corners.dropFirst()).reduce(0) { sum, side in
      sum + (side.1.false - side.0.false) * (side.1.true + side.0.true)
    }
    area = Double(twicePairs) / Double(2 * positives * negatives)
    points = corners.map {
      Point(falsePositiveRate: Double($0.false) / Double(negatives), truePositiveRate: Double($0.true) / Double(positives))
    }
  }
}

extension Evaluation {
  /// Of the second of two classes; nil where there are more, or where one of them has no pictures.
  public var rocCurve: ROCCurve? {
    guard predictions.allSatisfy({ $0.probabilities.count == 2 }) else { return nil }
    return ROCCurve(scores: predictions.map { $0.probabilities[1] }, isPositive: predictions.map { $0.label == 1 })
  }
}
