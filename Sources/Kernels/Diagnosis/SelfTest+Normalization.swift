// Normalization within an example, and moments.

extension SelfTest {
  static let normalizations = [
    SelfTest("layer and group normalization") { probe in
      let device = probe.device
      for shape in [
        GroupNormShape(batch: 2, pixels: 3, channels: 6, groups: 2), GroupNormShape(batch: 3, channels: 130),
        GroupNormShape(batch: 130, channels: 3),
      ] {
        let (c, perGroup) = (shape.channels, shape.channels / shape.groups)
        let inputs = [probe.numbers(shape.count), probe.numbers(c, plus: 2), probe.numbers(c)]
        try probe.expect("normalization of \(shape.groups) groups", depth: 1024, inputs) { x in
          var y = x[0]
          for group in 0..<shape.batch * shape.groups {
            let first = group / shape.groups * shape.pixels * c + group % shape.groups * perGroup
            let places = (0..<shape.pixels).flatMap { pixel in (0..<perGroup).map { first + pixel * c + $0 } }
            let (mean, variance) = moments(places.map { x[0][$0] })
            for i in places { y[i] = (x[0][i] - mean) / (variance + 1e-3).squareRoot() * x[1][i % c] + x[2][i % c] }
          }
          return y
        } operation: { x in
          let (y, statistics) = device.groupNorm(x[0], shape, gamma: x[1], beta: x[2], epsilon: 1e-3)
          return (
            y,
            { dy in
              let parameters = device.groupNormBackwardParameters(x[0], shape, statistics: statistics, dy: dy)
              return [
                device.groupNormBackwardInput(x[0], shape, gamma: x[1], statistics: statistics, dy: dy),
                parameters.dgamma, parameters.dbeta,
              ]
            }
          )
        }
      }
    },
    SelfTest("moments") { probe in
      let device = probe.device
      for (outer, axis, inner) in [(3, 17, 1), (2, 700, 1), (2, 300, 33)] {
        let x = probe.numbers(outer * axis * inner, plus: 9)
        let expected = (0..<outer * inner).map { o in
          moments((0..<axis).map { Double(x[(o / inner * axis + $0) * inner + o % inner]) })
        }
        let found = device.merge(
          Moments(device.makeBuffer(x)), outer: outer, axis: axis, inner: inner, scale: 1 / Float(axis))
        try probe.expect(found.mean, expected.map(\.mean), "a mean of \(axis)")
        try probe.expect(found.square!, expected.map(\.variance), "a variance of \(axis)")
      }
    },
  ]

  private static func moments(_ x: [Double]) -> (mean: Double, variance: Double) {
    let mean = x.reduce(0, +) / Double(x.count)
    return (mean, x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count))
  }
}
