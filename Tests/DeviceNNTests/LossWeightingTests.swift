import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// Each weighting against its paper's formula, on cases worked by hand.
@Suite struct LossWeightingTests {
  private let device = TestDevice.cpu

  /// Losses of tasks 0, 1, …, nil for one without a label; tracked, so that the weights are gradients.
  private func losses(_ values: [Float?], step: Int = 0, seed: UInt64 = 0) -> TaskLosses {
    let tasks = values.indices.filter { values[$0] != nil }
    return TaskLosses(
      tasks.map { Tensor([values[$0]!], shape: [], on: device).tracked },
      at: TaskStep(tasks: tasks, of: values.count, step: step, seed: seed), names: values.indices.map { "task \($0)" })
  }

  /// The weights that the terms' gradients show, having checked that the reported ones are the same.
  private func weights(_ method: inout some LossWeighting, _ losses: TaskLosses) throws -> [Double] {
    let (terms, reported) = try method.terms(losses)
    let gradients = terms.dropFirst().reduce(terms[0], +).gradients()
    let weights = try losses.tensors.map { Double(try #require(gradients[$0]).scalar()) }
    expect(try reported.values(), weights)
    return weights
  }

  private func expect(
    _ actual: [Double], _ expected: [Double], _ tolerance: Double = 1e-5, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let isClose = actual.count == expected.count
      && zip(actual, expected).allSatisfy { abs($0 - $1) <= tolerance * (1 + abs($1)) }
    #expect(isClose, "\(actual), not \(expected)", sourceLocation: sourceLocation)
  }

  @Test func fixedWeights() throws {
    var equal = EqualWeighting()
    #expect(try weights(&equal, losses([2, 3])) == [1, 1])
    var fixed = StaticWeighting([0.5, 2, 4])
    #expect(try weights(&fixed, losses([2, nil, 3])) == [0.5, 4])
  }

  @Test func randomWeightsAreAFunctionOfSeedAndStep() throws {
    var random = RandomWeighting()
    let first = try weights(&random, losses([1, 1, 1], step: 7, seed: 3))
    #expect(abs(first.reduce(0, +) - 1) < 1e-6 && first.allSatisfy { $0 > 0 })
    var again = RandomWeighting()
    #expect(try weights(&again, losses([5, 1, 2], step: 7, seed: 3)) == first)
    #expect(try weights(&random, losses([1, 1, 1], step: 8, seed: 3)) != first)
    #expect(try weights(&random, losses([1, 1, 1], step: 7, seed: 4)) != first)
    // The softmax of what was drawn for the tasks that are there.
    let pair = try weights(&random, losses([1, nil, 1], step: 7, seed: 3))
    expect([pair[0] / pair[1]], [first[0] / first[2]])
    var mean = 0.0
    for step in 0..<200 { mean += try random.terms(losses([1, 1], step: step)).weights.values()[0] / 200 }
    #expect(abs(mean - 0.5) < 0.06)
  }

  /// √(2 · 8) = 4: derivatives ½ · 4 / L.
  @Test func geometricMeanByHand() throws {
    var method = GeometricMeanWeighting()
    expect(try weights(&method, losses([2, nil, 8])), [1, 0.25])
    expect(try method.terms(losses([2, nil, 8])).terms.map { Double(try $0.scalar()) }, [2, 2])
    expect(try weights(&method, losses([3])), [1])
    #expect(try weights(&method, losses([0, 1])).allSatisfy { $0.isFinite && $0 > 0 })
  }

  /// s = log 4 and 0: ½ · 2 / 4 + ½ log 4 and ½ · 3; derivatives by s −½ · 2 / 4 + ½ and −½ · 3 + ½.
  @Test func uncertaintyByHand() throws {
    var method = UncertaintyWeighting(taskCount: 3, on: device)
    method.parameters[0].assign([Float(log(4.0))])
    let losses = losses([2, nil, 3])
    expect(try weights(&method, losses), [0.125, 0.5])
    let terms = try method.terms(losses).terms
    expect(try terms.map { Double(try $0.scalar()) }, [0.25 + log(4.0) / 2, 1.5])
    let gradients = (terms[0] + terms[1]).gradients()
    expect([Double(try gradients[method.parameters[0]]!.scalar()), Double(try gradients[method.parameters[2]]!.scalar())], [0.25, -1])
    #expect(gradients[method.parameters[1]] == nil)
  }

  /// s = log ½: ½ L − log ½; the derivative by s is ½ L − 1, which is 0 at L = 2.
  @Test func imtlLByHand() throws {
    var method = IMTLLWeighting(taskCount: 2, on: device)
    method.parameters[0].assign([Float(log(0.5))])
    let losses = losses([2, 3])
    expect(try weights(&method, losses), [0.5, 1])
    let terms = try method.terms(losses).terms
    expect(try terms.map { Double(try $0.scalar()) }, [1 + log(2.0), 3])
    let gradients = (terms[0] + terms[1]).gradients()
    expect(try method.parameters.map { Double(try #require(gradients[$0]).scalar()) }, [0, 2])
  }

  /// Means of 4 and 2, then 2 and 2: ratios ½ and 1; 2 · softmax(¼, ½).
  @Test func dynamicWeightAverageByHand() throws {
    var method = DynamicWeightAverage(taskCount: 2)
    for values in [[3, 2], [5, nil]] as [[Float?]] { #expect(try weights(&method, losses(values)).allSatisfy { $0 == 1 }) }
    try method.endEpoch()
    #expect(try weights(&method, losses([2, 2])) == [1, 1])
    try method.endEpoch()
    #expect(method.state == [2, 2, 4, 2])
    let (a, b) = (exp(0.25), exp(0.5))
    expect(try weights(&method, losses([7, 7])), [2 * a / (a + b), 2 * b / (a + b)])
    expect(try weights(&method, losses([nil, 7])), [1])
    // A task that was not seen in an epoch counts as one that did not change.
    try method.endEpoch()
    #expect(method.state[..<2] == [7, 7])
    _ = try method.terms(losses([7, nil]))
    try method.endEpoch()
    expect(try weights(&method, losses([1, 1])), [1, 1])
  }

  /// f = log(2 / 4) and log(3 / 1) with μ = 1: 2 · log(½ + 3), derivatives 2 · ¼ / 3.5 and 2 · 1 / 3.5.
  @Test func smoothTchebycheffByHand() throws {
    var method = SmoothTchebycheff(taskCount: 2)
    #expect(try weights(&method, losses([3, 1])) == [1, 1])
    #expect(try weights(&method, losses([5, nil])) == [1])
    try method.endEpoch()
    #expect(method.state == [4, 1])
    expect(try weights(&method, losses([2, 3])), [0.5 / 3.5, 2 / 3.5])
    // The nearer μ is to 0, the more the largest counts alone: 2 / 3.
    var sharp = SmoothTchebycheff(taskCount: 2, smoothing: 0.1)
    sharp.state = [4, 1]
    expect(try weights(&sharp, losses([2, 3])), [0, 2.0 / 3], 1e-4)
  }

  /// Lengths 3 and 1 of the weighted gradients, mean 2; losses at ½ and 1 of the first ones, over their mean ⅔ and 4/3. With
  /// an asymmetry of 1 the goals are 4/3 and 8/3: the first is above, the second below.
  @Test func gradNormByHand() throws {
    var method = GradNorm(taskCount: 2, asymmetry: 1, rate: 0.1)
    #expect(try weights(&method, losses([4, 5])) == [1, 1])
    try method.learn(gradientNorms: [2, 2], of: losses([4, 5]))
    #expect(method.state == [1, 1, 4, 5])
    try method.learn(gradientNorms: [3, 1], of: losses([2, 5]))
    // 1 − 0.1 · 3 / 2 and 1 + 0.1 · 1 / 2, then scaled to add up to 2.
    expect(method.state, [0.85 * 2 / 1.9, 1.05 * 2 / 1.9, 4, 5], 1e-12)
    expect(try weights(&method, losses([1, 1])), [0.85 * 2 / 1.9, 1.05 * 2 / 1.9])
    // One task alone keeps its weight.
    try method.learn(gradientNorms: [3], of: losses([nil, 5]))
    expect(method.state, [0.85 * 2 / 1.9, 1.05 * 2 / 1.9, 4, 5], 1e-12)
  }

  /// z = ½: weights (½ / 2) / (½ / 2 + ½ / 4) and its complement.
  @Test func famoByHand() throws {
    var method = FAMO(taskCount: 2)
    expect(try weights(&method, losses([2, 4])), [2.0 / 3, 1.0 / 3])
    // The first loss fell by log 2, the second not at all: ξ moves by ∓ the rate, as Adam's first step does.
    let (a, b) = (exp(-0.025), exp(0.025))
    expect(try weights(&method, losses([1, 4])), [a / (a + b / 4), b / 4 / (a + b / 4)])
    expect(Array(method.state[..<2]), [-0.025, 0.025], 1e-6)
    // Its slope, ½ · (log 2 − ½ log 2), is in the moments.
    expect(Array(method.state[2..<4]), [0.1 * log(2) / 4, -0.1 * log(2) / 4], 1e-6)
    let before = method.state
    expect(try weights(&method, losses([nil, 4])), [1])
    #expect(method.state[0] == before[0] && method.state[8] == before[8])
  }

  @Test func readingNamesTheTaskWhoseLossIsNotFinite() {
    #expect(throws: MultiTaskError.lossNotFinite(task: "task 2", value: .infinity, step: 4)) {
      try self.losses([1, nil, .infinity], step: 4).values()
    }
    #expect("\(MultiTaskError.lossNotFinite(task: "age", value: .infinity, step: 4))".contains("'age' is inf at step 5"))
    #expect(throws: MultiTaskError.self) {
      var famo = FAMO(taskCount: 2)
      _ = try famo.terms(self.losses([1, .nan]))
    }
  }
}
