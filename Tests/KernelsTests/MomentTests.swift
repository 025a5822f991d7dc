import Testing

@testable import Kernels

@Suite struct MomentTests {
  private func expected(_ x: [Float], outer: Int, axis: Int, inner: Int) -> (means: [Double], squares: [Double]) {
    var (means, squares) = ([Double](), [Double]())
    for o in 0..<outer {
      for i in 0..<inner {
        let line = (0..<axis).map { Double(x[(o * axis + $0) * inner + i]) }
        let mean = line.reduce(0, +) / Double(axis)
        means.append(mean)
        squares.append(line.reduce(0) { $0 + ($1 - mean) * ($1 - mean) })
      }
    }
    return (means, squares)
  }

  /// Relative to the squares themselves: a large mean costs no digits.
  @Test(arguments: Target.all, [Float(0), 1000]) func agreesWithTwoPassesInDouble(_ target: Target, _ offset: Float) throws {
    let device = target.device
    var numbers = TestNumbers(97)
    for (outer, axis, inner) in [
      (1, 1, 1), (3, 17, 1), (2, 257, 3), (1, 33, 129), (5, 1000, 1), (2, 600, 17), (1, 70_000, 1), (1, 66_000, 2),
    ] {
      let x = numbers.floats(outer * axis * inner).map { $0 + offset }
      let (means, squares) = expected(x, outer: outer, axis: axis, inner: inner)
      let found = device.merge(Moments(device.makeBuffer(x)), outer: outer, axis: axis, inner: inner)
      func read(_ buffer: Buffer?) throws -> [Double] {
        try device.read(buffer!, as: Float.self, count: outer * inner).map { Double($0) }
      }
      let mean = zip(try read(found.mean), try read(found.rest)).map { $0 + $1 }
      let square = try read(found.square)
      for i in means.indices {
        #expect(abs(mean[i] - means[i]) <= 2e-7 * (1 + abs(means[i])), "mean \(i) of \((outer, axis, inner))")
        #expect(abs(square[i] - squares[i]) <= 2e-6 * squares[i], "square \(i) of \((outer, axis, inner))")
      }
    }
  }

  @Test(arguments: Target.all) func aMillionNumbersKeepSixDigits(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(98)
    let x = numbers.floats(1_000_002).map { $0 * 0.5 + 100 }
    for (axis, inner) in [(1_000_002, 1), (333_334, 3)] {
      let (means, squares) = expected(x, outer: 1, axis: axis, inner: inner)
      let found = device.merge(
        Moments(device.makeBuffer(x)), outer: 1, axis: axis, inner: inner, scale: 1 / Float(axis))
      let (mean, variance) = (
        try device.read(found.mean, as: Float.self, count: inner),
        try device.read(found.square!, as: Float.self, count: inner)
      )
      let sums = try device.read(
        device.sum(device.makeBuffer(x), outer: 1, axis: axis, inner: inner, scale: 1 / Float(axis)), as: Float.self,
        count: inner)
      for i in 0..<inner {
        #expect(abs(Double(mean[i]) - means[i]) <= 1e-6 * means[i], "\(mean[i]) for \(means[i])")
        #expect(abs(Double(sums[i]) - means[i]) <= 1e-6 * means[i], "\(sums[i]) for \(means[i])")
        let expected = squares[i] / Double(axis)
        #expect(abs(Double(variance[i]) - expected) <= 1e-6 * expected, "\(variance[i]) for \(expected)")
      }
    }
  }
}
