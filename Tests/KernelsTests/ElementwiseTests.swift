import Testing

@testable import Kernels

@Suite struct ElementwiseTests {
  /// Sizes that vectors and a group's 8192 floats don't divide.
  static let counts = oddSizes + [257, 8191, 8193, 20011]

  @Test(arguments: Target.all) func everyElementIsComputed(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(10)
    for count in Self.counts {
      let (a, b) = (numbers.floats(count), numbers.floats(count))
      let (p, q) = (device.makeBuffer(a), device.makeBuffer(b))
      func read(_ buffer: Buffer) throws -> [Float] { try device.read(buffer, as: Float.self, count: count) }
      #expect(try read(device.add(p, q, count: count)) == zip(a, b).map { $0 + $1 })
      #expect(try read(device.subtract(p, q, count: count)) == zip(a, b).map { $0 - $1 })
      #expect(try read(device.multiply(p, q, count: count)) == zip(a, b).map { $0 * $1 })
      #expect(try read(device.fill(-2.5, count: count)) == Array(repeating: -2.5, count: count))
      let affine = try read(device.affine(p, scale: 3, offset: -0.5, count: count))
      expectClose(affine, a.map { Double($0) * 3 - 0.5 }, "affine of \(count)")
    }
  }

  @Test(arguments: Target.all) func activationsAndTheirGradients(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(11)
    for count in Self.counts {
      var x = numbers.floats(count).map { $0 * 9 }
      for (i, value) in [0, 6, -0.0, Float(6).nextDown, Float(0).nextUp, .infinity, -.infinity].enumerated()
      where i < count { x[i] = value }
      // A subnormal may be flushed to zero on a GPU.
      if count > 4 { x[4] = .leastNormalMagnitude }
      let dy = numbers.floats(count)
      let (p, g) = (device.makeBuffer(x), device.makeBuffer(dy))
      for (activation, most) in [(Activation.none, Float.infinity), (.relu, .infinity), (.relu6, 6)] {
        let y = device.activate(p, activation, count: count)
        let expected = activation == .none ? x : x.map { min(max($0, 0), most) }
        #expect(try device.read(y, as: Float.self, count: count) == expected, "\(activation) of \(count)")
        let passes = x.map { activation == .none || $0 > 0 && (activation == .relu || $0 < 6) }
        // From the input and from the output alike.
        for source in [p, y] {
          let dx = try device.read(
            device.activateBackward(source, dy: g, activation, count: count), as: Float.self, count: count)
          #expect(dx == zip(dy, passes).map { $1 ? $0 : 0 }, "gradient of \(activation) of \(count)")
        }
      }
    }
  }

  /// What the two do together is to the bit what they do apart, and the sums are those of the columns.
  @Test(arguments: Target.all) func gradientsWithTheirSums(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(12)
    for (rows, columns) in [(1, 1), (3, 17), (17, 3), (64, 33), (257, 16), (1000, 130), (4100, 5)] {
      let (y, dy) = (numbers.floats(rows * columns), numbers.floats(rows * columns))
      let (p, g) = (device.makeBuffer(y), device.makeBuffer(dy))
      for activation in [Activation.none, .relu, .relu6] {
        let (dx, sums) = device.activateBackwardSums(p, dy: g, activation, rows: rows, columns: columns)
        let expected = try device.read(
          device.activateBackward(p, dy: g, activation, count: rows * columns), as: Float.self, count: rows * columns)
        #expect(try device.read(dx, as: Float.self, count: rows * columns) == expected, "\(rows)x\(columns), \(activation)")
        let totals = (0..<columns).map { c in (0..<rows).reduce(0) { $0 + Double(expected[$1 * columns + c]) } }
        expectClose(
          try device.read(sums, as: Float.self, count: columns), totals, depth: rows, "\(rows)x\(columns), \(activation)")
      }
    }
  }

  /// A network that diverged must not look healthy behind its next activation.
  @Test(arguments: Target.all) func activationsKeepNaN(_ target: Target) throws {
    let device = target.device
    var x = [Float](repeating: 1, count: 33)
    x[0] = .nan
    x[32] = .nan
    for activation in [Activation.none, .relu, .relu6] {
      let y = try device.read(device.activate(device.makeBuffer(x), activation, count: 33), as: Float.self, count: 33)
      #expect(y.indices.filter { y[$0].isNaN } == [0, 32], "\(activation)")
    }
  }
}
