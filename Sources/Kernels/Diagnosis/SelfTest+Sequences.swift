// Attention and recurrent layers.
import Foundation

extension SelfTest {
  static let sequences = [
    SelfTest("attention") { probe in
      let device = probe.device
      for (queries, keys, depth, isCausal) in [(5, 37, 3, false), (17, 17, 5, true), (3, 5, 33, false)] {
        let shape = AttentionShape(batch: 2, queries: queries, keys: keys, depth: depth, isCausal: isCausal)
        let inputs = [queries, keys, keys].map { probe.numbers(2 * $0 * depth) }
        try probe.expect("attention of \(queries) to \(keys)", depth: 256, inputs) {
          attention($0[0], $0[1], $0[2], shape)
        } operation: { x in
          let parts = x.map { shape.whole($0) }
          let (y, logSums) = device.attention(parts[0], parts[1], parts[2], shape)
          return (
            y,
            { dy in
              let gradients = inputs.map { device.makeFloats($0.count) }
              let to = gradients.map { shape.whole($0) }
              device.attentionBackward(
                parts[0], parts[1], parts[2], shape, y: y, logSums: logSums, dy: dy, to: to[0], to[1], to[2])
              return gradients
            }
          )
        }
      }
    },
    SelfTest("LSTM") { try check(.lstm, $0) },
    SelfTest("GRU") { try check(.gru, $0) },
  ]

  private static func attention(_ q: [Double], _ k: [Double], _ v: [Double], _ shape: AttentionShape) -> [Double] {
    let (t, s, d) = (shape.queries, shape.keys, shape.depth)
    return (0..<shape.batch * t).flatMap { i -> [Double] in
      let first = i / t * s
      let weights = (first..<first + (shape.isCausal ? min(s, i % t + 1) : s)).map { j in
        exp(Double(shape.scale) * (0..<d).reduce(0.0) { $0 + q[i * d + $1] * k[j * d + $1] })
      }
      let sum = weights.reduce(0, +)
      return (0..<d).map { c in
        weights.indices.reduce(0.0) { $0 + weights[$1] * v[(first + $1) * d + c] } / sum
      }
    }
  }

  private static func check(_ cell: RecurrentCell, _ probe: Probe) throws {
    let device = probe.device
    for (batch, steps, inputs, units) in [(2, 4, 3, 5), (1, 2, 1, 17)] {
      let shape = RecurrentShape(cell, batch: batch, steps: steps, inputs: inputs, units: units)
      let counts = [batch * steps * inputs, inputs * shape.width, units * shape.width, shape.width, shape.width]
      let name = "\(cell) of \(units) units"
      try probe.expect(name, depth: 256, counts.map { probe.numbers($0) }) { recurrence($0, shape) } operation: { x in
        let weights = RecurrentWeights(input: x[1], hidden: x[2], inputBias: x[3], hiddenBias: x[4])
        let pass = device.recurrence(x[0], weights, shape)
        return (
          pass.y,
          { dy in
            let g = device.recurrenceBackward(x[0], weights, shape, pass, dy: dy)
            return [g.dx, g.dinput, g.dhidden, g.dinputBias, g.dhiddenBias]
          }
        )
      }
    }
  }

  /// y(batch,steps,units) from x, weight_ih, weight_hh, bias_ih, bias_hh.
  private static func recurrence(_ numbers: [[Double]], _ shape: RecurrentShape) -> [Double] {
    let (x, wi, wh, bi, bh) = (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
    let (units, width) = (shape.units, shape.width)
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    var (result, hidden, cells) = ([Double](), [Double](), [Double]())
    for row in 0..<shape.batch * shape.steps {
      if row % shape.steps == 0 {
        hidden = [Double](repeating: 0, count: units)
        cells = hidden
      }
      let input = (0..<width).map { j in
        (0..<shape.inputs).reduce(bi[j]) { $0 + x[row * shape.inputs + $1] * wi[$1 * width + j] }
      }
      let recurrent = (0..<width).map { j in (0..<units).reduce(bh[j]) { $0 + hidden[$1] * wh[$1 * width + j] } }
      for u in 0..<units {
        let gates = (0..<shape.cell.gates).map { input[$0 * units + u] + recurrent[$0 * units + u] }
        switch shape.cell {
        case .lstm:
          cells[u] = sigmoid(gates[1]) * cells[u] + sigmoid(gates[0]) * tanh(gates[2])
          hidden[u] = sigmoid(gates[3]) * tanh(cells[u])
        case .gru:
          let (keep, place) = (sigmoid(gates[1]), 2 * units + u)
          hidden[u] = (1 - keep) * tanh(input[place] + sigmoid(gates[0]) * recurrent[place]) + keep * hidden[u]
        }
      }
      result += hidden
    }
    return result
  }
}
