/// A matrix product or a convolution at one shape: what tile profiles and algorithms are chosen for, because nearly all
/// arithmetic of a network is in these.
public enum ProductOperation: Sendable, Hashable, Codable {
  case matmul(MatmulShape)
  /// y of x and w.
  case convolution(ConvolutionShape)
  /// dx of dy and w; the transposed convolution too.
  case inputGradient(ConvolutionShape)
  /// dw of x and dy.
  case weightGradient(ConvolutionShape)

  public var flops: Double {
    switch self {
    case .matmul(let shape): shape.flops
    case .convolution(let shape), .inputGradient(let shape), .weightGradient(let shape): shape.flops
    }
  }

  /// The algorithms that can compute it; fewer than two where there is nothing to choose.
  var algorithms: [Algorithm] {
    switch self {
    case .matmul(let shape): shape.transposesA ? [] : shape.transposesB ? [.packed] : [.inPlace, .packed]
    case .convolution(let shape):
      shape.isPointwise || shape.isDepthwise ? [] : [.inPlace, .packed] + winograd(shape, isBackward: false)
    case .inputGradient(let shape):
      shape.isPointwise || shape.isDepthwise ? [] : [.packed] + winograd(shape, isBackward: true)
    case .weightGradient(let shape):
      shape.isPointwise ? [.inPlace, .packed] : winograd(shape, isBackward: false).isEmpty ? [] : [.inPlace, .winograd]
    }
  }

  private func winograd(_ shape: ConvolutionShape, isBackward: Bool) -> [Algorithm] {
    WinogradShape(shape, isBackward: isBackward) == nil ? [] : [.winograd]
  }

  // MARK: Running it

  /// Numbers of its two inputs and of its result.
  var counts: (left: Int, right: Int, result: Int) {
    switch self {
    case .matmul(let s): (s.batch * s.m * s.k, s.batch * s.k * s.n, s.batch * s.m * s.n)
    case .convolution(let s): (s.inputCount, s.weightCount, s.outputCount)
    case .inputGradient(let s): (s.outputCount, s.weightCount, s.inputCount)
    case .weightGradient(let s): (s.inputCount, s.outputCount, s.weightCount)
    }
  }

  /// Products that are summed for a number of the result, on average.
  var depth: Int { max(1, Int(flops / 2) / max(1, counts.result)) }

  /// Two inputs of numbers in [-1, 1), the same bits on every device.
  func inputs(on device: Device) -> (left: Buffer, right: Buffer) {
    (
      device.randomUniform(-1..<1, seed: 1, stream: 0, count: counts.left),
      device.randomUniform(-1..<1, seed: 1, stream: 1, count: counts.right)
    )
  }

  /// Launches it once.
  func run(_ left: Buffer, _ right: Buffer, on device: Device) -> Buffer {
    switch self {
    case .matmul(let shape): device.matmul(left, right, shape)
    case .convolution(let shape): device.convolution(left, right, shape)
    case .inputGradient(let shape): device.convolutionBackwardInput(left, right, shape)
    case .weightGradient(let shape): device.convolutionBackwardWeight(left, dy: right, shape)
    }
  }
}

extension ProductOperation: CustomStringConvertible {
  public var description: String {
    switch self {
    case .matmul(let s):
      "matmul \(s.batch == 1 ? "" : "\(s.batch) x ")\(s.m) x \(s.n) x \(s.k)" + (s.transposesB ? ", B transposed" : "")
    case .convolution(let shape): "conv2d \(shape)"
    case .inputGradient(let shape): "conv2d dx \(shape)"
    case .weightGradient(let shape): "conv2d dw \(shape)"
    }
  }
}

extension ConvolutionShape: CustomStringConvertible {
  /// Batch x channels x size, outputs, kernel and what else is special.
  public var description: String {
    "\(batch) x \(inputChannels) x \(height) x \(width) to \(outputChannels), \(kernelHeight)x\(kernelWidth)"
      + (strideHeight > 1 || strideWidth > 1 ? "/\(strideHeight)" : "") + (groups > 1 ? ", \(groups) groups" : "")
  }
}
