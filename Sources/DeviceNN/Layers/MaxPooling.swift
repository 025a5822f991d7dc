internal import Kernels

/// The largest of each window of (N,H,W,C).
public final class MaxPooling: Layer {
  public let kernel: Int
  public let stride: Int
  public let padding: Int
  /// Whether a window that begins inside the image counts even where it ends outside: PyTorch's `ceil_mode`.
  public let roundsUp: Bool
  public var isTraining = true

  public init(kernel: Int, stride: Int, padding: Int = 0, roundsUp: Bool = false) {
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.roundsUp = roundsUp
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.maxPooled(kernel: kernel, stride: stride, padding: Padding(padding), roundsUp: roundsUp)
  }
}
