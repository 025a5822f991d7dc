import Testing

@testable import Kernels

/// Transposed convolution, adaptive pooling and resizing against loops in float64.
@Suite struct ResamplingTests {
  /// Each output as a list of (input place, weight) along one dimension.
  private typealias Taps = [[(at: Int, weight: Double)]]

  private func bins(_ size: Int, _ outputs: Int) -> Taps {
    (0..<outputs).map { p in
      let first = Int((Double(p * size) / Double(outputs)).rounded(.down))
      let end = Int((Double((p + 1) * size) / Double(outputs)).rounded(.up))
      return (first..<end).map { ($0, 1 / Double(end - first)) }
    }
  }

  private func places(_ size: Int, _ outputs: Int, _ way: Interpolation) -> Taps {
    (0..<outputs).map { p in
      let at: Double
      switch way {
      case .nearest: return [(p * size / outputs, 1)]
      case .bilinear(alignsCorners: true): at = outputs > 1 ? Double(p * (size - 1)) / Double(outputs - 1) : 0
      case .bilinear(alignsCorners: false):
        at = max(0, (Double(p) + 0.5) * Double(size) / Double(outputs) - 0.5)
      }
      let first = min(Int(at), size - 1)
      return [(first, 1 - (at - Double(first))), (min(first + 1, size - 1), at - Double(first))]
    }
  }

  /// Both directions of a map that is a product of one along the rows and one along the columns.
  private func check(
    _ shape: ResamplingShape, _ rows: Taps, _ columns: Taps, _ numbers: inout TestNumbers, _ comment: Comment,
    _ device: Device, forward: (Buffer) -> Buffer, backward: (Buffer) -> Buffer
  ) throws {
    let (x, dy) = (numbers.floats(shape.inputCount), numbers.floats(shape.outputCount))
    var (y, dx) = ([Double](repeating: 0, count: dy.count), [Double](repeating: 0, count: x.count))
    for n in 0..<shape.batch {
      for (p, row) in rows.enumerated() {
        for (q, column) in columns.enumerated() {
          for (i, down) in row {
            for (j, across) in column {
              for c in 0..<shape.channels {
                let from = ((n * shape.height + i) * shape.width + j) * shape.channels + c
                let to = ((n * shape.outputHeight + p) * shape.outputWidth + q) * shape.channels + c
                y[to] += down * across * Double(x[from])
                dx[from] += down * across * Double(dy[to])
              }
            }
          }
        }
      }
    }
    expectClose(try device.read(forward(device.makeBuffer(x)), as: Float.self, count: y.count), y, comment)
    expectClose(try device.read(backward(device.makeBuffer(dy)), as: Float.self, count: dx.count), dx, comment)
  }

  @Test(arguments: Target.all) func resamplingIsItsFormula(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(90)
    let sizes = [1, 2, 3, 5, 7, 16, 17, 33]
    for _ in 0..<30 {
      let shape = ResamplingShape(
        batch: numbers.pick([1, 2]), height: numbers.pick(sizes), width: numbers.pick(sizes),
        channels: numbers.pick([1, 3, 17]), outputHeight: numbers.pick(sizes), outputWidth: numbers.pick(sizes))
      try check(
        shape, bins(shape.height, shape.outputHeight), bins(shape.width, shape.outputWidth), &numbers,
        "adaptive pooling \(shape)", device, forward: { device.adaptiveAveragePool($0, shape) },
        backward: { device.adaptiveAveragePoolBackward($0, shape) })
      for way in [Interpolation.nearest, .bilinear(alignsCorners: false), .bilinear(alignsCorners: true)] {
        try check(
          shape, places(shape.height, shape.outputHeight, way), places(shape.width, shape.outputWidth, way), &numbers,
          "\(way) \(shape)", device, forward: { device.resize($0, shape, way) },
          backward: { device.resizeBackward($0, shape, way) })
      }
    }
  }

  @Test(arguments: Target.all) func transposedConvolutionScatters(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(91)
    for trial in 0..<24 {
      let groups = [1, 1, 2, 3][trial % 4]
      let isDepthwise = trial % 8 == 7
      let (inputs, outputs) = (
        isDepthwise ? 5 : groups * numbers.pick([1, 2, 5, 17]), isDepthwise ? 5 : groups * numbers.pick([1, 3, 16, 33])
      )
      let kernel = (numbers.pick([1, 2, 3]), numbers.pick([1, 3]))
      let padding = Padding(top: 0, left: kernel.1 / 2, bottom: kernel.0 / 2, right: 0)
      let s = ConvolutionShape(
        batch: numbers.pick([1, 2]), height: numbers.pick([5, 7, 9]), width: numbers.pick([5, 8, 17]),
        inputChannels: outputs, outputChannels: inputs, kernel: kernel,
        stride: (numbers.pick([1, 2]), numbers.pick([1, 3])), dilation: (1, numbers.pick([1, 2])), padding: padding,
        groups: isDepthwise ? 5 : groups)
      let (x, w, bias) = (numbers.floats(s.outputCount), numbers.floats(s.weightCount), numbers.floats(outputs))
      var y = (0..<s.inputCount).map { Double(bias[$0 % outputs]) }
      let (c, k) = (outputs / s.groups, inputs / s.groups)
      for n in 0..<s.batch {
        for p in 0..<s.outputHeight {
          for q in 0..<s.outputWidth {
            for r in 0..<s.kernelHeight {
              for t in 0..<s.kernelWidth {
                let i = p * s.strideHeight + r * s.dilationHeight - s.padding.top
                let j = q * s.strideWidth + t * s.dilationWidth - s.padding.left
                guard (0..<s.height).contains(i), (0..<s.width).contains(j) else { continue }
                for g in 0..<s.groups {
                  for from in 0..<k {
                    let value = Double(x[((n * s.outputHeight + p) * s.outputWidth + q) * inputs + g * k + from])
                    for to in 0..<c {
                      y[((n * s.height + i) * s.width + j) * outputs + g * c + to] +=
                        value * Double(w[((r * s.kernelWidth + t) * c + to) * inputs + g * k + from])
                    }
                  }
                }
              }
            }
          }
        }
      }
      let isRelu = trial % 3 == 0
      let result = device.transposedConvolution(
        device.makeBuffer(x), device.makeBuffer(w), s, bias: device.makeBuffer(bias),
        activation: isRelu ? .relu : .none)
      expectClose(
        try device.read(result, as: Float.self, count: y.count), isRelu ? y.map { max($0, 0) } : y,
        depth: k * s.kernelHeight * s.kernelWidth, "\(s)")
    }
  }
}
