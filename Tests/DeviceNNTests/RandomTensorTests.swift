import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// Random numbers drawn on the device.
@Suite struct RandomTensorTests {
  private static let seed: UInt64 = 0x0123_4567_89AB_CDEF
  private static let stream: UInt32 = 0xFFFF_0003

  /// The words as Swift's generator makes them.
  private func words(_ count: Int) -> [UInt32] {
    (0..<(count + 3) / 4).flatMap { i -> [UInt32] in
      let block = Philox.block(
        counter: SIMD4(UInt32(i), 0, Self.stream, 0),
        key: SIMD2(UInt32(truncatingIfNeeded: Self.seed), UInt32(truncatingIfNeeded: Self.seed >> 32)))
      return (0..<4).map { block[$0] }
    }
  }

  @Test(arguments: TestDevice.all, [1, 3, 17, 8192, 8195, 20001]) func wordsAreThoseOfSwift(
    _ on: TestDevice, _ count: Int
  ) throws {
    let buffer = on.device.randomWords(seed: Self.seed, stream: Self.stream, count: count)
    #expect(try on.device.read(buffer, as: UInt32.self, count: count) == Array(words(count)[..<count]))
  }

  @Test(arguments: TestDevice.all, [0..<1, -3..<5, 1..<1.0000002] as [Range<Float>])
  func uniformNumbersHaveTheSameBitsEverywhere(_ on: TestDevice, _ range: Range<Float>) throws {
    let count = 20001
    let values = try Tensor.uniform(in: range, shape: [count], seed: Self.seed, stream: Self.stream, on: on.device)
      .scalars()
    let width = range.upperBound - range.lowerBound
    #expect(
      values
        == words(count)[..<count].map {
          Swift.min(
            range.lowerBound.addingProduct(width, Float($0 >> 8) * 0x1p-24), range.upperBound.nextDown)
        })
    #expect(values.allSatisfy(range.contains))
  }

  @Test(arguments: TestDevice.all) func normalNumbersAreWithinTheirBound(_ on: TestDevice) throws {
    let count = 100_001
    let values = try Tensor.normal(
      mean: 1, deviation: 3, shape: [count], seed: Self.seed, stream: Self.stream, on: on.device
    ).scalars()
    let words = words(count)
    for i in 0..<count {
      let (first, second) = (words[i / 2 * 2], words[i / 2 * 2 + 1])
      let radius = (-2 * log((Double(first >> 9) + 0.5) * 0x1p-23)).squareRoot()
      let angle = Double(second >> 8) * 0x1p-23 * .pi
      let z = radius * (i % 2 == 0 ? cos(angle) : sin(angle))
      guard abs(Double(values[i]) - (1 + 3 * z)) <= 2e-6 * 3 * (1 + abs(z)) else {
        Issue.record("number \(i) is \(values[i]), not \(1 + 3 * z)")
        break
      }
    }
    let mean = values.reduce(0) { $0 + Double($1) } / Double(count)
    let variance = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
    #expect(abs(mean - 1) < 0.04 && abs(variance - 9) < 0.2)
  }

  @Test func streamsAndSeedsDiffer() throws {
    func draw(_ seed: UInt64, _ stream: UInt32) throws -> [Float] {
      try Tensor.uniform(shape: [100], seed: seed, stream: stream, on: TestDevice.cpu).scalars()
    }
    #expect(try draw(1, 0) == draw(1, 0))
    #expect(try draw(1, 0) != draw(1, 1) && draw(1, 0) != draw(2, 0) && draw(1, 0) != draw(1 << 32 | 1, 0))
  }

  @Test(arguments: TestDevice.all) func permutationsHoldEachNumberOnce(_ on: TestDevice) throws {
    for count in [1, 2, 17, 1000] {
      let order = try IntTensor.permutation(of: count, seed: 5, stream: 2, on: on.device).values()
      #expect(order.sorted() == Array(0..<Int32(count)))
      #expect(order == (try IntTensor.permutation(of: count, seed: 5, stream: 2, on: TestDevice.cpu).values()))
    }
  }
}
