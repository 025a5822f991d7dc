import Testing

@testable import Kernels

/// Storage in 16 bits.
@Suite struct HalfTests {
  /// A half's number, from its definition.
  private static func number(_ pattern: UInt16) -> Double {
    let (exponent, fraction) = (Int(pattern >> 10 & 31), Double(pattern & 1023))
    let size = switch exponent {
    case 0: fraction * 0x1p-24
    case 31: fraction == 0 ? Double.infinity : .nan
    default: (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    }
    return pattern & 0x8000 == 0 ? size : -size
  }

  /// The nearest half, found among them all.
  private static func nearest(_ x: Float) -> UInt16 {
    let size = Double(x.magnitude)
    // As if there were one more behind the largest: from its middle on, ∞ is nearer.
    var (low, high) = (0, 0x7C00)
    func at(_ i: Int) -> Double { i == 0x7C00 ? 65536 : number(UInt16(i)) }
    while high - low > 1 {
      let middle = (low + high) / 2
      if at(middle) <= size { low = middle } else { high = middle }
    }
    let (below, above) = (size - at(low), at(high) - size)
    let result = below < above || below == above && low % 2 == 0 ? low : high
    return UInt16(result) | (x.sign == .minus ? 0x8000 : 0)
  }

  @Test(arguments: Target.all) func allPatternsAreFloatsAndComeBack(_ target: Target) throws {
    let patterns = (0..<65536).map { UInt16($0) }
    let device = target.device
    let floats = device.floats(of: device.makeBuffer(patterns), count: patterns.count)
    let back = device.halves(of: floats, count: patterns.count)
    let values = try device.read(floats, as: Float.self, count: patterns.count)
    let results = try device.read(back, as: UInt16.self, count: patterns.count)
    var wrong = 0
    for pattern in patterns {
      let (expected, value, result) = (Self.number(pattern), values[Int(pattern)], results[Int(pattern)])
      let isRight = expected.isNaN
        ? value.isNaN && Self.number(result).isNaN
        : Double(value) == expected && value.sign == expected.sign && result == pattern
      if !isRight {
        wrong += 1
        if wrong < 4 { Issue.record("half \(pattern) became \(value), which became \(result)") }
      }
    }
    #expect(wrong == 0)
  }

  @Test(arguments: Target.all) func floatsAreRoundedToTheNearest(_ target: Target) throws {
    // Each half's neighbourhood: itself, its middle to the next, and the floats beside these.
    var floats: [Float] = []
    for pattern in stride(from: 0, to: 0x7C00, by: 7).map({ UInt16($0) }) + [0, 1, 2, 0x3FF, 0x400, 0x7BFE, 0x7BFF] {
      let (this, next) = (Float(Self.number(pattern)), pattern == 0x7BFF ? 65536 : Float(Self.number(pattern + 1)))
      let middle = (this + next) / 2
      for value in [this, middle, middle.nextUp, middle.nextDown, this.nextUp] { floats += [value, -value] }
    }
    floats += [.infinity, -.infinity, 65504, 65519.996, 65520, 1e10, -1e38, 1e-10, -1e-30, 0x1p-149, 0x1p-25, 0x1.000002p-25]
    let device = target.device
    let results = try device.read(
      device.halves(of: device.makeBuffer(floats), count: floats.count), as: UInt16.self, count: floats.count)
    for (value, result) in zip(floats, results) where result != Self.nearest(value) {
      Issue.record("\(value) became \(result), not \(Self.nearest(value))")
      break
    }
    for value in [Float.nan, -.nan, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFFF_FFFF)] {
      let half = try device.read(
        device.halves(of: device.makeBuffer([value]), count: 1), as: UInt16.self, count: 1)[0]
      #expect(Self.number(half).isNaN)
    }
  }

  /// A float has more than twice a half's digits, so that rounding twice is rounding once.
  @Test(arguments: Target.all) func arithmeticRoundsOnce(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(70)
    for count in oddSizes + [8195] {
      let (a, b) = (
        device.halves(of: device.makeBuffer(numbers.floats(count).map { $0 * 9 }), count: count),
        device.halves(of: device.makeBuffer(numbers.floats(count)), count: count)
      )
      func values(_ buffer: Buffer) throws -> [UInt16] { try device.read(buffer, as: UInt16.self, count: count) }
      let (p, q) = (try values(a).map(Self.number), try values(b).map(Self.number))
      func check(_ result: Buffer, _ comment: Comment, _ expected: (Double, Double) -> Double) throws {
        #expect(try values(result) == zip(p, q).map { Self.nearest(Float(expected($0, $1))) }, comment)
      }
      try check(device.addHalves(a, b, count: count), "\(count) sums", +)
      try check(device.subtractHalves(a, b, count: count), "\(count) differences", -)
      try check(device.multiplyHalves(a, b, count: count), "\(count) products", *)
      try check(device.activateHalves(a, .relu6, count: count), "\(count) activations") { x, _ in min(max(x, 0), 6) }
    }
  }

  @Test(arguments: Target.all) func productsOfHalvesAreSummedInFloats(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(71)
    for trial in 0..<20 {
      let (m, n, k) = (numbers.pick(oddSizes), numbers.pick(oddSizes), numbers.pick(oddSizes + [2050]))
      let (a, b, bias) = (numbers.floats(m * k), numbers.floats(k * n), numbers.floats(n))
      let (p, q) = (
        device.halves(of: device.makeBuffer(a), count: m * k), device.halves(of: device.makeBuffer(b), count: k * n)
      )
      let c = device.matmulOfHalves(
        p, q, m: m, n: n, k: k, bias: device.makeBuffer(bias), activation: trial % 2 == 0 ? .none : .relu)
      let (left, right) = (
        try device.read(p, as: UInt16.self, count: m * k).map(Self.number),
        try device.read(q, as: UInt16.self, count: k * n).map(Self.number)
      )
      let results = try device.read(c, as: UInt16.self, count: m * n).map(Self.number)
      for row in 0..<m {
        for column in 0..<n {
          var sum = Double(bias[column])
          for i in 0..<k { sum += left[row * k + i] * right[i * n + column] }
          if trial % 2 == 1 { sum = max(sum, 0) }
          // Half a unit in the last of 11 bits, and what a float's sum may be off.
          let bound = abs(sum) * 0x1p-11 + 1e-5 * max(1, Double(k).squareRoot() / 8)
          if !(abs(results[row * n + column] - sum) <= bound) {
            Issue.record("\((m, n, k)): c(\(row),\(column)) is \(results[row * n + column]), not \(sum)")
            return
          }
        }
      }
    }
  }

  /// The float kernels' result on the same numbers, rounded once.
  @Test(arguments: Target.all) func convolutionsOfHalvesAreThoseOfTheirFloats(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(72)
    for trial in 0..<20 {
      let groups = numbers.pick([1, 1, 2, 3])
      let shape = ConvolutionShape(
        batch: numbers.pick([1, 2]), height: numbers.pick([7, 9]), width: numbers.pick([7, 10, 17]),
        inputChannels: groups * numbers.pick([1, 3, 17]), outputChannels: groups * numbers.pick([1, 5, 16, 35, 129]),
        kernel: (numbers.pick([1, 2, 3]), numbers.pick([1, 3, 4])), stride: (numbers.pick([1, 2]), numbers.pick([1, 3])),
        dilation: (numbers.pick([1, 2]), 1),
        padding: Padding(top: numbers.pick([0, 1]), left: numbers.pick([0, 2]), bottom: 1, right: 0), groups: groups)
      let (x, w) = (
        device.halves(of: device.makeBuffer(numbers.floats(shape.inputCount)), count: shape.inputCount),
        device.halves(of: device.makeBuffer(numbers.floats(shape.weightCount)), count: shape.weightCount)
      )
      let bias = device.makeBuffer(numbers.floats(shape.outputChannels))
      let activation = trial % 2 == 0 ? Activation.none : .relu
      let expected = device.convolution(
        device.floats(of: x, count: shape.inputCount), device.floats(of: w, count: shape.weightCount), shape, bias: bias,
        activation: activation)
      let found = try device.read(
        device.convolutionOfHalves(x, w, shape, bias: bias, activation: activation), as: UInt16.self,
        count: shape.outputCount)
      for (i, right) in try device.read(expected, as: Float.self, count: shape.outputCount).enumerated() {
        // Half a unit in the last of 11 bits, and what two floats' sums may differ by.
        let bound = abs(Double(right)) * 0x1p-11 + 1e-5
        if !(abs(Self.number(found[i]) - Double(right)) <= bound) {
          Issue.record("\(shape): number \(i) is \(Self.number(found[i])), not \(right)")
          return
        }
      }
    }
  }
}
