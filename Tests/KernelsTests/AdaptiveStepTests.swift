import Foundation
import Testing

@testable import Kernels

/// The optimizers beside SGD and AdamW against their formulas in float64, on tensors of odd sizes, several steps.
@Suite struct AdaptiveStepTests {
  /// One tensor in float64: w and its moments.
  private struct Moved {
    var w: [Double]
    var moments: [[Double]]
    var gradient: [Float]
    let updated: UpdatedTensor
  }

  private static let steps = 3

  /// Takes three steps of `count` tensors on the device and by the formula, and compares all that they keep.
  private func check(
    _ device: Device, moments: Int, counts: [Int], _ name: Comment,
    onDevice: (_ tensors: [UpdatedTensor], _ step: Int) -> Void,
    formula: (_ tensors: inout [Moved], _ step: Int) -> Void
  ) throws {
    var numbers = TestNumbers(62)
    var tensors = counts.map { count in
      let value = numbers.floats(count)
      return Moved(
        w: value.map(Double.init), moments: Array(repeating: Array(repeating: 0, count: count), count: moments),
        gradient: [],
        updated: UpdatedTensor(
          count: count, gradient: device.makeFloats(count), value: device.makeBuffer(value),
          moments: (0..<moments).map { _ in device.fill(0, count: count) }))
    }
    for step in 1...Self.steps {
      for i in tensors.indices {
        tensors[i].gradient = numbers.floats(tensors[i].w.count)
        tensors[i].gradient.withUnsafeBytes { device.write($0, to: tensors[i].updated.gradient) }
      }
      onDevice(tensors.map(\.updated), step)
      formula(&tensors, step)
    }
    for tensor in tensors {
      let count = tensor.w.count
      expectClose(try device.read(tensor.updated.value, as: Float.self, count: count), tensor.w, name)
      for (buffer, moment) in zip(tensor.updated.moments, tensor.moments) {
        expectClose(try device.read(buffer, as: Float.self, count: count), moment, name)
      }
    }
  }

  /// A formula that treats each element alone: (g, w, moments, step).
  private func each(
    _ body: @escaping (Double, inout Double, inout [Double], Int) -> Void
  ) -> (inout [Moved], Int) -> Void {
    { tensors, step in
      for t in tensors.indices {
        for i in tensors[t].w.indices {
          var moments = tensors[t].moments.map { $0[i] }
          body(Double(tensors[t].gradient[i]), &tensors[t].w[i], &moments, step)
          for (m, value) in moments.enumerated() { tensors[t].moments[m][i] = value }
        }
      }
    }
  }

  /// More than one launch, one of them in part.
  private static let counts = [1, 3, 17, 8193, 129, 257, 64, 33, 2, 7, 16390]

  @Test(arguments: Target.all) func elementwiseStepsFollowTheirFormulas(_ target: Target) throws {
    let device = target.device
    for count in [1, 8, 11] {
      let counts = Array(Self.counts[..<count])
      try check(device, moments: 3, counts: counts, "amsgrad") { tensors, step in
        var update = AdamUpdate(step: step, learningRate: 0.01, beta1: 0.9, beta2: 0.6, epsilon: 1e-8)
        update.decay = 0.1
        update.fromGradient = 0.002
        device.adamStep(tensors, update)
      } formula: { tensors, step in
        each { g, w, moments, step in
          let gradient = g + 0.1 * w
          moments[0] = 0.9 * moments[0] + 0.1 * gradient
          moments[1] = 0.6 * moments[1] + 0.4 * gradient * gradient
          moments[2] = max(moments[2], moments[1])
          let divisor = (moments[2] / (1 - pow(0.6, Double(step)))).squareRoot() + 1e-8
          w -= (0.01 * moments[0] / (1 - pow(0.9, Double(step))) + 0.002 * gradient) / divisor
        }(&tensors, step)
      }
      try check(device, moments: 2, counts: counts, "rmsProp") { tensors, _ in
        device.rmsPropStep(
          tensors, learningRate: 0.01, alpha: 0.9, momentum: 0.8, epsilon: 1e-3, weightDecay: 0.1)
      } formula: { tensors, step in
        each { g, w, moments, _ in
          let gradient = g + 0.1 * w
          moments[0] = 0.9 * moments[0] + 0.1 * gradient * gradient
          moments[1] = 0.8 * moments[1] + gradient / (moments[0].squareRoot() + 1e-3)
          w -= 0.01 * moments[1]
        }(&tensors, step)
      }
      try check(device, moments: 1, counts: counts, "adagrad") { tensors, _ in
        device.adagradStep(tensors, learningRate: 0.05, epsilon: 1e-3, weightDecay: 0.1)
      } formula: { tensors, step in
        each { g, w, moments, _ in
          let gradient = g + 0.1 * w
          moments[0] += gradient * gradient
          w -= 0.05 * gradient / (moments[0].squareRoot() + 1e-3)
        }(&tensors, step)
      }
      try check(device, moments: 1, counts: counts, "lion") { tensors, _ in
        device.lionStep(tensors, learningRate: 0.01, beta1: 0.9, beta2: 0.99, weightDecay: 0.1)
      } formula: { tensors, step in
        each { g, w, moments, _ in
          let direction = 0.9 * moments[0] + 0.1 * g
          w = (1 - 0.01 * 0.1) * w - 0.01 * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
          moments[0] = 0.99 * moments[0] + 0.01 * g
        }(&tensors, step)
      }
    }
  }

  @Test(arguments: Target.all) func lambFollowsItsFormula(_ target: Target) throws {
    let device = target.device
    for isAdapted in [true, false] {
      try check(device, moments: 2, counts: Self.counts, "LAMB, adapted: \(isAdapted)") { tensors, step in
        let clip = device.clipFactor(
          squares: device.squareSum(tensors.map { ($0.count, $0.gradient) }), limit: 5, epsilon: 0)
        device.lambStep(
          tensors, step: step, learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1,
          isAdapted: isAdapted, clip: clip)
      } formula: { tensors, step in
        let norm = tensors.reduce(0) { $0 + $1.gradient.reduce(0) { $0 + Double($1) * Double($1) } }.squareRoot()
        for t in tensors.indices {
          var direction: [Double] = []
          for i in tensors[t].w.indices {
            let g = Double(tensors[t].gradient[i]) / max(1, norm / 5)
            tensors[t].moments[0][i] = 0.9 * tensors[t].moments[0][i] + 0.1 * g
            tensors[t].moments[1][i] = 0.99 * tensors[t].moments[1][i] + 0.01 * g * g
            let mean = tensors[t].moments[0][i] / (1 - pow(0.9, Double(step)))
            let square = tensors[t].moments[1][i] / (1 - pow(0.99, Double(step)))
            direction.append(mean / (square.squareRoot() + 1e-6) + 0.1 * tensors[t].w[i])
          }
          func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
          let trust = isAdapted ? length(tensors[t].w) / length(direction) : 1
          for i in direction.indices { tensors[t].w[i] -= 0.01 * trust * direction[i] }
        }
      }
    }
  }

  @Test(arguments: Target.all, [(17, 33), (129, 16), (300, 130), (1, 8193)]) func adafactorFollowsItsFormula(
    _ target: Target, _ size: (rows: Int, columns: Int)
  ) throws {
    let device = target.device
    let (rows, columns) = size
    let count = rows * columns
    var numbers = TestNumbers(63)
    for isFactored in [true, false] {
      let value = numbers.floats(count)
      var w = value.map(Double.init)
      var (rowMeans, columnMeans) = ([Double](repeating: 0, count: rows), [Double](repeating: 0, count: columns))
      var squares = [Double](repeating: 0, count: count)
      let tensor = UpdatedTensor(
        count: count, gradient: device.makeFloats(count), value: device.makeBuffer(value),
        moments: (isFactored ? [rows, columns] : [count]).map { device.fill(0, count: $0) })
      for step in 1...Self.steps {
        let gradient = numbers.floats(count)
        gradient.withUnsafeBytes { device.write($0, to: tensor.gradient) }
        device.adafactorStep(
          tensor, columns: isFactored ? columns : nil, step: step, learningRate: 0.01, decayRate: -0.8, epsilon: 1e-30,
          threshold: 0.7, weightDecay: 0.1)
        let beta = 1 - pow(Double(step), -0.8)
        func square(_ i: Int) -> Double { Double(gradient[i]) * Double(gradient[i]) }
        for r in 0..<rows {
          let mean = (0..<columns).reduce(0) { $0 + square(r * columns + $1) } / Double(columns)
          rowMeans[r] = beta * rowMeans[r] + (1 - beta) * mean
        }
        for c in 0..<columns {
          let mean = (0..<rows).reduce(0) { $0 + square($1 * columns + c) } / Double(rows)
          columnMeans[c] = beta * columnMeans[c] + (1 - beta) * mean
        }
        for i in 0..<count { squares[i] = beta * squares[i] + (1 - beta) * square(i) }
        let mean = rowMeans.reduce(0, +) / Double(rows)
        let direction = (0..<count).map { i in
          Double(gradient[i])
            / (isFactored ? rowMeans[i / columns] * columnMeans[i % columns] / mean : squares[i]).squareRoot()
        }
        let root = (direction.reduce(0) { $0 + $1 * $1 } / Double(count)).squareRoot()
        for i in 0..<count { w[i] = (1 - 0.01 * 0.1) * w[i] - 0.01 / max(1, root / 0.7) * direction[i] }
      }
      expectClose(
        try device.read(tensor.value, as: Float.self, count: count), w, "\(size), factored: \(isFactored)")
      if isFactored {
        expectClose(try device.read(tensor.moments[0], as: Float.self, count: rows), rowMeans, "rows of \(size)")
        expectClose(
          try device.read(tensor.moments[1], as: Float.self, count: columns), columnMeans, "columns of \(size)")
      }
    }
  }
}
