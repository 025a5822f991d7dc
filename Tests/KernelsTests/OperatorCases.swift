import Testing

@testable import Kernels

/// One call of an operator, and its gradient's, on fixed numbers. Together they launch every kernel.
struct OperatorCase: Sendable, CustomTestStringConvertible {
  let name: String
  var testDescription: String { name }
  /// The bits of all results.
  let run: @Sendable (Device) throws -> [[UInt32]]

  init(_ name: String, _ body: @escaping @Sendable (Run) throws -> Void) {
    self.name = name
    run = { device in
      let run = Run(device)
      try body(run)
      return run.results
    }
  }

  /// Those that were asked for.
  static let chosen = all.filter { Chosen.operatorCase($0.name) }

  /// What a case works with.
  final class Run {
    let device: Device
    private(set) var results: [[UInt32]] = []
    private var numbers = TestNumbers(80)

    init(_ device: Device) { self.device = device }

    /// A buffer of `count` numbers, to which `offset` is added.
    func input(_ count: Int, plus offset: Float = 0) -> Buffer {
      device.makeBuffer(numbers.floats(count).map { $0 + offset })
    }

    func floats(_ count: Int) -> [Float] { numbers.floats(count) }

    /// What a convolution's result or its gradient is, in a map with seven more channels.
    func part(of shape: ConvolutionShape) -> MapPart {
      let channels = shape.outputChannels + 7
      return MapPart(input(shape.outputCount / shape.outputChannels * channels), channels: channels, first: 3)
    }

    func labels(_ count: Int, below classes: Int) -> Buffer {
      device.makeBuffer((0..<count).map { Int32($0 * 5 % classes) })
    }

    /// Keeps a result, which fills its buffer.
    func keep(_ buffers: Buffer?...) throws {
      for case let buffer? in buffers {
        results.append(try device.read(buffer, as: UInt32.self, count: buffer.byteCount / 4))
      }
    }
  }
}

extension OperatorCase {
  /// Counts that leave a vector, a tile and a group in part.
  static let counts = Chosen.isSmall ? [1, 17, 129] : [1, 3, 17, 129, 8195]

  static let all: [OperatorCase] = [network, spatial, losses, elementwiseCases, movementCases, indexCases].flatMap { $0 }

  /// What MobileNet and its training need.
  private static let network: [OperatorCase] = [
    OperatorCase("elementwise") { run in
      for count in counts {
        let (a, b) = (run.input(count), run.input(count))
        let d = run.device
        try run.keep(
          d.fill(3, count: count), d.affine(a, scale: 2, offset: 1, count: count), d.add(a, b, count: count),
          d.subtract(a, b, count: count), d.multiply(a, b, count: count))
        for activation in [Activation.none, .relu, .relu6] {
          try run.keep(d.activate(a, activation, count: count), d.activateBackward(a, dy: b, activation, count: count))
          let (dx, sums) = d.activateBackwardSums(a, dy: b, activation, rows: count, columns: 1)
          try run.keep(dx, sums)
        }
      }
    },
    OperatorCase("matmul") { run in
      for (m, n, k) in (Chosen.isSmall ? [(3, 5, 7), (33, 35, 19)] : [(1, 1, 1), (3, 5, 7), (17, 33, 129), (65, 129, 17), (130, 257, 260)]) + [(2, 1030, 65)] {
        for variant in 0..<(Chosen.isSmall && n > 1000 ? 1 : 8) {
          let shape = MatmulShape(
            batch: variant & 4 == 0 ? 1 : 2, m: m, n: n, k: k, transposesA: variant & 1 != 0,
            transposesB: variant & 2 != 0)
          try run.keep(
            run.device.matmul(
              run.input(shape.batch * m * k), run.input(shape.batch * n * k), shape, bias: run.input(n),
              activation: .relu))
        }
      }
      let thin = MatmulShape(batch: 2, m: 3, n: 1030, k: 65, transposesB: true)
      try run.keep(run.device.matmul(run.input(2 * 3 * 65), run.input(2 * 1030 * 65), thin))
    },
    OperatorCase("convolution") { run in
      for (channels, outputs, groups) in [(3, 5, 1), (6, 34, 2), (17, 17, 17), (48, 48, 48), (33, 129, 1)].prefix(Chosen.isSmall ? 3 : 5) {
        for (kernel, stride, dilation) in [((1, 1), (1, 1), 1), ((3, 3), (2, 1), 1), ((2, 3), (1, 2), 2)] {
          let shape = ConvolutionShape(
            batch: 2, height: 9, width: 7, inputChannels: channels, outputChannels: outputs, kernel: kernel,
            stride: stride,
            dilation: (dilation, 1), padding: kernel == (1, 1) ? .none : Padding(top: 1, left: 0, bottom: 2, right: 1),
            groups: groups)
          let (x, w, dy) = (run.input(shape.inputCount), run.input(shape.weightCount), run.input(shape.outputCount))
          try run.keep(
            run.device.convolution(x, w, shape, bias: run.input(outputs), activation: .relu6),
            run.device.convolutionBackwardInput(dy, w, shape), run.device.convolutionBackwardWeight(x, dy: dy, shape))
        }
      }
    },
    OperatorCase("grouped convolution") { run in
      for (channels, groups, stride) in [(4, 5, 1), (8, 13, 2), (16, 2, 1), (32, 2, 1)].prefix(Chosen.isSmall ? 2 : 4) {
        let shape = ConvolutionShape(
          batch: 2, height: 5, width: 9, inputChannels: channels * groups, outputChannels: channels * groups,
          kernel: (3, 3), stride: (stride, stride), padding: Padding(1), groups: groups)
        let (x, w, dy) = (run.input(shape.inputCount), run.input(shape.weightCount), run.input(shape.outputCount))
        try run.keep(
          run.device.convolution(x, w, shape, bias: run.input(shape.outputChannels), activation: .relu6),
          run.device.convolutionBackwardInput(dy, w, shape), run.device.convolutionBackwardWeight(x, dy: dy, shape))
      }
    },
    // Called directly, because only the fallback and CPU drivers choose it, and by their own rule.
    OperatorCase("winograd convolution") { run in
      for (channels, outputs, size) in [(1, 3, (5, 9)), (17, 33, (9, 7)), (35, 129, (13, 6))].prefix(Chosen.isSmall ? 2 : 3) {
        let shape = ConvolutionShape(
          batch: 2, height: size.0, width: size.1, inputChannels: channels, outputChannels: outputs, kernel: (3, 3),
          padding: Padding(top: 1, left: 0, bottom: 2, right: 1))
        let (x, w) = (run.input(shape.inputCount), run.input(shape.weightCount))
        let (part, dx) = (run.part(of: shape), run.device.fill(0, count: shape.inputCount))
        let y = run.part(of: shape)
        run.device.winogradConvolution(
          MapPart(x, channels: channels), w, WinogradShape(shape, isBackward: false)!,
          Offset(bias: run.input(outputs), normalization: nil), .relu6, into: y)
        run.device.winogradConvolution(
          part, w, WinogradShape(shape, isBackward: true)!, Offset(bias: nil, normalization: nil), .none,
          into: MapPart(dx, channels: channels))
        try run.keep(
          y.map, dx, run.device.winogradBackwardWeight(x, dy: part, WinogradShape(shape, isBackward: false)!))
      }
    },
    OperatorCase("convolution into a part of a map") { run in
      for (channels, outputs, kernel, stride) in [(3, 5, 1, 1), (33, 130, 1, 1), (17, 34, 3, 2), (5, 33, 3, 1)] {
        let shape = ConvolutionShape(
          batch: 2, height: 9, width: 7, inputChannels: channels, outputChannels: outputs, kernel: (kernel, kernel),
          stride: (stride, 1), padding: Padding(kernel / 2))
        let (x, w, part) = (run.input(shape.inputCount), run.input(shape.weightCount), run.part(of: shape))
        try run.keep(
          run.device.convolution(
            x, w, shape, bias: run.input(outputs), activation: .relu6, into: run.part(of: shape)),
          run.device.convolutionBackwardInput(part, w, shape), run.device.convolutionBackwardWeight(x, dy: part, shape))
      }
    },
    OperatorCase("reduction") { run in
      for (outer, axis, inner) in [(1, 1, 1), (3, 17, 5), (1, 5, 129), (3, 1300, 1), (2, 2100, 33)].prefix(Chosen.isSmall ? 4 : 5) {
        let x = run.input(outer * axis * inner)
        let dy = run.input(outer * inner)
        let (values, indices) = run.device.maximum(x, outer: outer, axis: axis, inner: inner)
        try run.keep(
          run.device.sum(x, outer: outer, axis: axis, inner: inner, scale: 0.3), values, indices,
          run.device.maximumBackward(indices, dy: dy, outer: outer, axis: axis, inner: inner),
          run.device.broadcast(dy, outer: outer, axis: axis, inner: inner))
      }
    },
    OperatorCase("batch normalization") { run in
      for (rows, c) in [(2, 1), (17, 3), (129, 17), (300, 130)].prefix(Chosen.isSmall ? 3 : 4) {
        let d = run.device
        let shape = BatchNormShape(rows: rows, channels: c)
        let (x, dy, gamma, beta) = (run.input(rows * c), run.input(rows * c), run.input(c), run.input(c))
        let (mean, variance) = (run.input(c), run.input(c, plus: 2))
        for statistics in [
          d.batchNormStatistics(
            x, shape, gamma: gamma, beta: beta, runningMean: mean, runningVariance: variance, momentum: 0.1,
            epsilon: 1e-5),
          d.batchNormStatistics(
            channels: c, gamma: gamma, beta: beta, runningMean: mean, runningVariance: variance, epsilon: 1e-5),
        ] {
          let plain = d.batchNormBackward(
            x, dy: dy, shape, statistics, activation: .relu6, needsParameters: true, needsInput: true)
          let y = d.batchNormApply(x, shape, statistics, residual: dy, activation: .relu)
          let (behind, residual) = d.batchNormBackward(
            x, y: y, dy: dy, other: x, shape, statistics, activation: .relu, needsParameters: true, needsInput: true)
          try run.keep(
            mean, variance, d.batchNormApply(x, shape, statistics, residual: nil, activation: .relu), y, residual)
          for gradients in [plain, behind] { try run.keep(gradients.dx!, gradients.dgamma!, gradients.dbeta!) }
        }
      }
    },
    OperatorCase("pooling") { run in
      for (channels, roundsUp) in [(1, false), (17, true), (33, false)] {
        let shape = PoolShape(
          batch: 2, height: 7, width: 9, channels: channels, kernel: (3, 2), stride: (2, 3), padding: Padding(1),
          roundsUp: roundsUp)
        let (x, dy) = (run.input(shape.inputCount), run.input(shape.outputCount))
        let (values, indices) = run.device.maxPool(x, shape)
        try run.keep(values, indices, run.device.maxPoolBackward(indices, dy: dy, shape))
        for countsPadding in [true, false] {
          try run.keep(
            run.device.averagePool(x, shape, countsPadding: countsPadding),
            run.device.averagePoolBackward(dy, shape, countsPadding: countsPadding))
        }
      }
    },
    OperatorCase("optimizer steps") { run in
      for moments in [1, 2] {
        let tensors = [1, 3, 17, 64, 129, Chosen.isSmall ? 65 : 8195, 7, 33, 5].map { count in
          UpdatedTensor(
            count: count, gradient: run.input(count), value: run.input(count),
            moments: (0..<moments).map { _ in run.input(count, plus: 2) })
        }
        if moments == 1 {
          run.device.sgdStep(tensors, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true)
        } else {
          run.device.adamWStep(
            tensors, step: 3, learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01)
        }
        for tensor in tensors {
          try run.keep(tensor.value)
          for moment in tensor.moments { try run.keep(moment) }
        }
      }
    },
    OperatorCase("averages of weights") { run in
      let pairs = [1, 3, 17, 64, 129, Chosen.isSmall ? 65 : 8195, 7, 33, 5].map { count in
        (count: count, a: run.input(count), b: run.input(count))
      }
      run.device.average(pairs.map { ($0.count, weights: $0.a, average: $0.b) }, share: 0.3)
      run.device.exchange(pairs)
      for pair in pairs {
        try run.keep(pair.a)
        try run.keep(pair.b)
      }
    },
    OperatorCase("images and dropout") { run in
      for pixels in [1, 17, 1031] {
        let bytes = run.device.makeBuffer((0..<2 * pixels * 3).map { UInt8($0 * 37 % 256) })
        try run.keep(run.device.normalizeBytes(bytes, colour: run.input(24), images: 2, pixels: pixels))
      }
      for count in counts {
        try run.keep(run.device.dropout(run.input(count, plus: 2), probability: 0.3, seed: 7, stream: 1, count: count))
      }
    },
  ]
    + losses
}
