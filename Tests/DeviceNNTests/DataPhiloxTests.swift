import Testing

@testable import DeviceNN

@Suite struct DataPhiloxTests {
  /// The vectors that Random123 publishes for philox4x32-10 (kat_vectors).
  @Test func blocksAreThePublishedOnes() {
    #expect(
      Philox.block(counter: SIMD4(), key: SIMD2())
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox.block(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox.block(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func wordsComeInTheOrderOfTheBlock() {
    var generator = Philox(seed: 0)
    #expect(generator.next() == 0xe169_c58d_6627_e8d5)
    #expect(generator.next() == 0x9b00_dbd8_bc57_ac4c)
  }

  @Test func streamsAndSeedsDiffer() {
    var heads = Set<UInt64>()
    for seed in 0..<20 {
      for stream in 0..<20 {
        var generator = Philox(seed: UInt64(seed), stream: UInt64(stream))
        heads.insert(generator.next())
      }
    }
    #expect(heads.count == 400)
  }

  @Test func uniformsFillTheUnitInterval() {
    var generator = Philox(seed: 7)
    let values = (0..<100_000).map { _ in generator.uniform() }
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    let mean = values.reduce(0, +) / Float(values.count)
    #expect(abs(mean - 0.5) < 0.005)
  }

  @Test func normalsHaveMeanZeroAndVarianceOne() {
    var generator = Philox(seed: 8)
    let values = (0..<100_000).map { _ in Double(generator.normal()) }
    let mean = values.reduce(0, +) / 100_000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100_000
    let fourth = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / 100_000
    #expect(abs(mean) < 0.015)
    #expect(abs(variance - 1) < 0.02)
    #expect(abs(fourth - 3) < 0.15)
  }

  @Test func permutationsHoldEveryNumberAndStayTheSame() {
    var generator = Philox(seed: 3, stream: 4)
    let order = generator.permutation(of: 1000)
    #expect(order.sorted() == Array(0..<1000))
    var again = Philox(seed: 3, stream: 4)
    #expect(again.permutation(of: 1000) == order)
    #expect(generator.permutation(of: 1000) != order)
    #expect(generator.permutation(of: 0).isEmpty)
  }

  @Test func everyOrderOfThreeIsEquallyLikely() {
    var generator = Philox(seed: 11)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<60_000 { counts[generator.permutation(of: 3), default: 0] += 1 }
    #expect(counts.count == 6)
    #expect(counts.values.allSatisfy { abs($0 - 10_000) < 400 })
  }
}
