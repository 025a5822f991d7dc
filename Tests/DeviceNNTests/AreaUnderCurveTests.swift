import Testing

@testable import DeviceNN

@Suite struct AreaUnderCurveTests {
  /// Counted by hand: pairs of a positive and a negative in the right order, ties half.
  @Test(arguments: [
    ([0.1, 0.2, 0.3, 0.4], "0011", 1.0), ([0.1, 0.2, 0.3, 0.4], "1100", 0.0), ([0.5, 0.5, 0.5], "101", 0.5),
    ([0.1, 0.4, 0.35, 0.8], "0011", 0.75),  // the example of scikit-learn's documentation
    // 0.7 beats 0.2 and ties with two: 2; 0.9 beats all three: 3; of 6 pairs.
    ([0.2, 0.7, 0.7, 0.9, 0.7], "01010", 5.0 / 6),
  ])
  func areaIsTheShareOfOrderedPairs(scores: [Double], answers: String, expected: Double) {
    #expect(ROCCurve(scores: scores, isPositive: answers.map { $0 == "1" })?.area == expected)
  }

  @Test func oneSideAloneHasNoArea() {
    #expect(ROCCurve(scores: [], isPositive: [])?.area == nil)
    #expect(ROCCurve(scores: [1, 2], isPositive: [true, true])?.area == nil)
    #expect(ROCCurve(scores: [1, 2], isPositive: [false, false])?.area == nil)
  }

  @Test func evaluationsOfTwoClassesHaveOne() {
    func evaluation(_ rows: [(Int, [Double])]) -> Evaluation {
      Evaluation(predictions: rows.enumerated().map { Prediction(index: $0, label: $1.0, probabilities: $1.1) })
    }
    #expect(evaluation([(0, [0.9, 0.1]), (1, [0.8, 0.2]), (0, [0.7, 0.3])]).rocCurve?.area == 0.5)
    #expect(evaluation([(0, [0.9, 0.05, 0.05]), (1, [0.8, 0.1, 0.1])]).rocCurve?.area == nil)
    #expect(evaluation([(0, [0.9, 0.1])]).rocCurve?.area == nil)
  }
}
