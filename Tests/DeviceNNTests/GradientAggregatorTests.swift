import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// Directions made of several tasks' gradients: TorchJD's results, cases by hand, and what each method promises.
@Suite struct GradientAggregatorTests {
  private typealias Kind = MultiTaskSolverTests.Kind

  private func weights(_ method: some GramAggregator, _ rows: [[Double]], step: Int = 0) -> [Double] {
    var method = method
    return method.weights(
      SymmetricMatrix(gramOf: rows), at: TaskStep(tasks: Array(rows.indices), of: rows.count, step: step))
  }

  private func direction(_ weights: [Double], _ rows: [[Double]]) -> [Double] {
    rows[0].indices.map { k in rows.indices.reduce(0) { $0 + weights[$1] * rows[$1][k] } }
  }

  private func direction(_ method: some GramAggregator, _ rows: [[Double]], step: Int = 0) -> [Double] {
    direction(weights(method, rows, step: step), rows)
  }

  private func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  private func expect(
    _ actual: [Double], _ expected: [Double], _ tolerance: Double = 1e-9, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let isClose = actual.count == expected.count
      && zip(actual, expected).allSatisfy { abs($0 - $1) <= tolerance * (1 + abs($1)) }
    #expect(isClose, "\(actual), not \(expected); \(comment ?? "")", sourceLocation: sourceLocation)
  }

  // MARK: Golden values

  private struct Golden: Decodable {
    struct Values: Decodable {
      var rows: [[Double]] = []
      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        rows = try (try? container.decode([[Double]].self)) ?? [container.decode([Double].self)]
      }
    }
    let cases: [String: [String: Values]]
  }

  @Test(.enabled(if: SharedFiles.hasGoldens, .noGoldens)) func agreesWithTorchJD() throws {
    let golden = try SharedFiles.json("goldens/aggregators.json", as: Golden.self)
    #expect(golden.cases.keys.sorted() == ["five", "three", "two"])
    for (name, entries) in golden.cases {
      let jacobian = try #require(entries["jacobian"]).rows
      for (method, values) in entries where method != "jacobian" {
        let (expected, comment) = (values.rows[0], "\(method) of \(name)" as Comment)
        let count = Double(jacobian.count)
        switch method {
        case "mean": expect(direction(jacobian.map { _ in 1 / count }, jacobian), expected, 1e-12, comment)
        case "sum": expect(direction(jacobian.map { _ in 1 }, jacobian), expected, 1e-12, comment)
        case "mgda": expect(direction(MGDA(), jacobian), expected, 1e-6, comment)
        case "imtl-g": expect(direction(IMTLG(), jacobian), expected, 1e-9, comment)
        case "aligned-mtl": expect(direction(AlignedMTL(), jacobian), expected, 1e-9, comment)
        case "config": expect(direction(ConFIG(), jacobian), expected, 1e-9, comment)
        case "cagrad(c=0.5)": expect(direction(CAGrad(radius: 0.5), jacobian), expected, 1e-5, comment)
        case "upgrad", "dualproj":
          // TorchJD adds 1e-4 of the trace to the diagonal, where we add 1e-6: with its part, the results are the same.
          let gram = SymmetricMatrix(gramOf: jacobian)
          let definite = gram.adding(toDiagonal: (1e-4 - 1e-6) * gram.diagonal.reduce(0, +))
          let step = TaskStep(tasks: Array(jacobian.indices), of: jacobian.count, step: 0)
          let (theirs, ours) = method == "upgrad"
            ? (UPGrad().weights(definite, at: step), UPGrad().weights(gram, at: step))
            : (DualProj().weights(definite, at: step), DualProj().weights(gram, at: step))
          expect(direction(theirs, jacobian), expected, 1e-6, comment)
          expect(direction(ours, jacobian), expected, 5e-4, comment)
        case "nash-mtl" where name == "two":
          // TorchJD starts its iteration from equal weights, which is outside of its domain where the sum of the gradients
          // conflicts with one of them, as here, and then gives that start back: the sum, with length 1. That is no bargain:
          // one task's product with it is negative. Ours is one, and as long.
          let sum = direction(jacobian.map { _ in 1 }, jacobian)
          let length = product(sum, sum).squareRoot()
          expect(expected, sum.map { $0 / length }, 1e-6, comment)
          #expect(jacobian.contains { product($0, expected) < 0 })
          let (ours, bargain) = (weights(NashMTL(), jacobian), direction(NashMTL(), jacobian))
          expect(zip(ours, jacobian).map { $0 * product($1, bargain) }, [0.5, 0.5], 1e-5, comment)
        case "nash-mtl": expect(direction(NashMTL(), jacobian), expected, 1e-5, comment)
        default: Issue.record("\(method) has no test")
        }
      }
    }
  }

  // MARK: By hand

  @Test func perpendicularGradientsByHand() {
    // Of lengths 3 and 1.
    let rows: [[Double]] = [[3, 0], [0, 1]]
    expect(weights(MGDA(), rows), [0.1, 0.9])
    // Projections of equal length: w₁ · 3 = w₂ · 1.
    expect(weights(IMTLG(), rows), [0.25, 0.75])
    // Both become as long as the shorter.
    expect(direction(AlignedMTL(), rows), [0.5, 0.5])
    // The diagonal, as long as both projections onto it together: 4 / √2.
    expect(direction(ConFIG(), rows), [2, 2])
    // α = 1 / length, the sum √2 long, scaled to 1.
    expect(direction(NashMTL(), rows), [sqrt(0.5), sqrt(0.5)], 1e-5)
    // Nothing conflicts.
    expect(direction(PCGrad(), rows), [3, 1])
    expect(direction(DualProj(), rows), [1.5, 0.5])
    expect(direction(UPGrad(), rows), [1.5, 0.5])
    // The worst task gains most straight along it: radius · |mean| = 0.5 · √2.5 upwards.
    expect(direction(CAGrad(), rows), [1.5, 0.5 + 0.5 * sqrt(2.5)], 1e-6)
  }

  @Test func conflictingGradientsByHand() {
    // g₁·g₂ = −1; |g₁|² = 1, |g₂|² = 2.
    let rows: [[Double]] = [[1, 0], [-1, 1]]
    // g₁ + ½ g₂ and g₂ + g₁.
    expect(weights(PCGrad(), rows), [2, 1.5])
    // Half of each.
    expect(weights(UPGrad(), rows), [1, 0.75], 1e-5)
    // The mean (0, ½) conflicts with neither.
    expect(direction(DualProj(), rows), [0, 0.5], 1e-5)
    // On the segment from (1, 0) to (−1, 1), (0.2, 0.4) is nearest to 0.
    expect(direction(MGDA(), rows), [0.2, 0.4])
  }

  @Test func vaccinesByHand() {
    // The goal of the cosine of g₁ and g₂, which are perpendicular, is 0.6: g₁ + w g₂ with w = 2 · 0.6 / (1 · 0.8).
    var method = GradVac(taskCount: 3, rate: 0.25)
    method.state[1] = 0.6
    let gram = SymmetricMatrix(gramOf: [[2, 0], [0, 1]])
    expect(method.weights(gram, at: TaskStep(tasks: [0, 1], of: 3, step: 4)), [1, 1 + 1.5])
    expect(method.state, [0, 0.45, 0, 0, 0, 0, 0, 0, 0])
    // With goals of 0 it is PCGrad.
    let rows: [[Double]] = [[1, 0], [-1, 1]]
    expect(weights(GradVac(taskCount: 2), rows), [2, 1.5])
  }

  @Test(arguments: TestDevice.all) func signsAreDrawnByHowMuchHasThem(_ on: TestDevice) throws {
    let count = 4001
    func row(_ value: Float) -> [Tensor] { [Tensor(repeating: value, shape: [count], on: on.device)] }
    // Positive with the probability ½ (1 + (3 − 1) / (3 + 1)) = ¾.
    let gradients = try TaskGradients([row(2), row(-1), row(1)])
    #expect(gradients.gram[0, 1] == Double(-2 * count) && gradients.gram[2, 2] == Double(count))
    func draw(_ step: Int) throws -> [Float] {
      try GradDrop().combine(gradients, at: TaskStep(tasks: [0, 1, 2], of: 3, step: step)).direction[0].scalars()
    }
    let drawn = try draw(5)
    #expect(drawn.allSatisfy { $0 == 3 || $0 == -1 })
    #expect(abs(Double(drawn.count { $0 == 3 }) / Double(count) - 0.75) < 0.03)
    #expect(try draw(5) == drawn)
    #expect(try draw(6) != drawn)
    let agreed = try TaskGradients([row(2), row(1)])
    let sum = GradDrop().combine(agreed, at: TaskStep(tasks: [0, 1], of: 2, step: 0)).direction[0]
    #expect(try sum.scalars().allSatisfy { $0 == 3 })
  }

  // MARK: Properties

  @Test(arguments: MultiTaskSolverTests.Kind.allCases, [2, 3, 5, 8]) func eachKeepsItsPromise(
    _ kind: MultiTaskSolverTests.Kind, _ count: Int
  ) {
    for seed in 0..<10 as Range<UInt64> {
      let rows = MultiTaskSolverTests.gradients(kind, count: count, seed: seed)
      let trace = rows.reduce(0) { $0 + product($1, $1) }
      let comment = "\(kind), \(count), seed \(seed)" as Comment
      for weights in [weights(UPGrad(), rows), weights(DualProj(), rows)] {
        // What was added to the diagonal may take this much from a product, and no more.
        for (row, weight) in zip(rows, weights) {
          #expect(product(row, direction(weights, rows)) > -1e-6 * trace * weight - 1e-9 * trace, comment)
        }
      }
      let shortest = direction(MGDA(), rows)
      let square = product(shortest, shortest)
      for row in rows { #expect(product(row, shortest) >= square - 1e-9 * trace, comment) }
      if count == 2 {
        let projected = direction(PCGrad(), rows)
        for row in rows { #expect(product(row, projected) > -1e-9 * trace, comment) }
      }
      // CAGrad stays in its ball around the mean, and its worst task is no worse off than with the mean.
      let (mean, averse) = (direction(rows.map { _ in 1 / Double(count) }, rows), direction(CAGrad(), rows))
      let distance = zip(averse, mean).map { $0 - $1 }
      #expect(product(distance, distance) <= 0.25 * product(mean, mean) * (1 + 1e-6) + 1e-12, comment)
      #expect(
        rows.map { product($0, averse) }.min()! >= rows.map { product($0, mean) }.min()! - 1e-6 * trace, comment)
      guard kind == .random else { continue }
      let (fair, aligned) = (direction(ConFIG(), rows), direction(IMTLG(), rows))
      let lengths = rows.map { product($0, $0).squareRoot() }
      for i in 1..<count {
        for direction in [fair, aligned] {
          let length = product(direction, direction).squareRoot()
          let cosines = [0, i].map { product(rows[$0], direction) / lengths[$0] / length }
          #expect(abs(cosines[0] - cosines[1]) < 1e-6, comment)
        }
      }
      #expect(product(rows[0], fair) > 0, comment)
    }
  }

  /// Nothing is NaN, whatever the gradients, and a gradient of 0 changes no other weight's sign into infinity.
  @Test(arguments: GradientAggregation.allCases, MultiTaskSolverTests.Kind.allCases) func degenerateGradientsAreFinite(
    _ aggregation: GradientAggregation, _ kind: MultiTaskSolverTests.Kind
  ) throws {
    for count in [1, 2, 3, 5] {
      let rows = MultiTaskSolverTests.gradients(kind, count: count, seed: 3)
      let device = TestDevice.cpu
      let gradients = try TaskGradients(rows.map { [Tensor($0.map(Float.init), shape: [$0.count], on: device)] })
      var method = aggregation.aggregator(taskCount: count)
      let combined = method.combine(gradients, at: TaskStep(tasks: Array(0..<count), of: count, step: 1))
      #expect(try combined.direction[0].scalars().allSatisfy { $0.isFinite && abs($0) < 1e3 }, "\(count) tasks")
      #expect(combined.weights?.allSatisfy(\.isFinite) ?? (aggregation == .gradDrop))
    }
  }

  /// The order of the tasks means nothing.
  @Test func tasksMayChangePlaces() {
    let rows = MultiTaskSolverTests.gradients(.random, count: 4, seed: 11)
    let others = [2, 0, 3, 1].map { rows[$0] }
    func same(_ method: some GramAggregator) { expect(direction(method, rows), direction(method, others), 1e-8) }
    same(MGDA())
    same(CAGrad())
    same(IMTLG())
    same(AlignedMTL())
    same(ConFIG())
    same(NashMTL())
    same(DualProj())
    same(UPGrad())
  }
}
