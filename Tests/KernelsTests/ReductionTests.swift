import Testing

@testable import Kernels

@Suite struct ReductionTests {
  /// Sizes (outer, axis, inner): rows and columns, short and long.
  static let shapes: [(outer: Int, axis: Int, inner: Int)] = {
    var numbers = TestNumbers(20)
    let sizes = oddSizes + [257]
    let mixed = (0..<24).map { _ in (numbers.pick([1, 2, 3, 7]), numbers.pick(sizes), numbers.pick(sizes)) }
    return mixed + [(1, 513, 1), (3, 5000, 1), (1, 2500, 17), (2, 2048, 3), (129, 1, 1), (1, 1, 300), (5, 33, 1)]
  }()

  @Test(arguments: Target.all) func sumsAgreeWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(21)
    for (outer, axis, inner) in Self.shapes {
      let x = numbers.floats(outer * axis * inner)
      let scale = 1 / Float(axis)
      var sums = [Double](repeating: 0, count: outer * inner)
      for o in 0..<outer {
        for a in 0..<axis { for i in 0..<inner { sums[o * inner + i] += Double(x[(o * axis + a) * inner + i]) } }
      }
      let buffer = device.makeBuffer(x)
      let sum = try device.read(
        device.sum(buffer, outer: outer, axis: axis, inner: inner), as: Float.self, count: sums.count)
      expectClose(sum, sums, depth: axis, "sum of \((outer, axis, inner))")
      let mean = try device.read(
        device.sum(buffer, outer: outer, axis: axis, inner: inner, scale: scale), as: Float.self, count: sums.count)
      expectClose(mean, sums.map { $0 / Double(axis) }, "mean of \((outer, axis, inner))")
    }
  }

  @Test(arguments: Target.all) func broadcastRepeatsAlongTheAxis(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(22)
    for (outer, axis, inner) in Self.shapes {
      let x = numbers.floats(outer * inner)
      let y = device.broadcast(device.makeBuffer(x), outer: outer, axis: axis, inner: inner, scale: 0.5)
      var expected: [Float] = []
      for o in 0..<outer { for _ in 0..<axis { for i in 0..<inner { expected.append(x[o * inner + i] * 0.5) } } }
      #expect(try device.read(y, as: Float.self, count: expected.count) == expected, "\((outer, axis, inner))")
    }
  }

  @Test(arguments: Target.all) func maximumAndItsGradient(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(23)
    for (outer, axis, inner) in Self.shapes {
      // Few different values: most maxima stand in several places.
      var x = numbers.floats(outer * axis * inner).map { ($0 * 4).rounded() }
      for i in 0..<x.count where i % 97 == 5 { x[i] = .nan }
      let dy = numbers.floats(outer * inner)
      var values = [Float](repeating: 0, count: outer * inner)
      var indices = [Int32](repeating: 0, count: outer * inner)
      var dx = [Float](repeating: 0, count: x.count)
      for o in 0..<outer {
        for i in 0..<inner {
          let line = (0..<axis).map { x[(o * axis + $0) * inner + i] }
          let at = line.firstIndex(where: \.isNaN) ?? line.firstIndex(of: line.max()!)!
          values[o * inner + i] = line[at]
          indices[o * inner + i] = Int32(at)
          dx[(o * axis + at) * inner + i] = dy[o * inner + i]
        }
      }
      let result = device.maximum(device.makeBuffer(x), outer: outer, axis: axis, inner: inner)
      let found = try device.read(result.values, as: Float.self, count: values.count)
      #expect(zip(found, values).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }, "values of \((outer, axis, inner))")
      #expect(
        try device.read(result.indices, as: Int32.self, count: indices.count) == indices,
        "places of \((outer, axis, inner))")
      let gradient = device.maximumBackward(
        result.indices, dy: device.makeBuffer(dy), outer: outer, axis: axis, inner: inner)
      #expect(try device.read(gradient, as: Float.self, count: dx.count) == dx, "gradient of \((outer, axis, inner))")
    }
  }

  @Test(arguments: Target.all) func aMillionNumbersKeepSixDigits(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(24)
    let x = numbers.floats(1_000_003).map { $0 * 0.5 + 0.5 }
    let expected = x.reduce(0.0) { $0 + Double($1) }
    let buffer = device.makeBuffer(x)
    let row = try device.read(device.sum(buffer, outer: 1, axis: x.count, inner: 1), as: Float.self, count: 1)[0]
    #expect(abs(Double(row) - expected) <= 1e-6 * expected, "\(row) for \(expected)")
    // As three columns.
    let columns = try device.read(device.sum(buffer, outer: 1, axis: 333_334, inner: 3), as: Float.self, count: 3)
    let thirds = (0..<3).map { column in stride(from: column, to: 1_000_002, by: 3).reduce(0.0) { $0 + Double(x[$1]) } }
    for (sum, expected) in zip(columns, thirds) {
      #expect(abs(Double(sum) - expected) <= 1e-6 * expected, "\(sum) for \(expected)")
    }
  }
}
