import Testing

@testable import Kernels

@Suite struct ProductTests {
  @Test(arguments: Target.all) func matmulAgreesWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(1)
    for round in 0..<48 {
      let (m, n, k) = (numbers.pick(oddSizes), numbers.pick(oddSizes + [257]), numbers.pick(oddSizes + [300]))
      // All eight variants, each with and without an epilogue.
      let (transposesA, transposesB, batch) = (round & 1 != 0, round & 2 != 0, round & 4 != 0 ? 3 : 1)
      let shape = MatmulShape(batch: batch, m: m, n: n, k: k, transposesA: transposesA, transposesB: transposesB)
      let hasEpilogue = round & 8 != 0
      let (a, b, bias) = (numbers.floats(batch * m * k), numbers.floats(batch * k * n), numbers.floats(n))
      var expected = [Double](repeating: 0, count: batch * m * n)
      for z in 0..<batch {
        for i in 0..<m {
          for j in 0..<n {
            var sum = hasEpilogue ? Double(bias[j]) : 0
            for l in 0..<k {
              let left = a[z * m * k + (transposesA ? l * m + i : i * k + l)]
              let right = b[z * k * n + (transposesB ? j * k + l : l * n + j)]
              sum += Double(left) * Double(right)
            }
            expected[(z * m + i) * n + j] = hasEpilogue ? max(sum, 0) : sum
          }
        }
      }
      let c = device.matmul(
        device.makeBuffer(a), device.makeBuffer(b), shape, bias: hasEpilogue ? device.makeBuffer(bias) : nil,
        activation: hasEpilogue ? .relu : .none)
      expectClose(try device.read(c, as: Float.self, count: expected.count), expected, depth: k, "\(shape)")
    }
  }

  @Test(arguments: Target.all) func packedMatmulAgreesWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(2)
    let (m, n, k) = (257, 35, 530)
    let (a, b) = (numbers.floats(m * k), numbers.floats(k * n))
    var expected = [Double](repeating: 0, count: m * n)
    for i in 0..<m { for j in 0..<n { for l in 0..<k { expected[i * n + j] += Double(a[i * k + l]) * Double(b[l * n + j]) } } }
    let c = device.matmul(device.makeBuffer(a), device.makeBuffer(b), MatmulShape(m: m, n: n, k: k))
    expectClose(try device.read(c, as: Float.self, count: m * n), expected, depth: k)
  }

  /// Few rows and a large right operand: as products in batches, and as 1x1 convolutions, with all that may be done on the way out.
  @Test(arguments: Target.all) func thinProductsAgreeWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(9)
    for (m, n, k) in [(1, 515, 257), (3, 1027, 67), (8, 65, 1030), (5, 2050, 33)] {
      let shape = ConvolutionShape(
        batch: 1, height: 1, width: m, inputChannels: k, outputChannels: n, kernel: (1, 1))
      try check(shape, device, &numbers)
      let (a, b) = (numbers.floats(2 * m * k), numbers.floats(2 * k * n))
      let both = try device.read(
        device.matmul(device.makeBuffer(a), device.makeBuffer(b), MatmulShape(batch: 2, m: m, n: n, k: k)), as: Float.self,
        count: 2 * m * n)
      for z in 0..<2 {
        // The columns one by one, which are too few to be thin.
        let (left, right) = (device.makeBuffer(Array(a[z * m * k..<(z + 1) * m * k])), b[z * k * n..<(z + 1) * k * n])
        for j in [0, n / 2, n - 1] {
          let column = device.makeBuffer((0..<k).map { right[right.startIndex + $0 * n + j] })
          let alone = try device.read(device.matmul(left, column, MatmulShape(m: m, n: 1, k: k)), as: Float.self, count: m)
          expectClose((0..<m).map { both[(z * m + $0) * n + j] }, alone.map(Double.init), depth: k, "\(m)x\(n)x\(k), batch \(z)")
        }
      }
    }
  }

  /// The same with a right operand that lies transposed, as in the input gradient of a linear layer.
  @Test(arguments: Target.all) func thinProductsOfTransposedAgreeWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(10)
    for (m, n, k) in [(1, 515, 257), (3, 67, 1027), (8, 65, 1030), (5, 2050, 33), (4, 33, 2048)] {
      let (a, b) = (numbers.floats(2 * m * k), numbers.floats(2 * k * n))
      let shape = MatmulShape(batch: 2, m: m, n: n, k: k, transposesB: true)
      let c = try device.read(device.matmul(device.makeBuffer(a), device.makeBuffer(b), shape), as: Float.self, count: 2 * m * n)
      var expected: [Double] = []
      for z in 0..<2 {
        for i in 0..<m {
          for j in 0..<n {
            let (left, right) = ((z * m + i) * k, (z * n + j) * k)
            expected.append((0..<k).reduce(0.0) { $0 + Double(a[left + $1]) * Double(b[right + $1]) })
          }
        }
      }
      expectClose(c, expected, depth: k, "\(m)x\(n)x\(k)")
    }
  }

  @Test(arguments: Target.all) func convolutionsAgreeWithLoops(_ target: Target) throws {
    var numbers = TestNumbers(3)
    for _ in 0..<40 {
      let groups = numbers.pick([1, 1, 1, 2, 3])
      let kernel = (numbers.pick([1, 2, 3, 5]), numbers.pick([1, 3, 4]))
      let dilation = (numbers.pick([1, 1, 2]), numbers.pick([1, 1, 2]))
      let padding = Padding(
        top: numbers.pick([0, 1, 2]), left: numbers.pick([0, 1, 3]), bottom: numbers.pick([0, 1, 2]), right: numbers.pick([0, 1]))
      let shape = ConvolutionShape(
        batch: numbers.pick([1, 2, 3]), height: numbers.pick([9, 11, 14]), width: numbers.pick([9, 13, 17]),
        inputChannels: groups * numbers.pick([1, 3, 8, 17]), outputChannels: groups * numbers.pick([1, 5, 16, 35]),
        kernel: kernel, stride: (numbers.pick([1, 1, 2, 3]), numbers.pick([1, 1, 2])), dilation: dilation, padding: padding,
        groups: groups)
      try check(shape, target.device, &numbers)
    }
  }

  @Test(arguments: Target.all) func depthwiseConvolutionsAgreeWithLoops(_ target: Target) throws {
    var numbers = TestNumbers(4)
    for _ in 0..<30 {
      let channels = numbers.pick([2, 3, 8, 16, 17, 48, 70])
      let shape = ConvolutionShape(
        batch: numbers.pick([1, 2]), height: numbers.pick([8, 9, 15]), width: numbers.pick([5, 9, 16]), inputChannels: channels,
        outputChannels: channels, kernel: (numbers.pick([1, 2, 3, 5]), numbers.pick([1, 2, 3, 4, 5])),
        stride: (numbers.pick([1, 2, 3]), numbers.pick([1, 1, 2, 2, 3])), dilation: (numbers.pick([1, 1, 2]), 1),
        padding: Padding(top: numbers.pick([0, 1, 2]), left: numbers.pick([0, 1]), bottom: numbers.pick([1, 2]), right: numbers.pick([0, 1, 2])),
        groups: channels)
      try check(shape, target.device, &numbers)
    }
    for (channels, size, kernel) in [(32, 28, 7), (17, 7, 7), (260, 4, 3), (1100, 3, 3)] {
      let shape = ConvolutionShape(
        batch: 2, height: size, width: size, inputChannels: channels, outputChannels: channels, kernel: (kernel, kernel),
        padding: Padding(kernel / 2), groups: channels)
      try check(shape, target.device, &numbers)
    }
  }

  /// Square filters of neighbouring taps: widths around the pixels that are computed together, borders wider than a filter.
  @Test(arguments: Target.all) func denseDepthwiseConvolutionsAgreeWithLoops(_ target: Target) throws {
    var numbers = TestNumbers(12)
    for kernel in [3, 5, 7] {
      for width in [1, 2, 4, 5, 8, 9, 17] {
        let channels = numbers.pick([3, 17, 48])
        let left = numbers.pick([kernel / 2, kernel / 2, kernel + 1]), top = numbers.pick([kernel / 2, kernel / 2, kernel + 2])
        let shape = ConvolutionShape(
          batch: numbers.pick([1, 2]), height: numbers.pick([kernel - 1, 8, 9]), width: width, inputChannels: channels,
          outputChannels: channels, kernel: (kernel, kernel),
          padding: Padding(
            top: top, left: left, bottom: numbers.pick([1, kernel / 2]),
            right: max(kernel - width - left, numbers.pick([0, kernel / 2, kernel]))),
          groups: channels)
        try check(shape, target.device, &numbers)
      }
    }
  }

  /// Widths around the pixels that are computed together, and channels that fill vectors and that don't.
  @Test(arguments: Target.all) func groupedConvolutionsAgreeWithLoops(_ target: Target) throws {
    var numbers = TestNumbers(11)
    for (channels, groups) in [(4, 3), (4, 32), (8, 2), (8, 13), (16, 3), (24, 2), (32, 2)] {
      for width in [1, 3, 8, 17] {
        let channels = channels * groups
        let stride = numbers.pick([1, 1, 2])
        let shape = ConvolutionShape(
          batch: 2, height: numbers.pick([1, 4, 7]), width: width, inputChannels: channels, outputChannels: channels,
          kernel: (3, 3), stride: (numbers.pick([1, stride]), stride), dilation: (numbers.pick([1, 1, 2]), 1),
          padding: Padding(top: 2, left: numbers.pick([1, 2]), bottom: numbers.pick([2, 3]), right: 1), groups: groups)
        try check(shape, target.device, &numbers)
      }
    }
  }

  /// Results of 16 MiB and more are stored past the caches.
  @Test(arguments: Target.all) func largeResultsAreThoseOfTheirParts(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(8)
    var shape = ConvolutionShape(
      batch: 1, height: 64, width: 64, inputChannels: 32, outputChannels: 32, kernel: (3, 3), padding: Padding(1), groups: 32)
    let (x, w) = (numbers.floats(shape.inputCount), device.makeBuffer(numbers.floats(shape.weightCount)))
    let part = try device.read(device.convolution(device.makeBuffer(x), w, shape), as: Float.self, count: x.count)
    shape.batch = 33
    let xs = device.makeBuffer([[Float]](repeating: x, count: shape.batch).flatMap { $0 })
    let ys = try device.read(device.convolution(xs, w, shape), as: Float.self, count: shape.outputCount)
    for image in 0..<shape.batch { #expect(ys[image * x.count..<(image + 1) * x.count].elementsEqual(part), "image \(image)") }
  }

  /// A first layer's gradient is made of so many images at a time as fit into the caches.
  @Test(arguments: Target.all) func thinInputGradientsAreThoseOfSingleImages(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(12)
    // Three of 64 x 64 pixels at a time, of maps of 12 channels.
    var shape = ConvolutionShape(
      batch: 5, height: 64, width: 64, inputChannels: 3, outputChannels: 9, kernel: (7, 7), padding: Padding(3))
    let (images, count) = (shape.batch, 64 * 64 * 12)
    let (dy, w) = (numbers.floats(images * count), device.makeBuffer(numbers.floats(shape.weightCount)))
    func gradient(_ dy: [Float]) throws -> [Float] {
      let part = MapPart(device.makeBuffer(dy), channels: 12, first: 2)
      return try device.read(device.convolutionBackwardInput(part, w, shape), as: Float.self, count: shape.inputCount)
    }
    let together = try gradient(dy)
    shape.batch = 1
    for image in 0..<images {
      let alone = try gradient([Float](dy[image * count..<(image + 1) * count]))
      #expect(together[image * alone.count..<(image + 1) * alone.count].elementsEqual(alone), "image \(image)")
    }
    for (channels, kernel, step, padding) in [(4, 3, 2, 4), (1, 2, 3, 1), (2, 9, 1, 8)] {
      try check(
        ConvolutionShape(
          batch: 2, height: 9, width: 7, inputChannels: channels, outputChannels: 17, kernel: (kernel, kernel),
          stride: (1, step), dilation: (2, 1), padding: Padding(padding)), device, &numbers)
    }
  }

  /// Large enough for packed weights and several splits of the weight gradient.
  @Test(arguments: Target.all) func largeConvolutionAgreesWithLoops(_ target: Target) throws {
    var numbers = TestNumbers(5)
    let shape = ConvolutionShape(
      batch: 2, height: 20, width: 33, inputChannels: 30, outputChannels: 257, kernel: (3, 3), padding: Padding(1))
    try check(shape, target.device, &numbers)
  }

  /// Several splits of the pixels, blocks of them, and blocks of channels and of outputs.
  @Test(arguments: Target.all) func weightGradientsOfManyBlocksAgreeWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(7)
    for (size, channels, outputs, kernel, stride, groups) in [
      ((79, 27), 66, 2, 3, 2, 1), ((1, 2100), 3, 260, 1, 1, 1), ((30, 35), 262, 2, 1, 1, 1), ((30, 35), 130, 2, 3, 1, 2),
    ] {
      let shape = ConvolutionShape(
        batch: size.0 == 1 ? 1 : 3, height: size.0, width: size.1, inputChannels: channels, outputChannels: outputs,
        kernel: (kernel, kernel), stride: (stride, 1), padding: Padding(kernel / 2), groups: groups)
      let sample = ConvolutionSample(shape, &numbers)
      let dw = device.convolutionBackwardWeight(device.makeBuffer(sample.x), dy: device.makeBuffer(sample.dy), shape)
      expectClose(
        try device.read(dw, as: Float.self, count: sample.dw.count), sample.dw,
        depth: shape.outputCount / shape.outputChannels * 10, "dw of \(shape)")
    }
  }

  /// Called directly, because only CPUs choose it, and by their own rule. Paddings beyond what a filter needs included.
  @Test(arguments: Target.all) func winogradAgreesWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(6)
    for (size, channels, outputs, padding) in [
      ((1, 1), 1, 1, Padding(1)), ((3, 17), 3, 17, Padding(1)), ((17, 7), 17, 3, .none), ((4, 6), 33, 35, Padding(2)),
      ((9, 13), 33, 35, Padding(top: 1, left: 0, bottom: 2, right: 3)), ((14, 14), 17, 65, Padding(1)),
      ((27, 30), 65, 2, Padding(1)),
    ] {
      let shape = ConvolutionShape(
        batch: 3, height: size.0, width: size.1, inputChannels: channels, outputChannels: outputs, kernel: (3, 3),
        padding: padding)
      let sample = ConvolutionSample(shape, &numbers)
      let w = device.makeBuffer(sample.w)
      let (x, dy) = (device.makeBuffer(sample.x), MapPart(device.makeBuffer(sample.dy), channels: outputs))
      let (y, dx) = (device.fill(0, count: shape.outputCount), device.fill(0, count: shape.inputCount))
      device.winogradConvolution(
        MapPart(x, channels: channels), w, WinogradShape(shape, isBackward: false)!,
        Offset(bias: device.makeBuffer(sample.bias), normalization: nil), .relu6, into: MapPart(y, channels: outputs))
      expectClose(
        try device.read(y, as: Float.self, count: sample.y.count), sample.y.map { min(max($0, 0), 6) },
        depth: 9 * channels, "y of \(shape)")
      device.winogradConvolution(
        dy, w, WinogradShape(shape, isBackward: true)!, Offset(bias: nil, normalization: nil), .none,
        into: MapPart(dx, channels: channels))
      expectClose(
        try device.read(dx, as: Float.self, count: sample.dx.count), sample.dx, depth: 9 * outputs, "dx of \(shape)")
      let dw = device.winogradBackwardWeight(x, dy: dy, WinogradShape(shape, isBackward: false)!)
      expectClose(
        try device.read(dw, as: Float.self, count: sample.dw.count), sample.dw,
        depth: shape.outputCount / outputs, "dw of \(shape)")
    }
  }

  /// The same bits as with a map of its own, and nothing is written beside the part: by products of pixels, by the general
  /// way with strides, and by Winograd's where the device takes it.
  @Test(arguments: Target.all) func partsOfMapsAreLikeMapsOfTheirOwn(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(9)
    for (batch, size, channels, outputs, kernel, stride, first, beside) in [
      (1, 1, 1, 1, 1, 1, 2, 1), (3, 9, 17, 33, 1, 1, 0, 5), (2, 13, 33, 130, 1, 1, 7, 0), (2, 9, 3, 17, 3, 2, 1, 1),
      (16, 8, 17, 35, 3, 1, 3, 2), (1, 17, 257, 3, 3, 1, 16, 0),
    ] {
      let shape = ConvolutionShape(
        batch: batch, height: size, width: size, inputChannels: channels, outputChannels: outputs, kernel: (kernel, kernel),
        stride: (stride, stride), padding: Padding(kernel / 2))
      let (pixels, pitch) = (shape.outputCount / outputs, first + outputs + beside)
      let dy = numbers.floats(pixels * pitch)
      func part(_ map: [Float]) -> [Float] {
        (0..<pixels).flatMap { map[$0 * pitch + first..<$0 * pitch + first + outputs] }
      }
      let x = device.makeBuffer(numbers.floats(shape.inputCount))
      let (w, bias) = (device.makeBuffer(numbers.floats(shape.weightCount)), device.makeBuffer(numbers.floats(outputs)))
      let map = device.fill(7, count: dy.count)
      device.convolution(
        x, w, shape, bias: bias, activation: .relu, into: MapPart(map, channels: pitch, first: first))
      let written = try device.read(map, as: Float.self, count: dy.count)
      let y = device.convolution(x, w, shape, bias: bias, activation: .relu)
      #expect(try part(written) == device.read(y, as: Float.self, count: shape.outputCount), "\(shape)")
      for (place, value) in written.enumerated() where !(first..<first + outputs).contains(place % pitch) {
        #expect(value == 7, "place \(place) beside the part of \(shape)")
      }
      let (own, shared) = (device.makeBuffer(part(dy)), MapPart(device.makeBuffer(dy), channels: pitch, first: first))
      #expect(
        try device.read(device.convolutionBackwardInput(shared, w, shape), as: Float.self, count: shape.inputCount)
          == device.read(device.convolutionBackwardInput(own, w, shape), as: Float.self, count: shape.inputCount),
        "dx of \(shape)")
      #expect(
        try device.read(device.convolutionBackwardWeight(x, dy: shared, shape), as: Float.self, count: shape.weightCount)
          == device.read(device.convolutionBackwardWeight(x, dy: own, shape), as: Float.self, count: shape.weightCount),
        "dw of \(shape)")
    }
  }

  @Test func winogradIsChosenWhereItPays() throws {
    func shape(_ batch: Int, _ size: Int, _ channels: Int, stride: Int = 1, groups: Int = 1) -> WinogradShape? {
      WinogradShape(
        ConvolutionShape(
          batch: batch, height: size, width: size, inputChannels: channels, outputChannels: channels, kernel: (3, 3),
          stride: (stride, stride), padding: Padding(1), groups: groups), isBackward: false)
    }
    for (batch, size, channels) in [(16, 56, 64), (16, 7, 512), (1, 56, 64), (16, 6, 128)] {
      #expect(shape(batch, size, channels)?.pays == true)
    }
    for (batch, size, channels) in [(1, 7, 512), (32, 5, 128), (16, 56, 3)] {
      #expect(shape(batch, size, channels)?.pays == false)
    }
    #expect(shape(16, 56, 64, stride: 2) == nil)
    #expect(shape(16, 56, 64, groups: 2) == nil)
  }

  private func check(_ shape: ConvolutionShape, _ device: Device, _ numbers: inout TestNumbers) throws {
    let sample = ConvolutionSample(shape, &numbers)
    let (y, dx, dw, c) = (sample.y, sample.dx, sample.dw, shape.inputChannels / shape.groups)
    let k = shape.outputChannels / shape.groups
    let buffers = (device.makeBuffer(sample.x), device.makeBuffer(sample.w), device.makeBuffer(sample.dy))
    let depth = shape.kernelHeight * shape.kernelWidth * c
    let result = device.convolution(
      buffers.0, buffers.1, shape, bias: device.makeBuffer(sample.bias), activation: .relu6)
    expectClose(
      try device.read(result, as: Float.self, count: y.count), y.map { min(max($0, 0), 6) }, depth: depth, "y of \(shape)")
    try checkNormalization(shape, device, buffers.0, buffers.1, &numbers)
    let inputs = device.convolutionBackwardInput(buffers.2, buffers.1, shape)
    expectClose(try device.read(inputs, as: Float.self, count: dx.count), dx, depth: shape.kernelHeight * shape.kernelWidth * k, "dx of \(shape)")
    let weights = device.convolutionBackwardWeight(buffers.0, dy: buffers.2, shape)
    expectClose(
      try device.read(weights, as: Float.self, count: dw.count), dw, depth: shape.outputCount / shape.outputChannels * 10,
      "dw of \(shape)")
  }

  /// A convolution that normalises its sums computes what the two do one after the other.
  private func checkNormalization(
    _ shape: ConvolutionShape, _ device: Device, _ x: Buffer, _ w: Buffer, _ numbers: inout TestNumbers
  ) throws {
    let channels = shape.outputChannels
    let parameters = (0..<3).map { _ in device.makeBuffer(numbers.floats(channels)) }
    let statistics = device.batchNormStatistics(
      channels: channels, gamma: parameters[0], beta: parameters[1], runningMean: parameters[2],
      runningVariance: device.makeBuffer(numbers.floats(channels).map { $0 * $0 + 0.5 }), epsilon: 1e-5)
    for residual in [nil, device.makeBuffer(numbers.floats(shape.outputCount))] where residual == nil || !shape.isDepthwise {
      let apart = device.batchNormApply(
        device.convolution(x, w, shape), BatchNormShape(rows: shape.outputCount / channels, channels: channels), statistics,
        residual: residual, activation: .relu6)
      let together = device.convolution(x, w, shape, normalization: statistics, residual: residual, activation: .relu6)
      expectClose(
        try device.read(together, as: Float.self, count: shape.outputCount),
        try device.read(apart, as: Float.self, count: shape.outputCount).map(Double.init), depth: 10,
        "normalised y of \(shape)\(residual == nil ? "" : " and a residual")")
    }
  }
}

/// Random operands of a convolution, and its result and gradients by loops in Double.
private struct ConvolutionSample {
  let x, w, dy, bias: [Float]
  private(set) var y: [Double]
  private(set) var dx: [Double]
  private(set) var dw: [Double]

  init(_ shape: ConvolutionShape, _ numbers: inout TestNumbers) {
    (x, w) = (numbers.floats(shape.inputCount), numbers.floats(shape.weightCount))
    (dy, bias) = (numbers.floats(shape.outputCount), numbers.floats(shape.outputChannels))
    let (x, w, dy, bias) = (x, w, dy, bias)
    y = (0..<shape.outputCount).map { Double(bias[$0 % shape.outputChannels]) }
    dx = [Double](repeating: 0, count: shape.inputCount)
    dw = [Double](repeating: 0, count: shape.weightCount)
    let (c, k) = (shape.inputChannels / shape.groups, shape.outputChannels / shape.groups)
    for n in 0..<shape.batch {
      for p in 0..<shape.outputHeight {
        for q in 0..<shape.outputWidth {
          for r in 0..<shape.kernelHeight {
            for s in 0..<shape.kernelWidth {
              let i = p * shape.strideHeight - shape.padding.top + r * shape.dilationHeight
              let j = q * shape.strideWidth - shape.padding.left + s * shape.dilationWidth
              guard i >= 0, i < shape.height, j >= 0, j < shape.width else { continue }
              for o in 0..<shape.outputChannels {
                let at = ((n * shape.outputHeight + p) * shape.outputWidth + q) * shape.outputChannels + o
                for l in 0..<c {
                  let from = ((n * shape.height + i) * shape.width + j) * shape.inputChannels + o / k * c + l
                  let tap = ((r * shape.kernelWidth + s) * c + l) * shape.outputChannels + o
                  y[at] += Double(x[from]) * Double(w[tap])
                  dx[from] += Double(dy[at]) * Double(w[tap])
                  dw[tap] += Double(dy[at]) * Double(x[from])
                }
              }
            }
          }
        }
      }
    }
  }
}
