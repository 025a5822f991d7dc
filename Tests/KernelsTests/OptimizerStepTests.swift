import Foundation
import Testing

@testable import Kernels

@Suite struct OptimizerStepTests {
  /// A tensor on the device, and what it should be.
  private struct Moved {
    var gradients: [[Float]]
    var value: [Double]
    var moments: [[Double]]
    let updated: UpdatedTensor
  }

  private static let steps = 3

  private func tensors(_ count: Int, moments: Int, _ device: Device, _ numbers: inout TestNumbers) -> [Moved] {
    (0..<count).map { _ in
      let size = numbers.pick(oddSizes + [257, 8193])
      let value = numbers.floats(size)
      return Moved(
        gradients: (0..<Self.steps).map { _ in numbers.floats(size) }, value: value.map(Double.init),
        moments: Array(repeating: Array(repeating: 0, count: size), count: moments),
        updated: UpdatedTensor(
          count: size, gradient: device.makeFloats(size), value: device.makeBuffer(value),
          moments: (0..<moments).map { _ in device.fill(0, count: size) }))
    }
  }

  private func check(_ tensors: [Moved], _ device: Device, _ comment: Comment) throws {
    for tensor in tensors {
      let count = tensor.value.count
      expectClose(try device.read(tensor.updated.value, as: Float.self, count: count), tensor.value, comment)
      for (buffer, expected) in zip(tensor.updated.moments, tensor.moments) {
        expectClose(try device.read(buffer, as: Float.self, count: count), expected, comment)
      }
    }
  }

  @Test(arguments: Target.all) func averagesFollowTheirFormulaAndExchangesExchange(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(61)
    let pairs = [1, 3, 17, 257, 5, 64, 129, 2, 1000, 31].map { count in
      (weights: numbers.floats(count), average: numbers.floats(count))
    }
    let buffers = pairs.map { (count: $0.weights.count, a: device.makeBuffer($0.weights), b: device.makeBuffer($0.average)) }
    device.average(buffers.map { ($0.count, weights: $0.a, average: $0.b) }, share: 0.25)
    device.exchange(buffers)
    for (pair, buffer) in zip(pairs, buffers) {
      let average = try device.read(buffer.a, as: Float.self, count: buffer.count)
      for (i, value) in average.enumerated() {
        let expected = Double(pair.average[i]) + 0.25 * (Double(pair.weights[i]) - Double(pair.average[i]))
        #expect(abs(Double(value) - expected) <= 1e-6 * max(1, abs(expected)))
      }
      #expect(try device.read(buffer.b, as: Float.self, count: buffer.count) == pair.weights)
    }
  }

  @Test(arguments: Target.all) func sgdFollowsItsFormula(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(60)
    for count in 1...19 {
      let (momentum, decay, nesterov) = ([0, 0.9, 0.9][count % 3], [0, 0.01][count % 2], count % 3 == 2)
      var moved = tensors(count, moments: 1, device, &numbers)
      for step in 0..<Self.steps {
        for t in moved.indices {
          moved[t].gradients[step].withUnsafeBytes { device.write($0, to: moved[t].updated.gradient) }
          for i in moved[t].value.indices {
            let gradient = Double(moved[t].gradients[step][i]) + decay * moved[t].value[i]
            moved[t].moments[0][i] = momentum * moved[t].moments[0][i] + gradient
            moved[t].value[i] -=
              0.1 * (nesterov ? gradient + momentum * moved[t].moments[0][i] : moved[t].moments[0][i])
          }
        }
        device.sgdStep(
          moved.map(\.updated), learningRate: 0.1, momentum: Float(momentum), weightDecay: Float(decay),
          nesterov: nesterov)
      }
      try check(moved, device, "\(count) tensors, momentum \(momentum), decay \(decay), nesterov \(nesterov)")
    }
  }

  @Test(arguments: Target.all) func adamWFollowsItsFormula(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(61)
    for count in 1...19 {
      let decay = [0, 0.05][count % 2]
      var moved = tensors(count, moments: 2, device, &numbers)
      for step in 0..<Self.steps {
        for t in moved.indices {
          moved[t].gradients[step].withUnsafeBytes { device.write($0, to: moved[t].updated.gradient) }
          for i in moved[t].value.indices {
            let gradient = Double(moved[t].gradients[step][i])
            moved[t].value[i] *= 1 - 0.01 * decay
            moved[t].moments[0][i] = 0.9 * moved[t].moments[0][i] + 0.1 * gradient
            moved[t].moments[1][i] = 0.999 * moved[t].moments[1][i] + 0.001 * gradient * gradient
            let mean = moved[t].moments[0][i] / (1 - pow(0.9, Double(step + 1)))
            let square = moved[t].moments[1][i] / (1 - pow(0.999, Double(step + 1)))
            moved[t].value[i] -= 0.01 * mean / (square.squareRoot() + 1e-8)
          }
        }
        device.adamWStep(
          moved.map(\.updated), step: step + 1, learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
          weightDecay: Float(decay))
      }
      try check(moved, device, "\(count) tensors, decay \(decay)")
    }
  }
}
