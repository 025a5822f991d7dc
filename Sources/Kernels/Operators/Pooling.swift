/// The sizes of a pooling of x(N,H,W,C) to y(N,P,Q,C).
public struct PoolShape: Sendable, Hashable {
  public var batch: Int
  public var height: Int
  public var width: Int
  public var channels: Int
  public var kernelHeight: Int
  public var kernelWidth: Int
  public var strideHeight: Int
  public var strideWidth: Int
  public var padding: Padding
  /// Whether a window that leaves the image at the bottom or right still counts, as PyTorch's `ceil_mode`.
  public var roundsUp: Bool

  public init(
    batch: Int, height: Int, width: Int, channels: Int, kernel: (Int, Int), stride: (Int, Int), padding: Padding = .none,
    roundsUp: Bool = false
  ) {
    self.batch = batch
    self.height = height
    self.width = width
    self.channels = channels
    (kernelHeight, kernelWidth) = kernel
    (strideHeight, strideWidth) = stride
    self.padding = padding
    self.roundsUp = roundsUp
    precondition(
      outputHeight > 0 && outputWidth > 0,
      "a \(kernelHeight)x\(kernelWidth) window does not fit into \(height)x\(width) with \(padding)")
    precondition(
      max(padding.top, padding.bottom) * 2 <= kernelHeight && max(padding.left, padding.right) * 2 <= kernelWidth,
      "\(padding) is more than half of a \(kernelHeight)x\(kernelWidth) window, which would see nothing")
  }

  public var outputHeight: Int {
    outputSize(height, padding.top, padding.bottom, kernelHeight, strideHeight)
  }
  public var outputWidth: Int {
    outputSize(width, padding.left, padding.right, kernelWidth, strideWidth)
  }

  /// A window that starts behind the image, in the padding alone, does not count.
  private func outputSize(_ size: Int, _ before: Int, _ after: Int, _ kernel: Int, _ stride: Int) -> Int {
    let room = size + before + after - kernel
    guard room >= 0 else { return 0 }
    let count = (room + (roundsUp ? stride - 1 : 0)) / stride + 1
    return roundsUp && (count - 1) * stride >= size + before ? count - 1 : count
  }

  var inputCount: Int { batch * height * width * channels }
  var outputCount: Int { batch * outputHeight * outputWidth * channels }

  /// `COUNTED` of kernels.cl: the image, or the image with its padding.
  fileprivate func counted(withPadding: Bool) -> [Launch.Argument] {
    let p = withPadding ? padding : .none
    return [-p.top, -p.left, height + p.bottom, width + p.right].map { .int($0) }
  }

  fileprivate var arguments: [Launch.Argument] {
    [
      height, width, channels, outputHeight, outputWidth, kernelHeight, kernelWidth, strideHeight, strideWidth,
      padding.top, padding.left,
    ].map { .int($0) }
  }
}

extension Device {
  /// The largest of each window, and as Int32 where in its image it stands.
  public func maxPool(_ x: Buffer, _ shape: PoolShape) -> (values: Buffer, indices: Buffer) {
    let values = makeFloats(shape.outputCount)
    let indices = makeBuffer(byteCount: shape.outputCount * MemoryLayout<Int32>.stride)
    launch(
      Launch(
        "max_pool", groups: [shape.batch * shape.outputHeight, 1, 1],
        shape.arguments + [.buffer(x), .buffer(values), .buffer(indices)]))
    return (values, indices)
  }

  public func maxPoolBackward(_ indices: Buffer, dy: Buffer, _ shape: PoolShape) -> Buffer {
    let dx = makeFloats(shape.inputCount)
    launch(
      Launch(
        "max_pool_backward", groups: [shape.batch * shape.height, 1, 1],
        shape.arguments + [.buffer(indices), .buffer(dy), .buffer(dx)]))
    return dx
  }

  /// - Parameter countsPadding: whether zeros of the padding count as pixels, as PyTorch's `count_include_pad`. Where
  ///   `roundsUp` lets a window reach beyond the padding, what lies there never counts.
  public func averagePool(_ x: Buffer, _ shape: PoolShape, countsPadding: Bool) -> Buffer {
    let y = makeFloats(shape.outputCount)
    launch(
      Launch(
        "average_pool", groups: [shape.batch * shape.outputHeight, 1, 1],
        shape.arguments + shape.counted(withPadding: countsPadding) + [.buffer(x), .buffer(y)]))
    return y
  }

  public func averagePoolBackward(_ dy: Buffer, _ shape: PoolShape, countsPadding: Bool) -> Buffer {
    let dx = makeFloats(shape.inputCount)
    launch(
      Launch(
        "average_pool_backward", groups: [shape.batch * shape.height, 1, 1],
        shape.arguments + shape.counted(withPadding: countsPadding) + [.buffer(dy), .buffer(dx)]))
    return dx
  }
}
