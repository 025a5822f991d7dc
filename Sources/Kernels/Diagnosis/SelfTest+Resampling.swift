// Images brought to other sizes.

extension SelfTest {
  static let resampling = [
    SelfTest("adaptive pooling") { probe in
      try check(probe, "adaptive pooling", bins) { device, x, shape in
        device.adaptiveAveragePool(x, shape)
      } backward: { device, dy, shape in
        device.adaptiveAveragePoolBackward(dy, shape)
      }
    },
    SelfTest("resizing") { probe in
      for way in [Interpolation.nearest, .bilinear(alignsCorners: false), .bilinear(alignsCorners: true)] {
        try check(probe, "resizing, \(way)", { places($0, $1, way) }) { device, x, shape in
          device.resize(x, shape, way)
        } backward: { device, dy, shape in
          device.resizeBackward(dy, shape, way)
        }
      }
    },
  ]

  /// What each output is the sum of along one dimension: places of the input with weights.
  private typealias Taps = [[(at: Int, weight: Double)]]

  private static func bins(_ size: Int, _ outputs: Int) -> Taps {
    (0..<outputs).map { p in
      let bin = p * size / outputs..<((p + 1) * size + outputs - 1) / outputs
      return bin.map { ($0, 1 / Double(bin.count)) }
    }
  }

  private static func places(_ size: Int, _ outputs: Int, _ way: Interpolation) -> Taps {
    (0..<outputs).map { p in
      let place: Double
      switch way {
      case .nearest: return [(p * size / outputs, 1)]
      case .bilinear(alignsCorners: true): place = outputs > 1 ? Double(p * (size - 1)) / Double(outputs - 1) : 0
      case .bilinear(alignsCorners: false): place = max(0, (Double(p) + 0.5) * Double(size) / Double(outputs) - 0.5)
      }
      let first = min(Int(place), size - 1)
      return [(first, 1 - (place - Double(first))), (min(first + 1, size - 1), place - Double(first))]
    }
  }

  /// Both directions of a map that is a product of one along the rows and one along the columns.
  private static func check(
    _ probe: Probe, _ name: String, _ taps: (_ size: Int, _ outputs: Int) -> Taps,
    forward: (Device, Buffer, ResamplingShape) -> Buffer, backward: (Device, Buffer, ResamplingShape) -> Buffer
  ) throws {
    let device = probe.device
    for (height, width, channels, outputHeight, outputWidth) in [(7, 5, 3, 4, 9), (6, 11, 35, 13, 3)] {
      let shape = ResamplingShape(
        batch: 2, height: height, width: width, channels: channels, outputHeight: outputHeight,
        outputWidth: outputWidth)
      let (x, dy) = (probe.numbers(shape.inputCount), probe.numbers(shape.outputCount))
      let (rows, columns) = (taps(height, outputHeight), taps(width, outputWidth))
      var (y, dx) = (dy.map { _ in 0.0 }, x.map { _ in 0.0 })
      for o in dy.indices {
        let (c, pixel) = (o % channels, o / channels)
        let (q, p, n) = (pixel % outputWidth, pixel / outputWidth % outputHeight, pixel / outputWidth / outputHeight)
        for (i, down) in rows[p] {
          for (j, across) in columns[q] {
            let place = ((n * height + i) * width + j) * channels + c
            y[o] += down * across * Double(x[place])
            dx[place] += down * across * Double(dy[o])
          }
        }
      }
      try probe.expect(forward(device, device.makeBuffer(x), shape), y, name)
      try probe.expect(backward(device, device.makeBuffer(dy), shape), dx, "dx of \(name)")
    }
  }
}
