import Testing

@testable import Kernels

@Suite struct ImageTests {
  @Test(arguments: Target.all) func bytesGoThroughTheirImagesMatrix(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(70)
    for pixels in oddSizes + [257, 1023, 1024, 1025, 5000] {
      let images = numbers.pick([1, 2, 3])
      let bytes = numbers.floats(images * pixels * 3).map { UInt8(($0 + 1) * 127.5) }
      let colour = numbers.floats(images * 12)
      let y = device.normalizeBytes(
        device.makeBuffer(bytes), colour: device.makeBuffer(colour), images: images, pixels: pixels)
      let expected = (0..<images * pixels * 3).map { i -> Double in
        let row = Array(colour[i / (pixels * 3) * 12 + i % 3 * 4..<i / (pixels * 3) * 12 + i % 3 * 4 + 4])
        let pixel = i / 3 * 3
        return (0..<3).reduce(Double(row[3])) { $0 + Double(row[$1]) * Double(bytes[pixel + $1]) }
      }
      expectClose(
        try device.read(y, as: Float.self, count: expected.count), expected, "\(images) images of \(pixels) pixels")
    }
  }

  /// Philox4x32-10 as the paper has it.
  private func philox(_ counter: [UInt32], key: [UInt32]) -> [UInt32] {
    var (x, k) = (counter, key)
    for _ in 0..<10 {
      let p = UInt64(x[0]) * 0xD251_1F53
      let q = UInt64(x[2]) * 0xCD9E_8D57
      x = [
        UInt32(q >> 32) ^ x[1] ^ k[0], UInt32(truncatingIfNeeded: q), UInt32(p >> 32) ^ x[3] ^ k[1],
        UInt32(truncatingIfNeeded: p),
      ]
      k = [k[0] &+ 0x9E37_79B9, k[1] &+ 0xBB67_AE85]
    }
    return x
  }

  @Test func theOracleIsPhilox() {
    #expect(philox([0, 0, 0, 0], key: [0, 0]) == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
  }

  @Test(arguments: Target.all) func dropoutDropsWhatPhiloxSays(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(71)
    for (count, probability) in zip(
      oddSizes + [257, 8191, 8193, 20011], [Float](repeating: 0.2, count: 8) + [0, 0.5, 0.9, 0.3, 0.5])
    {
      let (seed, stream) = (0xFEDC_BA98_8765_4321 &+ UInt64(count), UInt32(0x9000_0000) + UInt32(count))
      let x = numbers.floats(count).map { $0 + 2 }
      let y = try device.read(
        device.dropout(device.makeBuffer(x), probability: probability, seed: seed, stream: stream, count: count),
        as: Float.self,
        count: count)
      let key = [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)]
      let words = (0..<(count + 3) / 4).flatMap { philox([UInt32($0), 0, stream, 0], key: key) }
      let kept = (0..<count).map { Double(words[$0] >> 8) / 16_777_216 >= Double(probability) }
      #expect(y.map { $0 != 0 } == kept, "\(count) at \(probability)")
      expectClose(
        y, (0..<count).map { kept[$0] ? Double(x[$0]) / (1 - Double(probability)) : 0 }, "\(count) at \(probability)")
    }
  }

  @Test(arguments: Target.all) func dropoutKeepsItsShareAndStreamsDiffer(_ target: Target) throws {
    let device = target.device
    let count = 100_000
    let ones = device.fill(1, count: count)
    func mask(seed: UInt64, stream: UInt32) throws -> [Bool] {
      try device.read(
        device.dropout(ones, probability: 0.3, seed: seed, stream: stream, count: count), as: Float.self, count: count
      )
      .map { $0 > 0 }
    }
    let first = try mask(seed: 1, stream: 0)
    // Six standard deviations of a binomial distribution.
    #expect(
      abs(Double(first.count(where: \.self)) / Double(count) - 0.7) < 6 * (0.3 * 0.7 / Double(count)).squareRoot())
    #expect(try mask(seed: 1, stream: 0) == first)
    for other in [try mask(seed: 1, stream: 1), try mask(seed: 2, stream: 0), try mask(seed: 1 << 32 | 1, stream: 0)] {
      // Independent masks agree in 0.7² + 0.3² of all places.
      #expect(abs(Double(zip(first, other).count { $0 == $1 }) / Double(count) - 0.58) < 0.01)
    }
  }
}
