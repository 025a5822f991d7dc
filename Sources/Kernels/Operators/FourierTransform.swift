internal import Foundation

/// What the transforms of all frames of one size share, on a device: the window and the roots of unity.
public struct FourierPlan: Sendable {
  /// Numbers of a frame.
  public let size: Int
  let window: Buffer
  let roots: Buffer

  /// The longest frame.
  public static let maximumSize = 4096

  /// Frequencies of a frame's transform: those of a real signal from 0 to half the sample rate.
  public var bins: Int { size / 2 + 1 }

  /// - Parameter window: what a frame is multiplied with; their count, the frame's size, is a power of two.
  public init(window: [Float], on device: Device) {
    let size = window.count
    precondition(
      size >= 2 && size <= Self.maximumSize && size & (size - 1) == 0,
      "a frame of \(size) numbers can't be transformed: a power of two from 2 to \(Self.maximumSize) is wanted")
    self.size = size
    self.window = device.makeBuffer(window)
    let angles = (0..<size / 2).map { 2 * Double.pi * Double($0) / Double(size) }
    roots = device.makeBuffer(angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) })
  }
}

extension Device {
  /// y(frames,2,bins): the real and imaginary parts of the discrete Fourier transform of frames of x(length), which begin
  /// at `first`, `first + hop` and so on, times the window. Outside of x are zeros.
  public func fourierTransform(
    _ x: Buffer, length: Int, frames: Int, hop: Int, first: Int = 0, _ plan: FourierPlan
  ) -> Buffer {
    let y = makeFloats(frames * 2 * plan.bins)
    launch(
      Launch(
        "real_fourier", groups: [frames, 1, 1],
        [
          .int(plan.size), .int(length), .int(hop), .int(first), .buffer(x), .buffer(plan.window), .buffer(plan.roots),
          .buffer(y),
        ],
        flops: Double(frames * plan.size) * 2.5 * log2(Double(plan.size))))
    return y
  }
}
