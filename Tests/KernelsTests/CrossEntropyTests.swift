import Foundation
import Testing

@testable import Kernels

@Suite struct CrossEntropyTests {
  @Test(arguments: Target.all, [Float(1), 1000]) func agreesWithPyTorchsDefinition(_ target: Target, _ range: Float) throws {
    let device = target.device
    var numbers = TestNumbers(90)
    for classes in [1, 3, 17, 33, 129, 257] {
      for rows in [1, 17] {
        let logits = numbers.floats(rows * classes).map { $0 * range }
        let dloss = numbers.floats(rows)
        // The last label is ignored, if there is another.
        let labels = (0..<rows).map { Int32(rows > 1 && $0 == rows - 1 ? -100 : $0 * 7 % classes) }
        let soft = numbers.floats(rows * classes).map { $0 + 1 }
        let logarithms = (0..<rows).flatMap { row -> [Double] in
          let line = logits[row * classes..<(row + 1) * classes].map { Double($0) }
          let largest = line.max()!
          let sum = log(line.reduce(0) { $0 + exp($1 - largest) })
          return line.map { $0 - largest - sum }
        }
        let classWeights = numbers.floats(classes).map { $0 + 1.5 }
        for (isSoft, isWeighted) in [(false, false), (false, true), (true, false), (true, true)] {
          for smoothing in [0, 0.1] {
            let shares = logits.indices.map { i -> Double in
              let (row, k) = (i / classes, i % classes)
              guard isSoft || labels[row] >= 0 else { return 0 }
              let hit = isSoft ? Double(soft[i]) : labels[row] == k ? 1 : 0
              return (isWeighted ? Double(classWeights[k]) : 1) * ((1 - smoothing) * hit + smoothing / Double(classes))
            }
            let losses = (0..<rows).map { row in
              -(row * classes..<(row + 1) * classes).reduce(0.0) { $0 + shares[$1] * logarithms[$1] }
            }
            let shape = CrossEntropyShape(
              rows: rows, classes: classes, smoothing: Float(smoothing),
              weights: isWeighted ? device.makeBuffer(classWeights) : nil)
            let against = isSoft
              ? CrossEntropyTarget.probabilities(device.makeBuffer(soft))
              : .labels(device.makeBuffer(labels), ignored: -100)
            let comment: Comment = "\(rows)x\(classes), ±\(range), soft \(isSoft), weights \(isWeighted), \(smoothing)"
            let buffer = device.makeBuffer(logits)
            let (loss, weight) = device.crossEntropy(buffer, against, shape)
            expectClose(try device.read(loss, as: Float.self, count: rows), losses, depth: classes, comment)
            let gradient = device.crossEntropyBackward(buffer, against, shape, dloss: device.makeBuffer(dloss))
            let expected = logits.indices.map { i -> Double in
              let row = i / classes
              let total = shares[row * classes..<(row + 1) * classes].reduce(0, +)
              return Double(dloss[row]) * (exp(logarithms[i]) * total - shares[i])
            }
            expectClose(
              try device.read(gradient, as: Float.self, count: logits.count), expected, depth: classes, comment)
            guard let weight else { continue }
            let counted = labels.map { $0 < 0 ? 0 : isWeighted ? Double(classWeights[Int($0)]) : 1 }
            expectClose(try device.read(weight, as: Float.self, count: rows), counted, comment)
            let mean = device.weightedMean(loss, weight: weight, rows: rows)
            expectClose(
              try device.read(mean.mean, as: Float.self, count: 1), [losses.reduce(0, +) / counted.reduce(0, +)],
              depth: classes, comment)
          }
        }
      }
    }
  }

  @Test(arguments: Target.all) func ignoredRowsCostNothingWhateverTheyHold(_ target: Target) throws {
    let device = target.device
    let logits = device.makeBuffer([Float.nan, 1, 2, .infinity, 0, 0])
    let against = CrossEntropyTarget.labels(device.makeBuffer([Int32(7), 7]), ignored: 7)
    let shape = CrossEntropyShape(rows: 2, classes: 3, smoothing: 0.1)
    let (loss, weight) = device.crossEntropy(logits, against, shape)
    #expect(try device.read(loss, as: Float.self, count: 2) == [0, 0])
    let (mean, inverse) = device.weightedMean(loss, weight: weight!, rows: 2)
    #expect(try device.read(mean, as: Float.self, count: 1) == [0])
    #expect(try device.read(inverse, as: Float.self, count: 1) == [0])
    let gradient = device.crossEntropyBackward(logits, against, shape, dloss: inverse, isShared: true)
    #expect(try device.read(gradient, as: Float.self, count: 6) == [0, 0, 0, 0, 0, 0])
  }

  @Test(arguments: Target.all) func aLabelThatIsNoClassShows(_ target: Target) throws {
    let device = target.device
    let logits = device.fill(1, count: 9)
    let against = CrossEntropyTarget.labels(device.makeBuffer([Int32(3), 1, -1]), ignored: -100)
    let (loss, _) = device.crossEntropy(logits, against, CrossEntropyShape(rows: 3, classes: 3))
    #expect(try device.read(loss, as: Float.self, count: 3).map(\.isNaN) == [true, false, true])
  }

  @Test(arguments: Target.all) func aClassThatIsRuledOutCostsNothing(_ target: Target) throws {
    let device = target.device
    let against = CrossEntropyTarget.labels(device.makeBuffer([Int32(0)]), ignored: -100)
    let (loss, _) = device.crossEntropy(
      device.makeBuffer([Float(2), 2, -.infinity]), against, CrossEntropyShape(rows: 1, classes: 3))
    expectClose(try device.read(loss, as: Float.self, count: 1), [log(2.0)])
  }

  @Test(arguments: Target.all) func elementsAgreeWithFormulas(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(91)
    for count in [1, 3, 17, 33, 129, 257, 8200] {
      // Some far away: the exponential of 1000 is infinite.
      let x = numbers.floats(count).enumerated().map { $0 % 5 == 0 ? $1 * 1000 : $1 * 3 }
      let (goal, dy) = (numbers.floats(count), numbers.floats(count))
      let (xs, goals, dys) = (device.makeBuffer(x), device.makeBuffer(goal), device.makeBuffer(dy))
      for (loss, value, slope) in Self.formulas {
        expectClose(
          try device.read(device.elementLoss(xs, target: goals, loss, count: count), as: Float.self, count: count),
          zip(x, goal).map { value(Double($0), Double($1)) }, "\(loss) of \(count)")
        expectClose(
          try device.read(
            device.elementLossBackward(xs, target: goals, dy: dys, loss, count: count), as: Float.self, count: count),
          x.indices.map { slope(Double(x[$0]), Double(goal[$0])) * Double(dy[$0]) }, "gradient of \(loss) of \(count)")
      }
    }
  }

  private typealias Formula = @Sendable (Double, Double) -> Double
  private static let formulas: [(ElementLoss, Formula, Formula)] = [
    (.squared, { ($0 - $1) * ($0 - $1) }, { 2 * ($0 - $1) }),
    (.absolute, { abs($0 - $1) }, { sign($0 - $1) }),
    (
      .huber(delta: 0.75),
      { x, t in abs(x - t) <= 0.75 ? (x - t) * (x - t) / 2 : 0.75 * (abs(x - t) - 0.375) },
      { x, t in abs(x - t) <= 0.75 ? x - t : 0.75 * sign(x - t) }
    ),
    (
      .smoothL1(beta: 0.5), { x, t in abs(x - t) < 0.5 ? (x - t) * (x - t) : abs(x - t) - 0.25 },
      { x, t in abs(x - t) < 0.5 ? 2 * (x - t) : sign(x - t) }
    ),
    (
      .binaryCrossEntropy, { x, t in max(x, 0) - x * t + log1p(exp(-abs(x))) },
      { x, t in (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))) - t }
    ),
  ]
}

private func sign(_ x: Double) -> Double { x > 0 ? 1 : x < 0 ? -1 : 0 }
