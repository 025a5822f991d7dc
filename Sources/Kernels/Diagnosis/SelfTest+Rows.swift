// What sums along rows or columns: reductions, batch normalization, softmax and its cross-entropy.
import Foundation

extension SelfTest {
  static let rows = [
    SelfTest("reductions") { probe in
      let device = probe.device
      for (outer, axis, inner) in [(3, 17, 5), (2, 2100, 33), (1, 9001, 1)] {
        let (x, dy) = (probe.numbers(outer * axis * inner), probe.numbers(outer * inner))
        var sums = dy.map { _ in 0.0 }
        var best = dy.map { _ in 0 }
        for o in dy.indices {
          let column = (0..<axis).map { x[(o / inner * axis + $0) * inner + o % inner] }
          sums[o] = column.reduce(0) { $0 + Double($1) }
          best[o] = column.indices.reduce(0) { column[$1] > column[$0] ? $1 : $0 }
        }
        let places = best.indices.map { ($0 / inner * axis + best[$0]) * inner + $0 % inner }
        var (spread, placed) = (x.map { _ in 0.0 }, x.map { _ in 0.0 })
        for i in x.indices { spread[i] = Double(dy[i / inner / axis * inner + i % inner]) }
        for (o, place) in places.enumerated() { placed[place] = Double(dy[o]) }
        let (p, g) = (device.makeBuffer(x), device.makeBuffer(dy))
        try probe.expect(device.sum(p, outer: outer, axis: axis, inner: inner), sums, depth: axis, "a sum of \(axis)")
        try probe.expect(device.broadcast(g, outer: outer, axis: axis, inner: inner), spread, "the gradient of a sum")
        let (values, indices) = device.maximum(p, outer: outer, axis: axis, inner: inner)
        try probe.expect(values, places.map { Double(x[$0]) }, "a maximum of \(axis)")
        try probe.expect(
          device.maximumBackward(indices, dy: g, outer: outer, axis: axis, inner: inner), placed, "the gradient of a maximum")
      }
    },
    SelfTest("batch normalization") { probe in
      for (rows, channels) in [(7, 3), (300, 130)] { try checkBatchNormalization(rows, channels, probe) }
    },
    SelfTest("softmax and cross-entropy") { probe in
      let device = probe.device
      for (rows, classes) in [(3, 10), (5, 1000)] {
        let (x, dy) = (probe.numbers(rows * classes).map { 4 * $0 }, probe.numbers(rows * classes))
        let labels = (0..<rows).map { Int32($0 * 3 % classes) }
        var (y, dx, loss, dloss) = (x.map { _ in 0.0 }, x.map { _ in 0.0 }, labels.map { _ in 0.0 }, x.map { _ in 0.0 })
        for r in 0..<rows {
          let range = r * classes..<(r + 1) * classes
          let sum = range.reduce(0) { $0 + exp(Double(x[$1])) }
          for i in range { y[i] = exp(Double(x[i])) / sum }
          let dot = range.reduce(0) { $0 + y[$1] * Double(dy[$1]) }
          for i in range {
            dx[i] = y[i] * (Double(dy[i]) - dot)
            let target = (i - r * classes == Int(labels[r]) ? 0.9 : 0) + 0.1 / Double(classes)
            loss[r] -= target * log(y[i])
            dloss[i] = y[i] - target
          }
        }
        let p = device.makeBuffer(x)
        let target = CrossEntropyTarget.labels(device.makeBuffer(labels), ignored: -1)
        let shape = CrossEntropyShape(rows: rows, classes: classes, smoothing: 0.1)
        let result = device.softmax(p, rows: rows, classes: classes)
        try probe.expect(result, y, "softmax of \(classes)")
        try probe.expect(
          device.softmaxBackward(result, dy: device.makeBuffer(dy), rows: rows, classes: classes), dx, "dx of softmax")
        let (losses, weights) = device.crossEntropy(p, target, shape)
        try probe.expect(losses, loss, depth: classes, "cross-entropy")
        try probe.expect(weights!, labels.map { _ in 1 }, "weights of cross-entropy")
        try probe.expect(
          device.crossEntropyBackward(p, target, shape, dloss: device.fill(1, count: rows)), dloss, "dx of cross-entropy")
      }
    },
  ]

  /// Training's pass: with the batch's own statistics, through which the gradient flows.
  private static func checkBatchNormalization(_ rows: Int, _ c: Int, _ probe: Probe) throws {
    let device = probe.device
    let (x, dy) = (probe.numbers(rows * c), probe.numbers(rows * c))
    let (gamma, beta) = (probe.numbers(c, plus: 2), probe.numbers(c))
    let (count, epsilon) = (Double(rows), 1e-3)
    var (y, dx) = (x.map { _ in 0.0 }, x.map { _ in 0.0 })
    var (dgamma, dbeta) = (gamma.map { _ in 0.0 }, gamma.map { _ in 0.0 })
    for k in 0..<c {
      let places = (0..<rows).map { $0 * c + k }
      let mean = places.reduce(0) { $0 + Double(x[$1]) } / count
      let variance = places.reduce(0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) } / count
      let inverse = 1 / (variance + epsilon).squareRoot()
      func normal(_ i: Int) -> Double { (Double(x[i]) - mean) * inverse }
      for i in places {
        y[i] = Double(gamma[k]) * normal(i) + Double(beta[k])
        dgamma[k] += Double(dy[i]) * normal(i)
        dbeta[k] += Double(dy[i])
      }
      for i in places {
        dx[i] = Double(gamma[k]) * inverse * (Double(dy[i]) - (dbeta[k] + normal(i) * dgamma[k]) / count)
      }
    }
    let shape = BatchNormShape(rows: rows, channels: c)
    let p = device.makeBuffer(x)
    let statistics = device.batchNormStatistics(
      p, shape, gamma: device.makeBuffer(gamma), beta: device.makeBuffer(beta), runningMean: device.fill(0, count: c),
      runningVariance: device.fill(1, count: c), momentum: 0.1, epsilon: Float(epsilon))
    try probe.expect(
      device.batchNormApply(p, shape, statistics, residual: nil, activation: .none), y, depth: 256, "batch normalization")
    let gradients = device.batchNormBackward(
      p, dy: device.makeBuffer(dy), shape, statistics, activation: .none, needsParameters: true, needsInput: true)
    try probe.expect(gradients.dx!, dx, depth: 1024, "dx of batch normalization")
    try probe.expect(gradients.dgamma!, dgamma, depth: 1024, "dgamma of batch normalization")
    try probe.expect(gradients.dbeta!, dbeta, depth: 1024, "dbeta of batch normalization")
  }
}
