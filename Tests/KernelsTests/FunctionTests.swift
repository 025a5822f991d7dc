import Foundation
import Testing

@testable import Kernels

/// Functions of one and two numbers against loops in float64, broadcasting, and what they make of NaN and infinity.
@Suite struct FunctionTests {
  /// The function and its derivative in float64.
  private static func oracle(_ function: UnaryFunction, _ x: Double, _ p: Double, _ q: Double) -> (
    y: Double, slope: Double
  ) {
    let s = 1 / (1 + Foundation.exp(-x))
    let phi = erfc(-x / 2.0.squareRoot()) / 2
    let density = Foundation.exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    let root = (2 / Double.pi).squareRoot()
    let t = Foundation.tanh(root * (x + 0.044715 * x * x * x))
    return switch function {
    case .negate: (-x, -1)
    case .abs: (Swift.abs(x), x > 0 ? 1 : x < 0 ? -1 : 0)
    case .square: (x * x, 2 * x)
    case .reciprocal: (1 / x, -1 / (x * x))
    case .sqrt: (x.squareRoot(), 0.5 / x.squareRoot())
    case .exp: (Foundation.exp(x), Foundation.exp(x))
    case .log: (Foundation.log(x), 1 / x)
    case .sigmoid: (s, s * (1 - s))
    case .tanh: (Foundation.tanh(x), 1 - Foundation.tanh(x) * Foundation.tanh(x))
    case .gelu: (x * phi, phi + x * density)
    case .geluTanh:
      (x * (1 + t) / 2, (1 + t) / 2 + x / 2 * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x))
    case .silu: (x * s, s * (1 + x * (1 - s)))
    case .hardSigmoid: (min(max(x + 3, 0), 6) / 6, Swift.abs(x) < 3 ? 1 / 6 : 0)
    case .hardSwish: (x * min(max(x + 3, 0), 6) / 6, x < -3 ? 0 : x > 3 ? 1 : x / 3 + 0.5)
    case .leakyReLU: (x > 0 ? x : p * x, x > 0 ? 1 : p)
    case .elu: (x > 0 ? x : p * expm1(x), x > 0 ? 1 : p * Foundation.exp(x))
    case .softplus: (max(x, 0) + log1p(Foundation.exp(-Swift.abs(x))), s)
    case .clamp: (min(max(x, p), q), x >= p && x <= q ? 1 : 0)
    }
  }

  private static func isPositive(_ function: UnaryFunction) -> Bool { [.log, .sqrt].contains(function) }

  @Test(arguments: Target.all) func functionsAgreeWithFloat64(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(30)
    for count in [1, 7, 33, 8195] {
      let plain = numbers.floats(count).map { $0 * 12 }
      let dy = numbers.floats(count)
      for function in UnaryFunction.allCases {
        var x = Self.isPositive(function) ? plain.map { Swift.abs($0) + 1e-3 } : plain
        if function == .reciprocal { x = x.map { $0 + ($0 < 0 ? -0.1 : 0.1) } }
        let (p, q) = (Float(-0.75), Float(2.5))
        let expected = x.map { Self.oracle(function, Double($0), Double(p), Double(q)) }
        let buffer = device.makeBuffer(x)
        let y = try device.read(device.unary(function, buffer, p: p, q: q, count: count), as: Float.self, count: count)
        expectClose(y, expected.map(\.y), "\(function) of \(count)")
        let dx = try device.read(
          device.unaryBackward(function, buffer, dy: device.makeBuffer(dy), p: p, q: q, count: count), as: Float.self,
          count: count)
        expectClose(dx, zip(expected, dy).map { $0.slope * Double($1) }, "gradient of \(function) of \(count)")
      }
    }
  }

  /// exp and log, from which the others are made, over all that a float can hold.
  @Test(arguments: Target.all) func expAndLogKeepSevenDigits(_ target: Target) throws {
    let device = target.device
    let count = 20_011
    let x = (0..<count).map { Float($0) / Float(count) * 175 - 87 }
    let y = try device.read(device.unary(.exp, device.makeBuffer(x), count: count), as: Float.self, count: count)
    let worst = zip(x, y).map { Swift.abs(Double($1) / Foundation.exp(Double($0)) - 1) }.max()!
    #expect(worst < 2e-7, "exp")
    let z = try device.read(device.unary(.log, device.makeBuffer(y), count: count), as: Float.self, count: count)
    let error = zip(y, z).map { Swift.abs(Double($1) - Foundation.log(Double($0))) / max(1, Swift.abs(Double($1))) }
    #expect(error.max()! < 2e-7, "log")
  }

  /// The last float whose exponential is finite and the first of an infinite one, the last of 0 and the first of a normal one,
  /// and the others that meet them in functions by exp.
  @Test(arguments: Target.all) func exponentialsEndWhereFloatsDo(_ target: Target) throws {
    let device = target.device
    let x: [Float] = [88.72283, 88.7228394, -87.3365447, -87.33654, -88.7228394, 44.3614197, -44.3614197]
    func of(_ function: UnaryFunction) throws -> [Float] {
      try device.read(device.unary(function, device.makeBuffer(x), count: x.count), as: Float.self, count: x.count)
    }
    let y = try of(.exp)
    #expect(Swift.abs(y[0] / 3.4027985e38 - 1) < 1e-6 && y[1] == .infinity && y[2] == 0, "\(y)")
    #expect(Swift.abs(y[3] / 1.1755e-38 - 1) < 1e-4 && y[4] == 0, "\(y)")
    #expect(try of(.sigmoid).prefix(5).allSatisfy { $0 == 1 || $0 < 1e-37 })
    #expect(try of(.tanh).suffix(2) == [1, -1])
  }

  @Test(arguments: Target.all) func extremesAreThoseOfPyTorch(_ target: Target) throws {
    let device = target.device
    let inf = Float.infinity
    let x: [Float] = [.nan, inf, -inf, 0, -0.0, 100, -110]
    let nan = Float.nan
    let expected: [(UnaryFunction, [Float])] = [
      (.negate, [nan, -inf, inf, -0.0, 0, -100, 110]), (.abs, [nan, inf, inf, 0, 0, 100, 110]),
      (.exp, [nan, inf, 0, 1, 1, inf, 0]), (.log, [nan, inf, nan, -inf, -inf, 4.6051702, nan]),
      (.sqrt, [nan, inf, nan, 0, -0.0, 10, nan]), (.reciprocal, [nan, 0, -0.0, inf, -inf, 0.01, -1 / 110]),
      (.sigmoid, [nan, 1, 0, 0.5, 0.5, 1, 0]), (.tanh, [nan, 1, -1, 0, -0.0, 1, -1]),
      (.gelu, [nan, inf, nan, 0, -0.0, 100, -0.0]), (.silu, [nan, inf, nan, 0, -0.0, 100, -0.0]),
      (.hardSigmoid, [nan, 1, 0, 0.5, 0.5, 1, 0]), (.hardSwish, [nan, inf, nan, 0, -0.0, 100, -0.0]),
      (.leakyReLU, [nan, inf, -inf, 0, -0.0, 100, -27.5]), (.elu, [nan, inf, -0.25, 0, -0.0, 100, -0.25]),
      (.softplus, [nan, inf, 0, 0.6931472, 0.6931472, 100, 0]), (.clamp, [nan, 1, 0.25, 0.25, 0.25, 1, 0.25]),
    ]
    for (function, values) in expected {
      let y = try device.read(
        device.unary(function, device.makeBuffer(x), p: 0.25, q: 1, count: x.count), as: Float.self, count: x.count)
      for (i, (actual, wanted)) in zip(y, values).enumerated() {
        let agrees =
          wanted.isNaN
          ? actual.isNaN
          : wanted.isInfinite ? actual == wanted : Swift.abs(actual - wanted) < 1e-6 * max(1, Swift.abs(wanted))
        // A zero keeps its sign.
        #expect(
          agrees && (wanted != 0 || x[i] != 0 || actual.sign == wanted.sign),
          "\(function)(\(x[i])) is \(actual), not \(wanted)")
      }
    }
  }

  private static func oracle(_ function: BinaryFunction, _ a: Float, _ b: Float) -> Float {
    switch function {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .maximum: a.isNaN || b.isNaN ? .nan : max(a, b)
    case .minimum: a.isNaN || b.isNaN ? .nan : min(a, b)
    case .share: a < b ? 0 : a == b ? 0.5 : 1
    case .equal: a == b ? 1 : 0
    case .notEqual: a != b ? 1 : 0
    case .less: a < b ? 1 : 0
    case .lessOrEqual: a <= b ? 1 : 0
    }
  }

  private func expectSame(_ actual: [Float], _ expected: [Float], _ function: BinaryFunction, _ comment: String) {
    let agrees = zip(actual, expected).allSatisfy { a, e in
      // OpenCL lets a quotient be wrong by 2.5 units in the last place.
      a == e || a.isNaN && e.isNaN || function == .divide && Swift.abs(a - e) <= 3e-7 * Swift.abs(e)
    }
    #expect(agrees && actual.count == expected.count, "\(function) \(comment)")
  }

  @Test(arguments: Target.all) func functionsOfTwoNumbersAgreeWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(31)
    for count in [1, 7, 33, 8195] {
      // Few different values, so that many are equal.
      var (a, b) = (numbers.floats(count).map { ($0 * 4).rounded() }, numbers.floats(count).map { ($0 * 4).rounded() })
      for i in 0..<count where i % 11 == 3 { a[i] = i % 2 == 0 ? .nan : .infinity }
      for i in 0..<count where i % 13 == 3 { b[i] = i % 2 == 0 ? .nan : -.infinity }
      for function in BinaryFunction.allCases {
        let y = try device.read(
          device.binary(function, device.makeBuffer(a), device.makeBuffer(b), count: count), as: Float.self,
          count: count)
        expectSame(y, zip(a, b).map { Self.oracle(function, $0, $1) }, function, "of \(count)")
      }
      let chosen = try device.read(
        device.choose(device.makeBuffer(b), device.makeBuffer(a), device.makeBuffer(b), count: count), as: Float.self,
        count: count)
      #expect(
        zip(chosen, zip(a, b)).allSatisfy { $0 == ($1.1 != 0 ? $1.0 : $1.1) || $0.isNaN }, "choice of \(count)")
    }
  }

  @Test(arguments: Target.all) func shapesBroadcastAsInNumPy(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(32)
    for (aShape, bShape, shape) in Broadcast.shapes {
      let (a, b) = (numbers.floats(aShape.reduce(1, *)), numbers.floats(bShape.reduce(1, *)))
      let count = shape.reduce(1, *)
      func places(_ operand: [Int]) -> [Int] {
        (0..<count).map { place in
          var (rest, at, step) = (place, 0, 1)
          for i in shape.indices.reversed() {
            let index = rest % shape[i]
            rest /= shape[i]
            let own = i - shape.count + operand.count
            guard own >= 0 else { continue }
            at += operand[own] == 1 ? 0 : index * step
            step *= operand[own]
          }
          return at
        }
      }
      let (p, q) = (places(aShape), places(bShape))
      for function in BinaryFunction.allCases {
        let y = device.binary(
          function, device.makeBuffer(a), shape: aShape, device.makeBuffer(b), shape: bShape, to: shape)
        expectSame(
          try device.read(y, as: Float.self, count: count),
          (0..<count).map { Self.oracle(function, a[p[$0]], b[q[$0]]) },
          function, "of \(aShape) and \(bShape)")
      }
    }
  }

  @Test(arguments: Target.all) func wholeNumbersAreComparedAndConverted(_ target: Target) throws {
    let device = target.device
    let values: [Int32] = [0, 1, -1, 2, .max, .min, 16_777_217, 2, 3] + (0..<8200).map { Int32($0 % 5) }
    let x = device.makeBuffer(values)
    for (comparison, holds) in [
      (IntComparison.equal, { $0 == 2 }), (.notEqual, { $0 != 2 }), (.less, { $0 < 2 }), (.lessOrEqual, { $0 <= 2 }),
      (.greater, { $0 > 2 }), (.greaterOrEqual, { $0 >= 2 }),
    ] as [(IntComparison, (Int32) -> Bool)] {
      let mask = try device.read(
        device.compare(x, comparison, 2, count: values.count), as: Float.self, count: values.count)
      #expect(mask == values.map { holds($0) ? 1 : 0 }, "\(comparison)")
    }
    #expect(
      try device.read(device.floats(x, count: values.count), as: Float.self, count: values.count)
        == values.map { Float($0) })
    let floats: [Float] = [0, -0.0, 1.9, -1.9, .nan, .infinity, -.infinity, 2.5, 3e9, -3e9]
    let integers = try device.read(
      device.integers(device.makeBuffer(floats), count: floats.count), as: Int32.self, count: floats.count)
    #expect(integers == [0, 0, 1, -1, 0, .max, .min, 2, .max, .min])
  }
}
