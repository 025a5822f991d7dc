// Operators on single elements.
import Foundation

extension SelfTest {
  static let elementwise = [
    SelfTest("elementwise") { probe in
      let device = probe.device
      for count in [1, 130, 9001] {
        let (a, b) = (probe.numbers(count), probe.numbers(count))
        let (p, q) = (device.makeBuffer(a), device.makeBuffer(b))
        let pairs = zip(a, b).map { (Double($0), Double($1)) }
        try probe.expect(device.fill(2.5, count: count), pairs.map { _ in 2.5 }, "fill")
        try probe.expect(device.affine(p, scale: 3, offset: 1, count: count), pairs.map { 3 * $0.0 + 1 }, "affine")
        try probe.expect(device.add(p, q, count: count), pairs.map { $0.0 + $0.1 }, "add")
        try probe.expect(device.subtract(p, q, count: count), pairs.map { $0.0 - $0.1 }, "subtract")
        try probe.expect(device.multiply(p, q, count: count), pairs.map { $0.0 * $0.1 }, "multiply")
      }
    },
    SelfTest("activations") { probe in
      let device = probe.device
      let count = 9001
      let (x, dy) = (probe.numbers(count).map { 9 * $0 }, probe.numbers(count))
      let (p, g) = (device.makeBuffer(x), device.makeBuffer(dy))
      for (activation, most) in [(Activation.relu, Double.infinity), (.relu6, 6)] {
        try probe.expect(
          device.activate(p, activation, count: count), x.map { min(max(Double($0), 0), most) }, "\(activation)")
        try probe.expect(
          device.activateBackward(p, dy: g, activation, count: count),
          zip(x, dy).map { $0 > 0 && Double($0) < most ? Double($1) : 0 }, "the gradient of \(activation)")
      }
    },
    SelfTest("functions of one number") { probe in
      let (device, count, p, q) = (probe.device, 9001, 0.25, 1.5)
      for function in UnaryFunction.allCases {
        let isPositive = [.reciprocal, .sqrt, .log].contains(function)
        let (x, dy) = (probe.numbers(count).map { isPositive ? abs($0) + 0.3 : 4 * $0 }, probe.numbers(count))
        func y(_ x: Double) -> Double { value(function, x, p, q) }
        let (from, g) = (device.makeBuffer(x), device.makeBuffer(dy))
        try probe.expect(
          device.unary(function, from, p: Float(p), q: Float(q), count: count), x.map { y(Double($0)) }, "\(function)")
        try probe.expect(
          device.unaryBackward(function, from, dy: g, p: Float(p), q: Float(q), count: count),
          zip(x, dy).map { Double($1) * (y(Double($0) + 1e-6) - y(Double($0) - 1e-6)) / 2e-6 },
          "the gradient of \(function)")
      }
    },
    SelfTest("functions of two numbers") { probe in
      let (device, count) = (probe.device, 9001)
      // Few different ones, so that some are equal.
      func eighths() -> [Float] { probe.numbers(count).map { ($0 * 8).rounded() / 8 } }
      let (a, b) = (eighths(), eighths().map { $0 + 1.5 })
      let (p, q) = (device.makeBuffer(a), device.makeBuffer(b))
      for function in BinaryFunction.allCases {
        try probe.expect(
          device.binary(function, p, q, count: count), zip(a, b).map { value(function, Double($0), Double($1)) },
          "\(function)")
      }
      try probe.expect(
        device.choose(p, q, p, count: count), zip(a, b).map { Double($0 != 0 ? $1 : $0) }, "a choice")
    },
    SelfTest("whole numbers") { probe in
      let (device, count) = (probe.device, 9001)
      let x = probe.numbers(count).map { 9 * $0 }
      let whole = device.integers(device.makeBuffer(x), count: count)
      let expected = x.map { Double($0).rounded(.towardZero) }
      try probe.expect(device.floats(whole, count: count), expected, "whole numbers")
      try probe.expect(device.compare(whole, .less, 2, count: count), expected.map { $0 < 2 ? 1 : 0 }, "less than 2")
      try probe.expect(device.compare(whole, .equal, 2, count: count), expected.map { $0 == 2 ? 1 : 0 }, "equal to 2")
    },
  ]

  private static func value(_ function: UnaryFunction, _ x: Double, _ p: Double, _ q: Double) -> Double {
    switch function {
    case .negate: -x
    case .abs: abs(x)
    case .square: x * x
    case .reciprocal: 1 / x
    case .sqrt: x.squareRoot()
    case .exp: exp(x)
    case .log: log(x)
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: tanh(x)
    case .gelu: x * erfc(-x / 2.squareRoot()) / 2
    case .geluTanh: x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) / 2
    case .silu: x / (1 + exp(-x))
    case .hardSigmoid: min(max(x + 3, 0), 6) / 6
    case .hardSwish: x * min(max(x + 3, 0), 6) / 6
    case .leakyReLU: x > 0 ? x : p * x
    case .elu: x > 0 ? x : p * (exp(x) - 1)
    case .softplus: log(1 + exp(x))
    case .clamp: min(max(x, p), q)
    }
  }

  private static func value(_ function: BinaryFunction, _ a: Double, _ b: Double) -> Double {
    switch function {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .maximum: max(a, b)
    case .minimum: min(a, b)
    case .share: a < b ? 0 : a == b ? 0.5 : 1
    case .equal: a == b ? 1 : 0
    case .notEqual: a != b ? 1 : 0
    case .less: a < b ? 1 : 0
    case .lessOrEqual: a <= b ? 1 : 0
    }
  }
}
