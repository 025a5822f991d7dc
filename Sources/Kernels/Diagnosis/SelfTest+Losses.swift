// Losses beside softmax's cross-entropy with labels.
import Foundation

extension SelfTest {
  static let losses = [
    SelfTest("losses of single elements") { probe in
      let (device, count) = (probe.device, 9001)
      let (x, t, dy) = (probe.numbers(count).map { 3 * $0 }, probe.numbers(count).map { abs($0) }, probe.numbers(count))
      let (p, target, g) = (device.makeBuffer(x), device.makeBuffer(t), device.makeBuffer(dy))
      for kind in [ElementLoss.squared, .absolute, .huber(delta: 0.5), .smoothL1(beta: 0.5), .binaryCrossEntropy] {
        func loss(_ i: Int, _ step: Double) -> Double { value(kind, Double(x[i]) + step, Double(t[i])) }
        try probe.expect(
          device.elementLoss(p, target: target, kind, count: count), x.indices.map { loss($0, 0) }, "\(kind)")
        try probe.expect(
          device.elementLossBackward(p, target: target, dy: g, kind, count: count),
          x.indices.map { Double(dy[$0]) * (loss($0, 1e-6) - loss($0, -1e-6)) / 2e-6 }, "the gradient of \(kind)")
      }
    },
    SelfTest("cross-entropy with probabilities") { probe in
      let device = probe.device
      for (rows, classes) in [(3, 7), (2, 300)] {
        let shares = probe.numbers(rows * classes).map { abs($0) }
        let target = CrossEntropyTarget.probabilities(device.makeBuffer(shares))
        let shape = CrossEntropyShape(rows: rows, classes: classes)
        try probe.expect("cross-entropy of \(classes)", depth: classes, [probe.numbers(rows * classes)]) { x in
          (0..<rows).map { r in
            let range = r * classes..<(r + 1) * classes
            let sum = log(range.reduce(0) { $0 + exp(x[0][$1]) })
            return range.reduce(0) { $0 + Double(shares[$1]) * (sum - x[0][$1]) }
          }
        } operation: { x in
          let loss = device.crossEntropy(x[0], target, shape).loss
          return (loss, { [device.crossEntropyBackward(x[0], target, shape, dloss: $0)] })
        }
        try probe.expect("log softmax of \(classes)", depth: classes, [probe.numbers(rows * classes)]) { x in
          let sums = (0..<rows).map { r in log((0..<classes).reduce(0) { $0 + exp(x[0][r * classes + $1]) }) }
          return x[0].indices.map { x[0][$0] - sums[$0 / classes] }
        } operation: { x in
          let y = device.logSoftmax(x[0], rows: rows, classes: classes)
          return (y, { [device.logSoftmaxBackward(y, dy: $0, rows: rows, classes: classes)] })
        }
      }
      let (loss, weight) = (probe.numbers(300), probe.numbers(300, plus: 2))
      let mean = device.weightedMean(device.makeBuffer(loss), weight: device.makeBuffer(weight), rows: 300)
      let total = weight.reduce(0) { $0 + Double($1) }
      try probe.expect(mean.mean, [loss.reduce(0) { $0 + Double($1) } / total], "a weighted mean")
      try probe.expect(mean.inverse, [1 / total], "a weighted mean's gradient")
    },
    SelfTest("connectionist temporal classification") { probe in
      let device = probe.device
      let (labels, shape) = ([[1, 1], [2, 1, 2]], CTCShape(steps: 6, batch: 2, classes: 3, most: 3))
      let targets = CTCTargets(
        labels: device.makeBuffer([1, 1, 0, 2, 1, 2] as [Int32]), inputLengths: device.makeBuffer([6, 6] as [Int32]),
        targetLengths: device.makeBuffer([2, 3] as [Int32]))
      // Every path of six steps, and what is left of it without repetitions and blanks.
      let paths = (0..<729).map { number in (0..<6).map { number / [1, 3, 9, 27, 81, 243][$0] % 3 } }
      let collapsed = paths.map { path in
        path.indices.filter { ($0 == 0 || path[$0] != path[$0 - 1]) && path[$0] != 0 }.map { path[$0] }
      }
      try probe.expect("CTC", depth: 64, [probe.numbers(6 * 2 * 3, plus: -2)]) { x in
        labels.enumerated().map { n, wanted in
          var probability = 0.0
          for (path, labels) in zip(paths, collapsed) where labels == wanted {
            probability += exp(path.enumerated().reduce(0) { $0 + x[0][($1.offset * 2 + n) * 3 + $1.element] })
          }
          return -log(probability)
        }
      } operation: { x in
        let (loss, alpha) = device.ctc(x[0], targets, shape)
        return (loss, { [device.ctcBackward(x[0], targets, shape, loss: loss, alpha: alpha, dloss: $0)] })
      }
    },
  ]

  private static func value(_ loss: ElementLoss, _ x: Double, _ target: Double) -> Double {
    let size = abs(x - target)
    return switch loss {
    case .squared: size * size
    case .absolute: size
    case .huber(let delta): size < Double(delta) ? size * size / 2 : Double(delta) * (size - Double(delta) / 2)
    case .smoothL1(let beta): size < Double(beta) ? size * size / 2 / Double(beta) : size - Double(beta) / 2
    case .binaryCrossEntropy: log(1 + exp(x)) - x * target
    }
  }
}
