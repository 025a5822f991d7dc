// Operators on single elements, the optimizers' steps among them, and random numbers.

extension SelfTest {
  static let elementwise = [
    SelfTest("elementwise") { probe in
      let device = probe.device
      for count in [1, 130, 9001] {
        let (a, b) = (probe.numbers(count), probe.numbers(count))
        let (p, q) = (device.makeBuffer(a), device.makeBuffer(b))
        let pairs = zip(a, b).map { (Double($0), Double($1)) }
        try probe.expect(device.fill(2.5, count: count), pairs.map { _ in 2.5 }, "fill")
        try probe.expect(device.affine(p, scale: 3, offset: 1, count: count), pairs.map { 3 * $0.0 + 1 }, "affine")
        try probe.expect(device.add(p, q, count: count), pairs.map { $0.0 + $0.1 }, "add")
        try probe.expect(device.subtract(p, q, count: count), pairs.map { $0.0 - $0.1 }, "subtract")
        try probe.expect(device.multiply(p, q, count: count), pairs.map { $0.0 * $0.1 }, "multiply")
      }
    },
    SelfTest("activations") { probe in
      let device = probe.device
      let count = 9001
      let (x, dy) = (probe.numbers(count).map { 9 * $0 }, probe.numbers(count))
      let (p, g) = (device.makeBuffer(x), device.makeBuffer(dy))
      for (activation, most) in [(Activation.relu, Double.infinity), (.relu6, 6)] {
        try probe.expect(
          device.activate(p, activation, count: count), x.map { min(max(Double($0), 0), most) }, "\(activation)")
        try probe.expect(
          device.activateBackward(p, dy: g, activation, count: count),
          zip(x, dy).map { $0 > 0 && Double($0) < most ? Double($1) : 0 }, "the gradient of \(activation)")
      }
    },
    SelfTest("optimizer steps") { probe in
      let device = probe.device
      let counts = [1, 17, 9001]
      func tensors(moments: Int) -> [(numbers: [[Float]], updated: UpdatedTensor)] {
        counts.map { count in
          let numbers = [probe.numbers(count), probe.numbers(count)] + (0..<moments).map { _ in probe.numbers(count, plus: 1) }
          let buffers = numbers.map { device.makeBuffer($0) }
          return (
            numbers,
            UpdatedTensor(count: count, gradient: buffers[0], value: buffers[1], moments: Array(buffers.dropFirst(2)))
          )
        }
      }
      let sgd = tensors(moments: 1)
      device.sgdStep(sgd.map(\.updated), learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: false)
      for (n, updated) in sgd {
        let moved = n[0].indices.map { i in
          Double(n[1][i]) - 0.1 * (0.9 * Double(n[2][i]) + Double(n[0][i]) + 0.01 * Double(n[1][i]))
        }
        try probe.expect(updated.value, moved, "SGD")
      }
      let adam = tensors(moments: 2)
      device.adamWStep(
        adam.map(\.updated), step: 2, learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.01)
      for (n, updated) in adam {
        let moved = n[0].indices.map { i in
          let gradient = Double(n[0][i])
          let mean = (0.9 * Double(n[2][i]) + 0.1 * gradient) / (1 - 0.81)
          let square = (0.99 * Double(n[3][i]) + 0.01 * gradient * gradient) / (1 - 0.9801)
          return Double(n[1][i]) * (1 - 0.001) - 0.1 * mean / (square.squareRoot() + 1e-3)
        }
        try probe.expect(updated.value, moved, depth: 256, "AdamW")
      }
    },
    SelfTest("dropout") { probe in
      let device = probe.device
      let count = 9001
      let ones = device.fill(1, count: count)
      func dropped(_ stream: UInt32) throws -> [Float] {
        try device.read(
          device.dropout(ones, probability: 0.25, seed: 7, stream: stream, count: count), as: Float.self, count: count)
      }
      let (first, again, other) = (try dropped(1), try dropped(1), try dropped(2))
      let kept = Double(first.count { $0 != 0 }) / Double(count)
      try probe.expect(device.makeBuffer(again), first.map(Double.init), "dropout once more")
      try probe.expect(device.makeBuffer(first.filter { $0 != 0 }), first.filter { $0 != 0 }.map { _ in 4 / 3 }, "what is kept")
      // Five deviations wide.
      try probe.expect(device.fill(abs(kept - 0.75) < 0.023 && first != other ? 1 : 0, count: 1), [1], "dropout's share")
    },
  ]
}
