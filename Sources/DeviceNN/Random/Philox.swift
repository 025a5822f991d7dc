// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
// 1, 2, 3" (2011), and the few distributions that training needs.
internal import Foundation

/// Random numbers as a pure function of (seed, stream, position).
///
/// A loader gives each picture of each epoch a stream of its own, so what a picture is dealt depends neither on the
/// number of threads nor on their order. All that is derived here (integers, normals, permutations) is written by hand
/// rather than left to the standard library, whose algorithms may change between versions.
public struct Philox: RandomNumberGenerator, Sendable {
  private let key: SIMD2<UInt32>
  private let stream: UInt64
  private var position: UInt64 = 0
  private var block = SIMD4<UInt32>()
  private var hasSecondHalf = false
  private var spareNormal: Float?

  /// Streams of one seed are independent: the seed is the key, the stream the upper half of the counter.
  public init(seed: UInt64, stream: UInt64 = 0) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    self.stream = stream
  }

  public mutating func next() -> UInt64 {
    if hasSecondHalf {
      hasSecondHalf = false
      return UInt64(block[3]) << 32 | UInt64(block[2])
    }
    block = Self.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32),
        UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)),
      key: key)
    position &+= 1
    hasSecondHalf = true
    return UInt64(block[1]) << 32 | UInt64(block[0])
  }

  /// The generator itself: ten rounds of two 32x32 → 64 bit products, the key bumped between rounds.
  static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3])
    var (k0, k1) = (key[0], key[1])
    for _ in 0..<10 {
      let product0 = UInt64(c0) &* 0xD251_1F53
      let product1 = UInt64(c2) &* 0xCD9E_8D57
      (c0, c1, c2, c3) = (
        UInt32(truncatingIfNeeded: product1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: product1),
        UInt32(truncatingIfNeeded: product0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: product0)
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }
}

// MARK: Distributions

extension Philox {
  /// A number in [0, 1), one of 2²⁴ equally likely ones.
  public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// A number in [lower, upper): equally likely everywhere.
  public mutating func uniform(_ lower: Float, _ upper: Float) -> Float { lower + (upper - lower) * uniform() }

  /// A number of mean 0 and variance 1, by Box and Muller's transform, which makes two at a time.
  public mutating func normal() -> Float {
    if let spare = spareNormal {
      spareNormal = nil
      return spare
    }
    let bits = next()
    let u = (Double(bits >> 32) + 0.5) * 0x1p-32  // never 0, whose logarithm is -∞
    let angle = Double(bits & 0xFFFF_FFFF) * 0x1p-32 * 2 * Double.pi
    let radius = (-2 * log(u)).squareRoot()
    spareNormal = Float(radius * sin(angle))
    return Float(radius * cos(angle))
  }

  /// An integer in 0..<bound, without bias: Lemire's product, redrawn in the few cases that would favour some.
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0, "an integer below \(bound) does not exist")
    let bound = UInt64(bound)
    let threshold = (0 &- bound) % bound
    while true {
      let product = next().multipliedFullWidth(by: bound)
      if product.low >= threshold { return Int(product.high) }
    }
  }

  /// Puts the elements in an order drawn from all orders alike (Fisher and Yates).
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, integer(below: last + 1))
    }
  }

  /// The numbers 0..<count in random order.
  public mutating func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    shuffle(&order)
    return order
  }
}
