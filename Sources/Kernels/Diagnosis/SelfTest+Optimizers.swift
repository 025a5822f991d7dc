// Steps of optimizers.
import Foundation

extension SelfTest {
  static let optimizers = [
    SelfTest("steps of SGD and Adam") { probe in
      try check(probe, "SGD", moments: 1) {
        probe.device.sgdStep($0, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: false)
      } moved: { g, w, m in
        m[0] = 0.9 * m[0] + g + 0.01 * w
        w -= 0.1 * m[0]
      }
      try check(probe, "AdamW", moments: 2) {
        probe.device.adamWStep(
          $0, step: 2, learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.01)
      } moved: { g, w, m in
        m = [0.9 * m[0] + 0.1 * g, 0.99 * m[1] + 0.01 * g * g]
        w = w * (1 - 0.001) - 0.1 * (m[0] / (1 - 0.81)) / ((m[1] / (1 - 0.9801)).squareRoot() + 1e-3)
      }
      try check(probe, "AMSGrad", moments: 3) {
        probe.device.adamStep($0, AdamUpdate(step: 2, learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3))
      } moved: { g, w, m in
        let square = 0.99 * m[1] + 0.01 * g * g
        m = [0.9 * m[0] + 0.1 * g, square, max(m[2], square)]
        w -= 0.1 * (m[0] / (1 - 0.81)) / ((m[2] / (1 - 0.9801)).squareRoot() + 1e-3)
      }
    },
    SelfTest("adaptive steps") { probe in
      try check(probe, "RMSprop", moments: 2) {
        probe.device.rmsPropStep($0, learningRate: 0.1, alpha: 0.9, momentum: 0.5, epsilon: 1e-3, weightDecay: 0.01)
      } moved: { g, w, m in
        let gradient = g + 0.01 * w
        m[0] = 0.9 * m[0] + 0.1 * gradient * gradient
        m[1] = 0.5 * m[1] + gradient / (m[0].squareRoot() + 1e-3)
        w -= 0.1 * m[1]
      }
      try check(probe, "Adagrad", moments: 1) {
        probe.device.adagradStep($0, learningRate: 0.1, epsilon: 1e-3, weightDecay: 0.01)
      } moved: { g, w, m in
        let gradient = g + 0.01 * w
        m[0] += gradient * gradient
        w -= 0.1 * gradient / (m[0].squareRoot() + 1e-3)
      }
      try check(probe, "Lion", moments: 1) {
        probe.device.lionStep($0, learningRate: 0.1, beta1: 0.5, beta2: 0.99, weightDecay: 0.01)
      } moved: { g, w, m in
        w = w * (1 - 0.001) - (m[0] + g > 0 ? 0.1 : -0.1)
        m[0] = 0.99 * m[0] + 0.01 * g
      }
    },
    SelfTest("steps by norms") { probe in
      let device = probe.device
      for rows in [1, 17, 300] {
        let (columns, count) = (31, rows * 31)
        let (g, w) = (probe.numbers(count), probe.numbers(count))
        let tensor = (count: count, buffer: device.makeBuffer(g))
        func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let norm = length(g.map(Double.init))
        let clip = device.clipFactor(squares: device.squareSum([tensor]), limit: 1)
        try probe.expect(clip, [norm, min(1, 1 / norm)], "a norm and its clipping")
        let clipped = g.map { Double($0) * min(1, 1 / norm) }
        try probe.expect(device.scaled([tensor], by: clip)[0], clipped, "a clipped gradient")

        func updated(_ moments: [Float]...) -> UpdatedTensor {
          UpdatedTensor(
            count: count, gradient: tensor.buffer, value: device.makeBuffer(w),
            moments: moments.map { device.makeBuffer($0) })
        }
        let zeros = [Float](repeating: 0, count: count)
        let lamb = updated(zeros, zeros)
        device.lambStep(
          [lamb], step: 1, learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-2, weightDecay: 0.1, isAdapted: true,
          clip: clip)
        // At the first step the moments are the gradient and its square.
        let direction = zip(clipped, w).map { $0 / (abs($0) + 1e-2) + 0.1 * Double($1) }
        let trust = length(w.map(Double.init)) / length(direction)
        try probe.expect(lamb.value, zip(w, direction).map { Double($0) - 0.1 * trust * $1 }, depth: 256, "LAMB")
        try probe.expect(lamb.moments[0], clipped.map { 0.1 * $0 }, "LAMB's mean")
        try probe.expect(lamb.moments[1], clipped.map { 0.01 * $0 * $0 }, "LAMB's mean square")

        let squares = g.map { Double($0) * Double($0) + 1e-3 }
        func mean(_ count: Int, _ place: (Int) -> Int) -> Double {
          (0..<count).reduce(0) { $0 + squares[place($1)] } / Double(count)
        }
        let rowMeans = (0..<rows).map { row in mean(columns) { row * columns + $0 } }
        let columnMeans = (0..<columns).map { column in mean(rows) { $0 * columns + column } }
        let overall = mean(count) { $0 }
        let scaled = g.indices.map { i in
          Double(g[i]) / (rowMeans[i / columns] * columnMeans[i % columns] / overall).squareRoot()
        }
        let excess = max(1, length(scaled) / Double(count).squareRoot())
        let adafactor = updated([Float](repeating: 0, count: rows), [Float](repeating: 0, count: columns))
        device.adafactorStep(
          adafactor, columns: columns, step: 1, learningRate: 0.1, decayRate: -0.8, epsilon: 1e-3, threshold: 1,
          weightDecay: 0.01)
        try probe.expect(
          adafactor.value, zip(w, scaled).map { Double($0) * (1 - 0.001) - 0.1 / excess * $1 }, depth: 256, "Adafactor")
      }
    },
  ]

  /// One step of some tensors against `moved`, which changes an element's value and its moments by its gradient.
  private static func check(
    _ probe: Probe, _ name: String, moments: Int, step: ([UpdatedTensor]) -> Void,
    moved: (_ g: Double, _ w: inout Double, _ m: inout [Double]) -> Void
  ) throws {
    let tensors = [1, 17, 9001].map { count in
      // Moments above 0, because some are means of squares.
      let numbers = (0..<2 + moments).map { probe.numbers(count, plus: $0 < 2 ? 0 : 1.01) }
      let buffers = numbers.map { probe.device.makeBuffer($0) }
      let updated = UpdatedTensor(
        count: count, gradient: buffers[0], value: buffers[1], moments: Array(buffers[2...]))
      return (numbers, updated: updated)
    }
    step(tensors.map(\.updated))
    for (numbers, updated) in tensors {
      var expected = numbers.dropFirst().map { $0.map(Double.init) }
      for (i, g) in numbers[0].enumerated() {
        var m = expected[1...].map { $0[i] }
        moved(Double(g), &expected[0][i], &m)
        for j in m.indices { expected[1 + j][i] = m[j] }
      }
      for (found, expected) in zip([updated.value] + updated.moments, expected) {
        try probe.expect(found, expected, depth: 256, name)
      }
    }
  }
}
