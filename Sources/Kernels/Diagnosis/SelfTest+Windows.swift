// Pooling.

extension SelfTest {
  static let windows = [
    SelfTest("pooling") { probe in
      let device = probe.device
      for channels in [3, 35] {
        let shape = PoolShape(
          batch: 2, height: 11, width: 9, channels: channels, kernel: (3, 3), stride: (2, 2), padding: Padding(1))
        let (x, dy) = (probe.numbers(2 * 11 * 9 * channels), probe.numbers(2 * shape.outputHeight * shape.outputWidth * channels))
        var (largest, mean) = (dy.map { _ in -Double.infinity }, dy.map { _ in 0.0 })
        var (dLargest, dMean) = (x.map { _ in 0.0 }, x.map { _ in 0.0 })
        for o in dy.indices {
          let window = pixels(ofOutput: o, shape)
          let best = window.reduce(window[0]) { x[$1] > x[$0] ? $1 : $0 }
          largest[o] = Double(x[best])
          dLargest[best] += Double(dy[o])
          for i in window {
            mean[o] += Double(x[i]) / Double(window.count)
            dMean[i] += Double(dy[o]) / Double(window.count)
          }
        }
        let (p, g) = (device.makeBuffer(x), device.makeBuffer(dy))
        let pooled = device.maxPool(p, shape)
        try probe.expect(pooled.values, largest, "max pooling")
        try probe.expect(device.maxPoolBackward(pooled.indices, dy: g, shape), dLargest, "dx of max pooling")
        try probe.expect(device.averagePool(p, shape, countsPadding: false), mean, "average pooling")
        try probe.expect(device.averagePoolBackward(g, shape, countsPadding: false), dMean, "dx of average pooling")
      }
    }
  ]

  /// The places in x(N,H,W,C) that number `output` of y(N,P,Q,C) sees, row by row.
  private static func pixels(ofOutput output: Int, _ s: PoolShape) -> [Int] {
    let (channel, pixel) = (output % s.channels, output / s.channels)
    let q = pixel % s.outputWidth
    let (p, image) = (pixel / s.outputWidth % s.outputHeight, pixel / s.outputWidth / s.outputHeight)
    let (top, left) = (p * s.strideHeight - s.padding.top, q * s.strideWidth - s.padding.left)
    return (max(top, 0)..<min(top + s.kernelHeight, s.height)).flatMap { i in
      (max(left, 0)..<min(left + s.kernelWidth, s.width)).map { j in
        ((image * s.height + i) * s.width + j) * s.channels + channel
      }
    }
  }
}
