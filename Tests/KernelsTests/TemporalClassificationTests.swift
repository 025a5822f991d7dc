import Foundation
import Testing

@testable import Kernels

@Suite struct TemporalClassificationTests {
  @Test(arguments: Target.all) func isTheSumOverAllPaths(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(95)
    // Few enough steps to enumerate every path of 4 classes.
    for labels in [[], [1], [1, 1], [1, 2], [2, 1, 3], [3, 3, 3]] as [[Int]] {
      let (steps, classes) = (6, 4)
      let logits = numbers.floats(steps * classes).map { Double($0) * 3 }
      let x = (0..<steps).flatMap { t -> [Double] in
        let line = logits[t * classes..<(t + 1) * classes]
        let sum = log(line.reduce(0) { $0 + exp($1) })
        return line.map { $0 - sum }
      }
      var (total, occupied) = (0.0, [Double](repeating: 0, count: x.count))
      for number in 0..<4096 {
        let path = (0..<steps).map { number >> (2 * $0) & 3 }
        let collapsed = path.indices.filter { $0 == 0 || path[$0] != path[$0 - 1] }.map { path[$0] }.filter { $0 != 0 }
        guard collapsed == labels else { continue }
        let probability = exp(path.enumerated().reduce(0.0) { $0 + x[$1.offset * classes + $1.element] })
        total += probability
        for (t, label) in path.enumerated() { occupied[t * classes + label] += probability }
      }
      try check(
        device, x: x, labels: [labels], lengths: [steps], classes: classes, loss: [-log(total)],
        gradient: occupied.map { -$0 / total }, "labels \(labels)")
    }
  }

  @Test(arguments: Target.all) func longSequencesAgreeWithTheRecursionInDouble(_ target: Target) throws {
    var numbers = TestNumbers(96)
    for (steps, classes, range) in [(33, 17, 3.0), (129, 33, 20), (65, 257, 3)] {
      // Three sequences of different lengths, one with repetitions.
      let labels = [3, 9, 1].map { count in (0..<count).map { 1 + $0 / 2 * 5 % (classes - 1) } }
      let lengths = [steps, steps - 5, 1]
      let x = (0..<steps * 3).flatMap { _ -> [Double] in
        let line = numbers.floats(classes).map { Double($0) * range }
        let sum = log(line.reduce(0) { $0 + exp($1) })
        return line.map { $0 - sum }
      }
      var (losses, gradient) = ([Double](), [Double](repeating: 0, count: x.count))
      for n in 0..<3 {
        let (loss, slopes) = Self.recursion(labels[n], steps: lengths[n]) { t, c in Double(Float(x[(t * 3 + n) * classes + c])) }
        losses.append(loss)
        for (t, c, slope) in slopes { gradient[(t * 3 + n) * classes + c] += slope }
      }
      try check(
        target.device, x: x, labels: labels, lengths: lengths, classes: classes, loss: losses, gradient: gradient,
        "\(steps) steps of \(classes)")
    }
  }

  @Test(arguments: Target.all) func tooFewStepsCostInfinitelyAndTeachNothing(_ target: Target) throws {
    try check(
      target.device, x: [Double](repeating: log(0.25), count: 8), labels: [[1, 1]], lengths: [2], classes: 4,
      loss: [.infinity], gradient: [Double](repeating: 0, count: 8), "two steps")
  }

  /// -log P, and (step, class, slope) for each state of each step; the blank is 0.
  private static func recursion(
    _ labels: [Int], steps: Int, _ x: (Int, Int) -> Double
  ) -> (Double, [(Int, Int, Double)]) {
    let states = (0...2 * labels.count).map { $0 % 2 == 0 ? 0 : labels[$0 / 2] }
    func sum(_ values: [Double]) -> Double {
      let largest = values.max()!
      return largest == -.infinity ? largest : largest + log(values.reduce(0) { $0 + exp($1 - largest) })
    }
    func skips(_ s: Int) -> Bool { s > 1 && s % 2 == 1 && states[s] != states[s - 2] }
    var alpha = [[Double]](), beta = [[Double]](repeating: [], count: steps)
    for t in 0..<steps {
      alpha.append(states.indices.map { s in
        guard t > 0 else { return s < 2 ? x(0, states[s]) : -.infinity }
        let last = alpha[t - 1]
        return sum([last[s], s > 0 ? last[s - 1] : -.infinity, skips(s) ? last[s - 2] : -.infinity]) + x(t, states[s])
      })
    }
    for t in (0..<steps).reversed() {
      beta[t] = states.indices.map { s in
        guard t < steps - 1 else { return s >= states.count - 2 ? 0 : -.infinity }
        return sum((s...min(s + 2, states.count - 1)).map {
          $0 < s + 2 || skips($0) ? beta[t + 1][$0] + x(t + 1, states[$0]) : -.infinity
        })
      }
    }
    let total = sum(Array(alpha[steps - 1].suffix(2)))
    guard total > -.infinity else { return (.infinity, []) }
    return (-total, (0..<steps).flatMap { t in states.indices.map { (t, states[$0], -exp(alpha[t][$0] + beta[t][$0] - total)) } })
  }

  private func check(
    _ device: Device, x: [Double], labels: [[Int]], lengths: [Int], classes: Int, loss: [Double], gradient: [Double],
    _ comment: Comment
  ) throws {
    let (batch, most) = (labels.count, max(1, labels.map(\.count).max()!))
    let shape = CTCShape(steps: x.count / batch / classes, batch: batch, classes: classes, most: most)
    let targets = CTCTargets(
      labels: device.makeBuffer(labels.flatMap { line in (0..<most).map { $0 < line.count ? Int32(line[$0]) : 0 } }),
      inputLengths: device.makeBuffer(lengths.map { Int32($0) }),
      targetLengths: device.makeBuffer(labels.map { Int32($0.count) }))
    let buffer = device.makeBuffer(x.map { Float($0) })
    let (found, alpha) = device.ctc(buffer, targets, shape)
    let losses = try device.read(found, as: Float.self, count: batch)
    for (found, expected) in zip(losses, loss) {
      #expect(Double(found) == expected || abs(Double(found) - expected) <= 1e-5 + 1e-5 * expected, "\(found), not \(expected); \(comment)")
    }
    let dx = device.ctcBackward(
      buffer, targets, shape, loss: found, alpha: alpha, dloss: device.fill(1, count: batch))
    // A probability is exp of a sum of logarithms near the loss, whose last place it cannot better.
    let bound = 1e-5 + 4e-7 * (loss.filter(\.isFinite).max() ?? 0)
    for (i, (found, expected)) in zip(try device.read(dx, as: Float.self, count: x.count), gradient).enumerated()
    where !(abs(Double(found) - expected) <= bound) {
      Issue.record("gradient \(i) is \(found), not \(expected); \(comment)")
      return
    }
  }
}
