/// The sizes of images x(N,H,W,C) that are brought to y(N,P,Q,C).
public struct ResamplingShape: Sendable, Hashable {
  public var batch: Int
  public var height: Int
  public var width: Int
  public var channels: Int
  public var outputHeight: Int
  public var outputWidth: Int

  public init(batch: Int, height: Int, width: Int, channels: Int, outputHeight: Int, outputWidth: Int) {
    (self.batch, self.height, self.width, self.channels) = (batch, height, width, channels)
    (self.outputHeight, self.outputWidth) = (outputHeight, outputWidth)
    // Places are products of two sizes, in whole numbers.
    precondition(
      [height, width, outputHeight, outputWidth].allSatisfy { (1...16384).contains($0) },
      "images of \(height)x\(width) are not brought to \(outputHeight)x\(outputWidth): sizes are 1 to 16384")
  }

  var inputCount: Int { batch * height * width * channels }
  var outputCount: Int { batch * outputHeight * outputWidth * channels }

  fileprivate var arguments: [Launch.Argument] {
    [height, width, channels, outputHeight, outputWidth].map { .int($0) }
  }
}

/// Where a resized pixel comes from, as PyTorch's `interpolate` has it.
public enum Interpolation: Sendable, Hashable {
  /// Pixel ⌊p · H / P⌋, exactly. PyTorch takes the quotient H / P in floats, which at some sizes rounds to a neighbour.
  case nearest
  /// The four pixels around a place, by their distances. With `alignsCorners`, the outermost pixels' centres stay in place;
  /// else the images' edges do.
  case bilinear(alignsCorners: Bool)

  fileprivate var isLinear: Bool { self != .nearest }

  /// Output p reads at max(0, p · up + offset) / down.
  fileprivate func place(_ size: Int, _ outputs: Int) -> (up: Int, offset: Int, down: Int) {
    switch self {
    case .nearest: (size, 0, outputs)
    case .bilinear(alignsCorners: true): outputs > 1 ? (size - 1, 0, outputs - 1) : (0, 0, 1)
    case .bilinear(alignsCorners: false): (2 * size, size - outputs, 2 * outputs)
    }
  }

  fileprivate func arguments(_ shape: ResamplingShape) -> [Launch.Argument] {
    let (y, x) = (place(shape.height, shape.outputHeight), place(shape.width, shape.outputWidth))
    return [y.up, x.up, y.offset, x.offset, y.down, x.down, isLinear ? 1 : 0].map { .int($0) }
  }
}

extension Device {
  /// The mean of each of P · Q bins that cover the image, PyTorch's: they overlap where sizes don't divide.
  public func adaptiveAveragePool(_ x: Buffer, _ shape: ResamplingShape) -> Buffer {
    let y = makeFloats(shape.outputCount)
    launch(
      Launch(
        "adaptive_average_pool", groups: [shape.batch * shape.outputHeight, 1, 1],
        shape.arguments + [.buffer(x), .buffer(y)]))
    return y
  }

  public func adaptiveAveragePoolBackward(_ dy: Buffer, _ shape: ResamplingShape) -> Buffer {
    let dx = makeFloats(shape.inputCount)
    launch(
      Launch(
        "adaptive_average_pool_backward", groups: [shape.batch * shape.height, 1, 1],
        shape.arguments + [.buffer(dy), .buffer(dx)]))
    return dx
  }

  public func resize(_ x: Buffer, _ shape: ResamplingShape, _ interpolation: Interpolation) -> Buffer {
    let y = makeFloats(shape.outputCount)
    launch(
      Launch(
        "resize", groups: [shape.batch * shape.outputHeight, 1, 1],
        shape.arguments + interpolation.arguments(shape) + [.buffer(x), .buffer(y)]))
    return y
  }

  public func resizeBackward(_ dy: Buffer, _ shape: ResamplingShape, _ interpolation: Interpolation) -> Buffer {
    let dx = makeFloats(shape.inputCount)
    launch(
      Launch(
        "resize_backward", groups: [shape.batch * shape.height, 1, 1],
        shape.arguments + interpolation.arguments(shape) + [.buffer(dy), .buffer(dx)]))
    return dx
  }
}
