import Testing

@testable import DeviceNN

@Suite struct ROCCurveTests {
  private func corners(_ curve: ROCCurve?) -> [[Double]]? {
    curve?.points.map { [$0.falsePositiveRate, $0.truePositiveRate] }
  }

  /// scikit-learn's example.
  @Test func byHand() throws {
    let curve = try #require(ROCCurve(scores: [0.1, 0.4, 0.35, 0.8], isPositive: [false, false, true, true]))
    #expect(corners(curve) == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]])
    #expect(curve.area == 0.75)
  }

  @Test func perfectAndHopeless() {
    #expect(corners(ROCCurve(scores: [1, 2, 3, 4], isPositive: [false, false, true, true])) == [[0, 0], [0, 1], [1, 1]])
    #expect(ROCCurve(scores: [4, 3, 2, 1], isPositive: [false, false, true, true])?.area == 0)
    // No threshold tells equal scores apart.
    #expect(corners(ROCCurve(scores: [1, 1, 1], isPositive: [false, true, true])) == [[0, 0], [1, 1]])
    #expect(ROCCurve(scores: [1, 2], isPositive: [true, true]) == nil)
    #expect(ROCCurve(scores: [], isPositive: []) == nil)
  }

  /// The area is the part of pairs in the right order, ties counted as half.
  @Test func theAreaCountsPairs() throws {
    var generator = Philox(seed: 3)
    for _ in 0..<20 {
      let scores = (0..<40).map { _ in Double(generator.next() % 12) }
      let isPositive = scores.map { Double(generator.next() % 12) < $0 }
      guard let curve = ROCCurve(scores: scores, isPositive: isPositive) else { continue }
      var (right, pairs) = (0.0, 0.0)
      for (a, _) in zip(scores, isPositive).filter({ $0.1 }) {
        for (b, _) in zip(scores, isPositive).filter({ !$0.1 }) { (right, pairs) = (right + (a > b ? 1 : a == b ? 0.5 : 0), pairs + 1) }
      }
      #expect(abs(curve.area - right / pairs) < 1e-12)
    }
  }

  @Test func ofAnEvaluation() {
    func evaluation(_ rows: [(Int, [Double])]) -> Evaluation {
      Evaluation(predictions: rows.enumerated().map { Prediction(index: $0, label: $1.0, probabilities: $1.1) })
    }
    #expect(evaluation([(0, [0.9, 0.1]), (1, [0.4, 0.6]), (1, [0.95, 0.05])]).rocCurve?.area == 0.5)
    #expect(evaluation([(0, [0.9, 0.1, 0]), (1, [0.4, 0.6, 0])]).rocCurve == nil)
  }

  @Test func reliabilityBeforeAndAfter() throws {
    // Logits of ±log 3: 75 % sure as trained, half right; at temperature 2 it is √3 / (1 + √3).
    let trained = Evaluation(
      predictions: (0..<4).map { Prediction(index: $0, label: $0 % 2, probabilities: [0.75, 0.25]) })
    let calibration = Calibration(temperature: 2, errorBefore: 0.25, errorAfter: 0.1)
    let reliability = Reliability(trained.scaled(temperature: 2), calibration)
    let (before, after) = (try #require(reliability.before.first), try #require(reliability.after.first))
    #expect(reliability.before.count == 1 && before.count == 4 && before.accuracy == 0.5 && abs(before.confidence - 0.75) < 1e-12)
    #expect(after.accuracy == 0.5 && abs(after.confidence - 3.0.squareRoot() / (1 + 3.0.squareRoot())) < 1e-12)
  }

  @Test func mistakesAreByTheirLoss() {
    let rows: [(Int, [Double])] = [(0, [0.3, 0.6, 0.1]), (1, [0.5, 0.2, 0.3]), (2, [0, 0, 1]), (2, [0.45, 0.45, 0.1])]
    let evaluation = Evaluation(predictions: rows.enumerated().map { Prediction(index: $0, label: $1.0, probabilities: $1.1) })
    #expect(evaluation.mistakes.map(\.index) == [3, 1, 0])
  }
}
