// Random numbers, and what is made of pictures.
import Foundation

extension SelfTest {
  static let random = [
    SelfTest("random numbers") { probe in
      let (device, count, seed, stream) = (probe.device, 8195, UInt64(0x1234_5678_9ABC_DEF0), UInt32(5))
      let words = (0..<(count + 3) / 4).flatMap { philox(UInt32($0), seed: seed, stream: stream) }
      let found = device.randomWords(seed: seed, stream: stream, count: count)
      // Words may be NaN as floats.
      func halves(_ words: some Sequence<UInt32>) -> [Float] { words.flatMap { [Float($0 >> 16), Float($0 & 0xFFFF)] } }
      try probe.expect(
        device.makeBuffer(halves(try device.read(found, as: UInt32.self, count: count))),
        halves(words.prefix(count)).map(Double.init), "random words")
      try probe.expect(
        device.randomUniform(-1..<2, seed: seed, stream: stream, count: count),
        words.prefix(count).map { 3 * Double($0 >> 8) * 0x1p-24 - 1 }, "uniform numbers")
      try probe.expect(
        device.randomNormal(mean: 1, deviation: 2, seed: seed, stream: stream, count: count),
        (0..<count).map { i in
          // Box and Muller's transform of a pair.
          let radius = (-2 * log((Double(words[i & ~1] >> 9) + 0.5) * 0x1p-23)).squareRoot()
          let angle = 2 * Double.pi * Double(words[i | 1] >> 8) * 0x1p-24
          return 1 + 2 * radius * (i % 2 == 0 ? cos(angle) : sin(angle))
        }, "normal numbers")
    },
    SelfTest("dropout") { probe in
      let device = probe.device
      let count = 9001
      let ones = device.fill(1, count: count)
      func dropped(_ stream: UInt32) throws -> [Float] {
        try device.read(
          device.dropout(ones, probability: 0.25, seed: 7, stream: stream, count: count), as: Float.self, count: count)
      }
      let (first, again, other) = (try dropped(1), try dropped(1), try dropped(2))
      let kept = Double(first.count { $0 != 0 }) / Double(count)
      try probe.expect(device.makeBuffer(again), first.map(Double.init), "dropout once more")
      let survivors = first.filter { $0 != 0 }
      try probe.expect(device.makeBuffer(survivors), survivors.map { _ in 4 / 3 }, "what is kept")
      // Five deviations wide.
      let isRandom = abs(kept - 0.75) < 0.023 && first != other
      try probe.expect(device.fill(isRandom ? 1 : 0, count: 1), [1], "dropout's share")
    },
    SelfTest("pictures") { probe in
      let (device, images, pixels) = (probe.device, 2, 1100)
      let colour = probe.numbers(images * 12)
      let bytes = probe.numbers(images * pixels * 3).map { UInt8($0 * 127 + 128) }
      let expected = bytes.indices.map { i in
        let (pixel, row) = (i / 3 * 3, i / 3 / pixels * 12 + i % 3 * 4)
        return (0..<3).reduce(Double(colour[row + 3])) { $0 + Double(colour[row + $1]) * Double(bytes[pixel + $1]) }
      }
      try probe.expect(
        device.normalizeBytes(
          device.makeBuffer(bytes), colour: device.makeBuffer(colour), images: images, pixels: pixels), expected,
        "normalized bytes")
    },
  ]

  /// Four words of Philox4x32-10 (Salmon et al. 2011).
  private static func philox(_ counter: UInt32, seed: UInt64, stream: UInt32) -> [UInt32] {
    var (a, b, c, d) = (counter, UInt32(0), stream, UInt32(0))
    var (key0, key1) = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    for _ in 0..<10 {
      let (first, second) = (a.multipliedFullWidth(by: 0xD251_1F53), c.multipliedFullWidth(by: 0xCD9E_8D57))
      (a, b, c, d) = (second.high ^ b ^ key0, second.low, first.high ^ d ^ key1, first.low)
      key0 &+= 0x9E37_79B9
      key1 &+= 0xBB67_AE85
    }
    return [a, b, c, d]
  }
}
