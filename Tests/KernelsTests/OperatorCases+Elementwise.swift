@testable import Kernels

extension OperatorCase {
  static let elementwiseCases = [
    OperatorCase("functions of one number") { run in
      for count in counts {
        let (x, dy) = (run.input(count, plus: 1.5), run.input(count))
        for function in UnaryFunction.allCases {
          try run.keep(
            run.device.unary(function, x, p: 0.5, q: 1, count: count),
            run.device.unaryBackward(function, x, dy: dy, p: 0.5, q: 1, count: count))
        }
      }
    },
    OperatorCase("functions of two numbers") { run in
      for count in counts {
        let (a, b) = (run.input(count), run.input(count, plus: 2))
        for function in BinaryFunction.allCases { try run.keep(run.device.binary(function, a, b, count: count)) }
        try run.keep(run.device.choose(a, a, b, count: count))
      }
    },
    OperatorCase("broadcasting") { run in
      for (a, b, y) in Broadcast.shapes {
        let (p, q) = (run.input(a.reduce(1, *)), run.input(b.reduce(1, *), plus: 2))
        for function in [BinaryFunction.multiply, .divide, .less] {
          try run.keep(run.device.binary(function, p, shape: a, q, shape: b, to: y))
        }
      }
    },
    OperatorCase("whole numbers") { run in
      for count in counts {
        let labels = run.labels(count, below: 7)
        try run.keep(
          run.device.floats(labels, count: count), run.device.integers(run.input(count, plus: 3), count: count))
        for comparison in IntComparison.allCases {
          try run.keep(run.device.compare(labels, comparison, 3, count: count))
        }
      }
    },
  ]

  static let movementCases = [
    OperatorCase("strided copies") { run in
      for (shape, permutation) in [
        ([1], [0]), ([7, 9], [1, 0]), ([3, 1, 17, 33], [2, 0, 3, 1]), ([2, 8200], [0, 1]),
      ] {
        let x = run.input(shape.reduce(1, *))
        let contiguous = Strides(contiguous: shape)
        let backwards = Strides(contiguous.steps.map { -$0 }, offset: shape.reduce(1, *) - 1)
        try run.keep(
          run.device.gathered(
            x, at: Strides(permutation.map { contiguous.steps[$0] }), shape: permutation.map { shape[$0] }),
          run.device.gathered(x, at: backwards, shape: shape))
        // Every other place of a larger one.
        let y = run.device.fill(0, count: 2 * shape.reduce(1, *))
        run.device.copy(
          x, at: contiguous, to: y, at: Strides(contiguous.steps.map { 2 * $0 }, offset: 1), shape: shape)
        try run.keep(y)
      }
    }
  ]

  static let indexCases = [
    OperatorCase("indices") { run in
      for (outer, count, axis, inner) in [(1, 1, 1, 1), (3, 7, 5, 1), (2, 33, 17, 129), (1, 300, 1000, 3)] {
        for hasOwn in [false, true] {
          let index = run.labels(hasOwn ? outer * count : count, below: axis)
          try run.keep(
            run.device.gather(
              run.input(outer * axis * inner), index: index, count: count, hasOwn: hasOwn, outer: outer, axis: axis,
              inner: inner),
            run.device.scatterAdd(
              run.input(outer * count * inner), index: index, count: count, hasOwn: hasOwn, outer: outer, axis: axis,
              inner: inner))
        }
        try run.keep(
          run.device.oneHot(run.labels(count, below: axis), count: count, classes: axis),
          run.device.cumulativeSum(
            run.input(outer * axis * inner), isReversed: inner == 3, outer: outer, axis: axis, inner: inner))
      }
    },
    OperatorCase("top k") { run in
      for (rows, n, k) in [(1, 1, 1), (3, 17, 17), (17, 300, 5)] {
        let (values, indices) = run.device.topK(run.input(rows * n), k: k, rows: rows, n: n)
        try run.keep(values, indices)
      }
    },
  ]
}

/// Shapes that broadcast, and what to.
enum Broadcast {
  static let shapes: [(a: [Int], b: [Int], y: [Int])] = [
    ([], [], []), ([], [3], [3]), ([7], [], [7]), ([5, 7], [7], [5, 7]), ([5, 7], [5, 1], [5, 7]),
    ([5, 1], [1, 7], [5, 7]), ([17, 1, 33], [129, 1], [17, 129, 33]), ([2, 3, 4, 5], [3, 1, 1], [2, 3, 4, 5]),
    ([2, 1, 3, 1, 2, 1], [1, 4, 1, 5, 1, 7], [2, 4, 3, 5, 2, 7]), ([1, 8197], [3, 8197], [3, 8197]),
    ([3, 8197], [1], [3, 8197]), ([16_385], [1], [16_385]),
  ]
}
