import Foundation
import Testing

@testable import Kernels

@Suite struct RecurrenceTests {
  /// The loss Σ dy · y of a recurrent layer, in double, as a function of everything.
  struct Oracle {
    var shape: RecurrentShape
    /// x, weight_ih, weight_hh, bias_ih, bias_hh
    var inputs: [[Double]]

    func y() -> [Double] {
      let (h, width) = (shape.units, shape.cell.gates * shape.units)
      let (x, wi, wh, bi, bh) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4])
      func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
      var result: [Double] = []
      for n in 0..<shape.batch {
        var (hidden, cells) = ([Double](repeating: 0, count: h), [Double](repeating: 0, count: h))
        for t in 0..<shape.steps {
          let input = (0..<width).map { j in
            (0..<shape.inputs).reduce(bi[j]) { $0 + x[(n * shape.steps + t) * shape.inputs + $1] * wi[$1 * width + j] }
          }
          let recurrent = (0..<width).map { j in (0..<h).reduce(bh[j]) { $0 + hidden[$1] * wh[$1 * width + j] } }
          for u in 0..<h {
            func gate(_ g: Int) -> Double { input[g * h + u] + recurrent[g * h + u] }
            switch shape.cell {
            case .lstm:
              cells[u] = sigmoid(gate(1)) * cells[u] + sigmoid(gate(0)) * tanh(gate(2))
              hidden[u] = sigmoid(gate(3)) * tanh(cells[u])
            case .gru:
              let z = sigmoid(gate(1))
              let candidate = tanh(input[2 * h + u] + sigmoid(gate(0)) * recurrent[2 * h + u])
              hidden[u] = (1 - z) * candidate + z * hidden[u]
            }
          }
          result += hidden
        }
      }
      return result
    }

    func slope(_ input: Int, _ at: Int, _ dy: [Double]) -> Double {
      func loss(_ step: Double) -> Double {
        var moved = self
        moved.inputs[input][at] += step
        return zip(moved.y(), dy).reduce(0) { $0 + $1.0 * $1.1 }
      }
      return (loss(1e-5) - loss(-1e-5)) / 2e-5
    }
  }

  @Test(arguments: Target.all, RecurrentCell.allCases) func agreesWithStepsInDouble(
    _ target: Target, _ cell: RecurrentCell
  ) throws {
    let device = target.device
    var numbers = TestNumbers(99)
    for (batch, steps, inputs, units) in [(1, 1, 1, 1), (3, 1, 17, 3), (2, 7, 3, 17), (3, 5, 33, 33), (1, 17, 1, 129)] {
      let shape = RecurrentShape(cell, batch: batch, steps: steps, inputs: inputs, units: units)
      let width = cell.gates * units
      let values = [batch * steps * inputs, inputs * width, units * width, width, width].map { count in
        numbers.floats(count).map { $0 * 0.5 }
      }
      let dy = numbers.floats(batch * steps * units)
      let buffers = values.map { device.makeBuffer($0) }
      let weights = RecurrentWeights(
        input: buffers[1], hidden: buffers[2], inputBias: buffers[3], hiddenBias: buffers[4])
      let pass = device.recurrence(buffers[0], weights, shape)
      let oracle = Oracle(shape: shape, inputs: values.map { $0.map { Double($0) } })
      let comment: Comment = "\(shape)"
      expectClose(
        try device.read(pass.y, as: Float.self, count: dy.count), oracle.y(), depth: steps * (inputs + units), comment)
      let g = device.recurrenceBackward(buffers[0], weights, shape, pass, dy: device.makeBuffer(dy))
      for (i, gradient) in [g.dx, g.dinput, g.dhidden, g.dinputBias, g.dhiddenBias].enumerated() {
        let found = try device.read(gradient, as: Float.self, count: values[i].count)
        // Some elements of each: a difference runs the layer twice.
        let places = Array(Set((0..<5).map { $0 * 7919 % found.count }))
        expectClose(
          places.map { found[$0] }, places.map { oracle.slope(i, $0, dy.map { Double($0) }) },
          depth: steps * batch * (inputs + units), "gradient \(i) of \(shape)")
      }
    }
  }

  /// exp(1000) is infinite; the gates are 0 and 1 all the same.
  @Test(arguments: Target.all, RecurrentCell.allCases) func gatesSaturate(_ target: Target, _ cell: RecurrentCell) throws {
    let device = target.device
    let shape = RecurrentShape(cell, batch: 2, steps: 3, inputs: 1, units: 2)
    let width = cell.gates * 2
    for size in [Float(1000), -1000] {
      let weights = RecurrentWeights(
        input: device.fill(size, count: width), hidden: device.fill(0, count: 2 * width),
        inputBias: device.fill(0, count: width), hiddenBias: device.fill(0, count: width))
      let x = device.fill(1, count: 6)
      let pass = device.recurrence(x, weights, shape)
      let y = try device.read(pass.y, as: Float.self, count: 12)
      // An LSTM of open gates counts steps. A GRU's update gate either keeps 0 or takes -1.
      let expected: [Float] = switch (cell, size > 0) {
      case (.lstm, true): [1, 1, 2, 2, 3, 3].map { Float(tanh(Double($0))) }
      case (.gru, false): [-1, -1, -1, -1, -1, -1]
      case (.lstm, false), (.gru, true): [0, 0, 0, 0, 0, 0]
      }
      #expect(zip(y, expected + expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(y)")
      let g = device.recurrenceBackward(x, weights, shape, pass, dy: device.fill(1, count: 12))
      #expect(try device.read(g.dinput, as: Float.self, count: width).allSatisfy(\.isFinite))
    }
  }
}
