// Storage in 16 bits.

extension SelfTest {
  static let halves = [
    SelfTest("half storage") { probe in
      let (device, count) = (probe.device, 9001)
      let (x, z) = (probe.numbers(count).map { 9 * $0 }, probe.numbers(count).map { $0 * $0 * 1e-4 })
      let (p, q) = (
        device.halves(of: device.makeBuffer(x), count: count), device.halves(of: device.makeBuffer(z), count: count)
      )
      let (a, b) = (x.map { half(Double($0)) }, z.map { half(Double($0)) })
      func expect(_ result: Buffer, _ expected: [Double], _ what: String) throws {
        // In units of the smallest half.
        let floats = device.affine(device.floats(of: result, count: count), scale: 0x1p24, count: count)
        try probe.expect(floats, expected.map { $0 * 0x1p24 }, what)
      }
      try expect(p, a, "halves")
      try expect(q, b, "small halves")
      try expect(device.addHalves(p, q, count: count), zip(a, b).map { half($0 + $1) }, "a sum of halves")
      try expect(device.subtractHalves(p, q, count: count), zip(a, b).map { half($0 - $1) }, "a difference of halves")
      try expect(device.multiplyHalves(p, q, count: count), zip(a, b).map { half($0 * $1) }, "a product of halves")
      try expect(device.activateHalves(p, .relu6, count: count), a.map { min(max($0, 0), 6) }, "relu6 of halves")
    },
    SelfTest("products of halves") { probe in
      let device = probe.device
      // Eighths, whose products' sums are halves, too.
      func eighths(_ count: Int) -> ([Float], Buffer) {
        let x = probe.numbers(count).map { ($0 * 4).rounded() / 8 }
        return (x, device.halves(of: device.makeBuffer(x), count: count))
      }
      let (m, n, k) = (67, 35, 33)
      let ((a, p), (b, q)) = (eighths(m * k), eighths(k * n))
      let product = (0..<m * n).map { i in
        (0..<k).reduce(0.0) { $0 + Double(a[i / n * k + $1]) * Double(b[$1 * n + i % n]) }
      }
      let found = device.matmulOfHalves(p, q, m: m, n: n, k: k)
      try probe.expect(device.floats(of: found, count: m * n), product, "a product of halves")
      let shape = ConvolutionShape(
        batch: 2, height: 9, width: 7, inputChannels: 6, outputChannels: 34, kernel: (3, 3), stride: (2, 2),
        padding: Padding(1), groups: 2)
      let ((x, from), (w, filters)) = (eighths(shape.inputCount), eighths(shape.weightCount))
      var y = [Double](repeating: 0, count: shape.outputCount)
      shape.forEachProduct { i, j, o in y[o] += Double(x[i]) * Double(w[j]) }
      let result = device.convolutionOfHalves(from, filters, shape)
      try probe.expect(device.floats(of: result, count: y.count), y, "a convolution of halves")
    },
  ]

  /// The nearest number of 11 bits, the even one from the middle.
  private static func half(_ x: Double) -> Double {
    guard x != 0 else { return x }
    let unit = Double(sign: .plus, exponent: max(Int(x.exponent), -14) - 10, significand: 1)
    return (x / unit).rounded(.toNearestOrEven) * unit
  }
}
