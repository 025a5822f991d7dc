public import Kernels

// Random tensors are functions of (seed, stream, place), drawn on the device.

extension Tensor {
  /// Equally likely everywhere in `range`; the same bits on every device.
  public static func uniform(
    in range: Range<Float> = 0..<1, shape: [Int], seed: UInt64, stream: UInt32 = 0, on device: Device
  ) -> Tensor {
    requireElements(shape)
    precondition(
      !range.isEmpty && (range.upperBound - range.lowerBound).isFinite, "no number is drawn from \(range)")
    return Tensor(
      shape: shape, buffer: device.randomUniform(range, seed: seed, stream: stream, count: shape.reduce(1, *)))
  }

  /// Normal; devices differ in the last places of a logarithm and a cosine.
  public static func normal(
    mean: Float = 0, deviation: Float = 1, shape: [Int], seed: UInt64, stream: UInt32 = 0, on device: Device
  ) -> Tensor {
    requireElements(shape)
    return Tensor(
      shape: shape,
      buffer: device.randomNormal(
        mean: mean, deviation: deviation, seed: seed, stream: stream, count: shape.reduce(1, *)))
  }

  private static func requireElements(_ shape: [Int]) {
    precondition(shape.allSatisfy { $0 > 0 }, "a tensor needs at least one element, but its shape is \(shape)")
  }
}

extension IntTensor {
  /// The numbers 0 ..< count in an order drawn from all orders alike. Drawn on the host, since it is a chain of swaps: the
  /// same on every device.
  public static func permutation(of count: Int, seed: UInt64, stream: UInt64 = 0, on device: Device) -> IntTensor {
    precondition(count > 0, "a permutation needs at least one number, not \(count)")
    var random = Philox(seed: seed, stream: stream)
    return IntTensor(random.permutation(of: count).map { Int32($0) }, on: device)
  }
}
