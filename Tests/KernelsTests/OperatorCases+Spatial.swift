@testable import Kernels

extension OperatorCase {
  /// Resampling, optimizers, norms, random numbers, halves.
  static let spatial: [OperatorCase] = [
    OperatorCase("transposed convolution") { run in
      for (channels, outputs, groups, kernel, stride) in [
        (3, 5, 1, 3, 2), (34, 3, 1, 5, 2), (6, 34, 2, 2, 1), (17, 17, 17, 3, 2), (33, 129, 1, 1, 1),
      ] {
        let shape = ConvolutionShape(
          batch: 2, height: 9, width: 8, inputChannels: outputs, outputChannels: channels, kernel: (kernel, kernel),
          stride: (stride, stride), padding: Padding(kernel / 2), groups: groups)
        try run.keep(
          run.device.transposedConvolution(
            run.input(shape.outputCount), run.input(shape.weightCount), shape, bias: run.input(outputs),
            activation: .relu6))
      }
    },
    OperatorCase("resampling") { run in
      for (size, outputs, channels) in [((1, 1), (1, 3), 1), ((7, 5), (3, 9), 17), ((9, 8), (4, 8), 33)] {
        let shape = ResamplingShape(
          batch: 2, height: size.0, width: size.1, channels: channels, outputHeight: outputs.0, outputWidth: outputs.1)
        let (x, dy) = (run.input(shape.inputCount), run.input(shape.outputCount))
        try run.keep(run.device.adaptiveAveragePool(x, shape), run.device.adaptiveAveragePoolBackward(dy, shape))
        for way in [Interpolation.nearest, .bilinear(alignsCorners: false), .bilinear(alignsCorners: true)] {
          try run.keep(run.device.resize(x, shape, way), run.device.resizeBackward(dy, shape, way))
        }
      }
    },
    OperatorCase("Fourier transform") { run in
      for (size, frames, hop) in [(2, 1, 2), (4, 17, 3), (256, 3, 80), (Chosen.isSmall ? 64 : 4096, 2, 33)] {
        let plan = FourierPlan(window: run.floats(size), on: run.device)
        try run.keep(run.device.fourierTransform(run.input(300), length: 300, frames: frames, hop: hop, first: -1, plan))
      }
    },
    OperatorCase("adaptive steps") { run in
      for kind in 0..<5 {
        let tensors = [1, 3, 17, 64, 129, 8195, 7, 33, 5].map { count in
          UpdatedTensor(
            count: count, gradient: run.input(count), value: run.input(count),
            moments: (0..<[3, 2, 1, 1, 2][kind]).map { _ in run.input(count, plus: 2) })
        }
        let d = run.device
        switch kind {
        case 0:
          d.adamStep(tensors, AdamUpdate(step: 2, learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8))
        case 1:
          d.rmsPropStep(tensors, learningRate: 0.1, alpha: 0.9, momentum: 0.5, epsilon: 1e-8, weightDecay: 0.1)
        case 2: d.adagradStep(tensors, learningRate: 0.1, epsilon: 1e-8, weightDecay: 0.1)
        case 3: d.lionStep(tensors, learningRate: 0.1, beta1: 0.9, beta2: 0.99, weightDecay: 0.1)
        default:
          let clip = d.clipFactor(
            squares: d.squareSum(tensors.map { ($0.count, $0.gradient) }), limit: 1, epsilon: 0)
          d.lambStep(
            tensors, step: 2, learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1,
            isAdapted: true, clip: clip)
          try run.keep(clip)
        }
        for tensor in tensors {
          try run.keep(tensor.value)
          for moment in tensor.moments { try run.keep(moment) }
        }
      }
      for (rows, columns) in [(17, 33), (1, 8195), (300, 129)] {
        for isFactored in [true, false] {
          let count = rows * columns
          let moments =
            isFactored ? [run.input(rows, plus: 2), run.input(columns, plus: 2)] : [run.input(count, plus: 2)]
          let tensor = UpdatedTensor(
            count: count, gradient: run.input(count), value: run.input(count), moments: moments)
          run.device.adafactorStep(
            tensor, columns: isFactored ? columns : nil, step: 3, learningRate: 0.1, decayRate: -0.8, epsilon: 1e-30,
            threshold: 0.5, weightDecay: 0.1)
          try run.keep(tensor.value, tensor.moments[0], tensor.moments.last)
        }
      }
    },
    OperatorCase("gradient norms") { run in
      let counts = [1, 3, 17, 129, 8195, 20000, 7, 64, 5, 33]
      let tensors = counts.map { (count: $0, buffer: run.input($0)) }
      let clip = run.device.clipFactor(squares: run.device.squareSum(tensors), limit: 1)
      try run.keep(clip)
      for buffer in run.device.scaled(tensors, by: clip) { try run.keep(buffer) }
    },
    OperatorCase("random numbers") { run in
      for count in [1, 3, 17, 129, 8195] {
        // As halves of words, since words may be NaN as floats.
        let words = try run.device.read(
          run.device.randomWords(seed: 9, stream: 4, count: count), as: UInt32.self, count: count)
        try run.keep(
          run.device.makeBuffer(words.flatMap { [$0 >> 16, $0 & 0xFFFF] }),
          run.device.randomUniform(-1..<2, seed: 9, stream: 4, count: count),
          run.device.randomNormal(mean: 1, deviation: 2, seed: 9, stream: 4, count: count))
      }
    },
    OperatorCase("halves") { run in
      for count in [1, 3, 17, 129, 8195] {
        let halves = run.device.halves(of: run.input(count), count: count)
        try run.keep(halves, run.device.floats(of: halves, count: count))
        let d = run.device
        for result in [
          d.addHalves(halves, halves, count: count), d.subtractHalves(halves, halves, count: count),
          d.multiplyHalves(halves, halves, count: count), d.activateHalves(halves, .relu6, count: count),
        ] { try run.keep(d.floats(of: result, count: count)) }
      }
      for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 33, 129), (65, 130, 17)] {
        let (a, b) = (
          run.device.halves(of: run.input(m * k), count: m * k), run.device.halves(of: run.input(k * n), count: k * n)
        )
        let c = run.device.matmulOfHalves(a, b, m: m, n: n, k: k, bias: run.input(n), activation: .relu)
        try run.keep(run.device.floats(of: c, count: m * n))
      }
      for (channels, outputs, groups) in [(3, 5, 1), (34, 66, 2)] {
        let shape = ConvolutionShape(
          batch: 2, height: 7, width: 5, inputChannels: channels, outputChannels: outputs, kernel: (3, 2), stride: (2, 1),
          padding: Padding(1), groups: groups)
        let (x, w) = (
          run.device.halves(of: run.input(shape.inputCount), count: shape.inputCount),
          run.device.halves(of: run.input(shape.weightCount), count: shape.weightCount)
        )
        let y = run.device.convolutionOfHalves(x, w, shape, bias: run.input(outputs), activation: .relu6)
        try run.keep(run.device.floats(of: y, count: shape.outputCount))
      }
    },
    OperatorCase("multiply-adds") { run in
      for (rounds, groups) in [(0, 1), (3, 17)] { try run.keep(run.device.multiplyAdds(rounds: rounds, groups: groups)) }
    },
  ]
}
