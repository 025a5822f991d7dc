public import Kernels

/// One operator at one shape, to be timed: the operators and shapes that benchmarks of networks are made of.
public struct KernelCase {
  /// What can be timed, under the names of PyTorch's side of the comparison.
  public enum Operation: String, CaseIterable, Sendable {
    case matmul
    case convolution = "conv2d"
    case convolutionBackwardInput = "conv2d.backwardInput"
    case convolutionBackwardWeight = "conv2d.backwardWeight"
    case batchNorm = "batchNorm.train"
    case relu
    case add
    case maxPooling = "maxPool3s2"
    case sum
    case softmax

    /// What the numbers of a shape are.
    public var sizes: [String] {
      switch self {
      case .matmul: ["m", "n", "k"]
      case .convolution, .convolutionBackwardInput, .convolutionBackwardWeight:
        ["batch", "channels", "size", "outputs", "kernel", "stride", "groups"]
      case .batchNorm, .relu, .add, .maxPooling: ["batch", "channels", "size"]
      case .sum: ["count"]
      case .softmax: ["rows", "classes"]
      }
    }

    /// The shapes that are timed unless others are given: products and convolutions of ResNet and MobileNet, and tensors
    /// that no cache holds.
    public var shapes: [[Int]] {
      switch self {
      case .matmul: [256, 512, 1024, 2048].map { [$0, $0, $0] } + [[12544, 64, 147], [64, 1000, 512], [1, 4096, 4096]]
      case .convolution, .convolutionBackwardInput, .convolutionBackwardWeight:
        [
          [16, 3, 224, 64, 7, 2, 1], [16, 64, 56, 64, 3, 1, 1], [16, 128, 28, 128, 3, 1, 1], [16, 256, 14, 256, 3, 1, 1],
          [16, 512, 7, 512, 3, 1, 1], [16, 64, 56, 128, 3, 2, 1], [16, 64, 56, 256, 1, 1, 1], [16, 256, 56, 64, 1, 1, 1],
          [16, 1024, 14, 256, 1, 1, 1], [16, 144, 56, 144, 3, 1, 144], [16, 576, 14, 576, 3, 1, 576],
          [16, 96, 112, 96, 3, 2, 96],
        ]
      case .batchNorm, .relu, .add, .maxPooling: [[16, 64, 56]]
      case .sum: [[1 << 24]]
      case .softmax: [[4096, 1000]]
      }
    }

    /// Why `shape` is none of this operation's; nil where it is.
    public func misfit(_ shape: [Int]) -> String? {
      if shape.count != sizes.count || shape.contains(where: { $0 <= 0 }) {
        return "\(rawValue) takes \(sizes.joined(separator: ",")), not \(shape.map(String.init).joined(separator: ","))"
      }
      if sizes.last == "groups", shape[1] % shape[6] != 0 || shape[3] % shape[6] != 0 {
        return "\(shape[6]) groups divide neither \(shape[1]) channels nor \(shape[3]) outputs evenly"
      }
      return nil
    }
  }

  public let operation: Operation
  public let shape: [Int]
  /// Floating-point operations; nil where memory bounds the operation whatever the device.
  public let flops: Double?
  /// Bytes that are read and written at least.
  public let bytes: Double
  /// Launches it once.
  public let run: () -> Void

  /// - Parameter shape: the operation's `sizes`.
  public init(_ operation: Operation, _ shape: [Int], on device: Device) {
    precondition(operation.misfit(shape) == nil, operation.misfit(shape) ?? "")
    (self.operation, self.shape) = (operation, shape)
    switch operation {
    case .matmul:
      let product = MatmulShape(m: shape[0], n: shape[1], k: shape[2])
      let (a, b) = (device.fill(1, count: product.m * product.k), device.fill(1, count: product.k * product.n))
      flops = product.flops
      bytes = 4 * Double(product.m * product.k + product.k * product.n + product.m * product.n)
      run = { _ = device.matmul(a, b, product) }
    case .convolution, .convolutionBackwardInput, .convolutionBackwardWeight:
      let convolution = ConvolutionShape(
        batch: shape[0], height: shape[2], width: shape[2], inputChannels: shape[1], outputChannels: shape[3],
        kernel: (shape[4], shape[4]), stride: (shape[5], shape[5]), padding: Padding(shape[4] / 2), groups: shape[6])
      let (x, w) = (device.fill(1, count: convolution.inputCount), device.fill(1, count: convolution.weightCount))
      let dy = device.fill(1, count: convolution.outputCount)
      flops = convolution.flops
      bytes = 4 * Double(convolution.inputCount + convolution.weightCount + convolution.outputCount)
      run = switch operation {
      case .convolution: { _ = device.convolution(x, w, convolution) }
      case .convolutionBackwardInput: { _ = device.convolutionBackwardInput(dy, w, convolution) }
      default: { _ = device.convolutionBackwardWeight(x, dy: dy, convolution) }
      }
    case .batchNorm, .relu, .add, .maxPooling, .sum, .softmax:
      let shape = operation.sizes.last == "size" ? [shape[0], shape[2], shape[2], shape[1]] : shape
      let x = Tensor(repeating: 1, shape: shape, on: device)
      flops = nil
      let (traffic, work) = Self.stream(operation, x)
      bytes = traffic * 4 * Double(x.count)
      run = { withoutGradients { _ = work() } }
    }
  }

  /// How often an operation that memory bounds goes over its input, what it writes included, and the operation.
  private static func stream(_ operation: Operation, _ x: Tensor) -> (traffic: Double, run: () -> Tensor) {
    switch operation {
    case .batchNorm:
      let norm = BatchNorm(x.shape.last!, on: x.device)
      return (3, { norm(x) })
    case .relu: return (2, { x.relu() })
    case .add: return (3, { x + x })
    case .maxPooling: return (1.25, { x.maxPooled(kernel: 3, stride: 2, padding: Padding(1)) })
    case .sum: return (1, { x.sum() })
    default: return (2, { x.softmax() })
    }
  }

  /// The median of `runs`, each waited for, after two that pay for preparations; in seconds.
  public func seconds(runs: Int, on device: Device) throws -> Double { try device.medianSeconds(runs: runs, warmUps: 2, run) }
}

extension Device {
  /// The median of `runs` of `work`, each waited for, after some that pay for preparations.
  func medianSeconds(runs: Int, warmUps: Int, _ work: () -> Void) throws -> Double {
    for _ in 0..<warmUps { work() }
    try synchronize()
    return try (0..<runs).map { _ in
      let start = ContinuousClock.now
      work()
      try synchronize()
      return start.secondsUntilNow
    }.sorted()[runs / 2]
  }
}
