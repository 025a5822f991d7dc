import Foundation
import Testing

@testable import Kernels

@Suite struct FourierTransformTests {
  /// Σ window · x · exp(-2πi · j · k / size) of one frame, real parts first.
  private static func transform(_ x: [Float], _ window: [Float], start: Int) -> [Double] {
    let size = window.count
    let frame = (0..<size).map { x.indices.contains(start + $0) ? Double(x[start + $0]) * Double(window[$0]) : 0 }
    func sums(_ part: (Double) -> Double) -> [Double] {
      (0...size / 2).map { k in
        frame.enumerated().reduce(0) { $0 + $1.element * part(2 * Double.pi * Double($1.offset * k % size) / Double(size)) }
      }
    }
    return sums(cos) + sums { -sin($0) }
  }

  @Test(arguments: Target.all) func isTheSumOfItsDefinition(_ target: Target) throws {
    var numbers = TestNumbers(101)
    for size in [2, 4, 8, 16, 64, 256, Chosen.isSmall ? 128 : 2048] {
      let frames = 3
      let (x, window) = (numbers.floats(frames * size), numbers.floats(size))
      let y = target.device.fourierTransform(
        target.device.makeBuffer(x), length: x.count, frames: frames, hop: size, FourierPlan(window: window, on: target.device))
      expectClose(
        try target.device.read(y, as: Float.self, count: frames * 2 * (size / 2 + 1)),
        (0..<frames).flatMap { Self.transform(x, window, start: $0 * size) }, depth: size, "size \(size)")
    }
  }

  @Test(arguments: Target.all) func framesOverlapAndReachOverBothEnds(_ target: Target) throws {
    var numbers = TestNumbers(102)
    for (length, size, hop, first) in [(1, 8, 3, -4), (33, 16, 5, -8), (257, 64, 17, -32), (40, 32, 40, 90)] {
      let frames = 1 + length / hop
      let (x, window) = (numbers.floats(length), numbers.floats(size))
      let y = target.device.fourierTransform(
        target.device.makeBuffer(x), length: length, frames: frames, hop: hop, first: first,
        FourierPlan(window: window, on: target.device))
      expectClose(
        try target.device.read(y, as: Float.self, count: frames * 2 * (size / 2 + 1)),
        (0..<frames).flatMap { Self.transform(x, window, start: first + $0 * hop) }, depth: size,
        "\(length) numbers in frames of \(size) by \(hop) from \(first)")
    }
  }

  /// A pure tone of 8 turns a frame has its whole strength, half the size, in bin 8.
  @Test(arguments: Target.all) func aToneHasOneFrequency(_ target: Target) throws {
    let size = Chosen.isSmall ? 64 : 4096
    let tone = (0..<size).map { Float(cos(2 * Double.pi * 8 * Double($0) / Double(size))) }
    let y = target.device.fourierTransform(
      target.device.makeBuffer(tone), length: size, frames: 1, hop: size,
      FourierPlan(window: [Float](repeating: 1, count: size), on: target.device))
    let found = try target.device.read(y, as: Float.self, count: size + 2)
    for (k, value) in found.enumerated() {
      #expect(abs(value - (k == 8 ? Float(size / 2) : 0)) < 1e-6 * Float(size), "number \(k)")
    }
  }
}
