// Matrix products and convolutions.

extension SelfTest {
  static let products = [
    SelfTest("matmul") { probe in
      let device = probe.device
      for (variant, (m, n, k)) in [(130, 67, 70), (17, 129, 33), (3, 5, 7), (65, 130, 19), (3, 1030, 65), (2, 300, 400), (3, 515, 257)].enumerated() {
        let shape = MatmulShape(batch: 2, m: m, n: n, k: k, transposesA: variant & 1 != 0, transposesB: variant & 2 != 0)
        // Few rows by a large transposed operand are computed in their own way where nothing is added.
        let hasBias = m > 3 || !shape.transposesB || shape.transposesA
        let (a, b, bias) = (probe.numbers(2 * m * k), probe.numbers(2 * k * n), probe.numbers(n))
        var expected = [Double](repeating: 0, count: 2 * m * n)
        for z in 0..<2 {
          for i in 0..<m {
            for j in 0..<n {
              var sum = hasBias ? Double(bias[j]) : 0
              for l in 0..<k {
                let left = a[z * m * k + (shape.transposesA ? l * m + i : i * k + l)]
                let right = b[z * k * n + (shape.transposesB ? j * k + l : l * n + j)]
                sum += Double(left) * Double(right)
              }
              expected[(z * m + i) * n + j] = sum
            }
          }
        }
        let c = device.matmul(device.makeBuffer(a), device.makeBuffer(b), shape, bias: hasBias ? device.makeBuffer(bias) : nil)
        try probe.expect(c, expected, depth: k, "a product of \(m)x\(k) and \(k)x\(n)")
      }
      // One work-item of a CPU's tiles goes through its loops more than 65535 times here, where some drivers end them.
      let (m, n, k) = (64, 512, 1024)
      let long = device.matmul(device.fill(1, count: m * k), device.fill(1, count: k * n), MatmulShape(m: m, n: n, k: k))
      try probe.expect(long, Array(repeating: Double(k), count: m * n), "a product of \(m)x\(k) and \(k)x\(n)")
    },
    SelfTest("convolution") { probe in
      for (channels, outputs, kernel, stride, groups) in [(3, 35, 3, 2, 1), (17, 5, 3, 1, 1), (6, 34, 2, 1, 2), (33, 65, 1, 1, 1)] {
        try check(
          ConvolutionShape(
            batch: 2, height: 11, width: 9, inputChannels: channels, outputChannels: outputs, kernel: (kernel, kernel),
            stride: (stride, stride), padding: Padding(kernel / 2), groups: groups), probe)
      }
    },
    SelfTest("depthwise convolution") { probe in
      // At these widths the last pixels that are computed together see one column too many.
      for (channels, kernel, stride, width) in [(35, 3, 1, 8), (48, 3, 2, 7), (17, 5, 1, 9)] {
        try check(
          ConvolutionShape(
            batch: 2, height: 11, width: width, inputChannels: channels, outputChannels: channels, kernel: (kernel, kernel),
            stride: (stride, stride), padding: Padding(kernel / 2), groups: channels), probe)
      }
    },
    SelfTest("grouped convolution") { probe in
      for (channels, groups, stride, width) in [(4, 5, 1, 9), (8, 3, 2, 17), (16, 2, 1, 7)] {
        try check(
          ConvolutionShape(
            batch: 2, height: 5, width: width, inputChannels: channels * groups, outputChannels: channels * groups,
            kernel: (3, 3), stride: (stride, stride), padding: Padding(1), groups: groups), probe)
      }
    },
    SelfTest("transposed convolution") { probe in
      let device = probe.device
      for (inputs, outputs, groups) in [(3, 35, 1), (35, 3, 1), (4, 6, 2), (5, 5, 5)] {
        let shape = ConvolutionShape(
          batch: 2, height: 11, width: 9, inputChannels: outputs, outputChannels: inputs, kernel: (3, 3), stride: (2, 2),
          padding: Padding(1), groups: groups)
        let (x, w, bias) = (probe.numbers(shape.outputCount), probe.numbers(shape.weightCount), probe.numbers(outputs))
        var y = (0..<shape.inputCount).map { Double(bias[$0 % outputs]) }
        shape.forEachProduct { i, j, o in y[i] += Double(x[o]) * Double(w[j]) }
        try probe.expect(
          device.transposedConvolution(
            device.makeBuffer(x), device.makeBuffer(w), shape, bias: device.makeBuffer(bias), activation: .relu),
          y.map { max($0, 0) }, depth: 256, "a transposed convolution of \(inputs) channels")
      }
    },
  ]

  /// y, dx and dw from one walk over what is multiplied with what.
  private static func check(_ shape: ConvolutionShape, _ probe: Probe) throws {
    let (x, w, dy) = (probe.numbers(shape.inputCount), probe.numbers(shape.weightCount), probe.numbers(shape.outputCount))
    var (y, dx, dw) = (dy.map { _ in 0.0 }, x.map { _ in 0.0 }, w.map { _ in 0.0 })
    shape.forEachProduct { i, j, o in
      y[o] += Double(x[i]) * Double(w[j])
      dx[i] += Double(dy[o]) * Double(w[j])
      dw[j] += Double(dy[o]) * Double(x[i])
    }
    let device = probe.device
    let (p, q, g) = (device.makeBuffer(x), device.makeBuffer(w), device.makeBuffer(dy))
    let name = "a \(shape.kernelHeight)x\(shape.kernelWidth) convolution of \(shape.inputChannels) channels"
    try probe.expect(device.convolution(p, q, shape), y, depth: 256, name)
    try probe.expect(device.convolutionBackwardInput(g, q, shape), dx, depth: 256, "dx of \(name)")
    try probe.expect(device.convolutionBackwardWeight(p, dy: g, shape), dw, depth: 256, "dw of \(name)")
  }
}

extension ConvolutionShape {
  /// Calls `body` with the places in x(N,H,W,C), w(R,S,C/groups,K) and y(N,P,Q,K) of each product of the convolution.
  func forEachProduct(_ body: (_ x: Int, _ w: Int, _ y: Int) -> Void) {
    let (c, k) = (inputChannels / groups, outputChannels / groups)
    for pixel in 0..<batch * outputHeight * outputWidth {
      let (n, p, q) = (pixel / (outputHeight * outputWidth), pixel / outputWidth % outputHeight, pixel % outputWidth)
      for tap in 0..<kernelHeight * kernelWidth {
        let i = p * strideHeight + tap / kernelWidth * dilationHeight - padding.top
        let j = q * strideWidth + tap % kernelWidth * dilationWidth - padding.left
        guard (0..<height).contains(i), (0..<width).contains(j) else { continue }
        for o in 0..<outputChannels {
          for l in 0..<c {
            body(
              ((n * height + i) * width + j) * inputChannels + o / k * c + l, (tap * c + l) * outputChannels + o,
              pixel * outputChannels + o)
          }
        }
      }
    }
  }
}
