/// What a device can do at most, measured on it: what kernels are held against.
public struct DevicePeaks: Sendable, Codable {
  /// Bytes a second that a copy reads and writes.
  public var bandwidth: Double
  /// Multiplications and additions a second, in registers.
  public var flops: Double

  public init(bandwidth: Double, flops: Double) { (self.bandwidth, self.flops) = (bandwidth, flops) }

  /// The least seconds for so much work (the roofline of Williams, Waterman and Patterson 2009).
  public func seconds(flops: Double, bytes: Double) -> Double { max(flops / self.flops, bytes / bandwidth) }
}

extension Device {
  /// Takes about a second.
  public func measuredPeaks() throws -> DevicePeaks {
    DevicePeaks(bandwidth: try copyBandwidth(), flops: try multiplyAddSpeed())
  }

  private func multiplyAddSpeed() throws -> Double {
    // Groups enough to keep every unit busy to the end, rounds enough to make their start nothing.
    let (groups, rounds) = (description.computeUnits * 64, 20_000 / profile.local + 500)
    let seconds = try bestTime { _ = multiplyAdds(rounds: rounds, groups: groups) }
    return multiplyAddCount(rounds: rounds, groups: groups) / seconds
  }

  /// y(groups · local · vector) after so many rounds of each chain's x · 0.5 + 0.5.
  func multiplyAdds(rounds: Int, groups: Int) -> Buffer {
    let y = makeBuffer(byteCount: groups * profile.local * profile.vector * MemoryLayout<Float>.stride)
    launch(
      Launch(
        "multiply_adds", groups: SIMD3(groups, 1, 1), [.int(rounds), .float(0.5), .buffer(y)],
        flops: multiplyAddCount(rounds: rounds, groups: groups)))
    return y
  }

  /// Twelve chains, as CHAINS in kernels.cl.
  private func multiplyAddCount(rounds: Int, groups: Int) -> Double {
    2 * Double(rounds) * 12 * Double(profile.vector * profile.local) * Double(groups)
  }
}
