/// The area under the curve of the receiver operating characteristic: the chance that a positive has a higher score than
/// a negative, ties counting half (Hanley and McNeil 1982). Exact, in the time of a sort.
///
/// - Returns: nil where there is no positive or no negative.
public func areaUnderROC(scores: [Double], isPositive: [Bool]) -> Double? {
  precondition(
    scores.count == isPositive.count, "\(scores.count) scores can't belong to \(isPositive.count) answers")
  let order = scores.indices.sorted { scores[$0] < scores[$1] }
  var (positives, negatives) = (0, 0)
  // Twice the number of pairs that are in the right order, so that halves stay whole.
  var twicePairs = 0
  var start = 0
  while start < order.count {
    let end = order[start...].firstIndex { scores[$0] != scores[order[start]] } ?? order.count
    let positivesHere = order[start..<end].count { isPositive[$0] }
    let negativesHere = end - start - positivesHere
    twicePairs += positivesHere * (2 * negatives + negativesHere)
    positives += positivesHere
    negatives += negativesHere
    start = end
  }
  guard positives > 0, negatives > 0 else { return nil }
  return Double(twicePairs) / Double(2 * positives * negatives)
}

extension Evaluation {
  /// Of two classes, the second being the positive one; nil for more classes, or where one of the two is not there.
  public var areaUnderROC: Double? {
    guard predictions.allSatisfy({ $0.probabilities.count == 2 }) else { return nil }
    return DeviceNN.areaUnderROC(
      scores: predictions.map { $0.probabilities[1] }, isPositive: predictions.map { $0.label == 1 })
  }
}
