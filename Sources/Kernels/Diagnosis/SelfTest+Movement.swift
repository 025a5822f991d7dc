// What moves numbers to other places, by strides or by indices.

extension SelfTest {
  static let movement = [
    SelfTest("broadcasting and reordering") { probe in
      let device = probe.device
      for (left, right, shape) in [([5, 1, 33], [7, 1], [5, 7, 33]), ([1, 8197], [3, 1], [3, 8197])] {
        let (a, b) = (probe.numbers(left.reduce(1, *)), probe.numbers(right.reduce(1, *)))
        let (p, q) = (Strides(broadcasting: left, to: shape), Strides(broadcasting: right, to: shape))
        let expected = places(shape, [p, q]).map { Double(a[$0[0]]) * Double(b[$0[1]]) }
        try probe.expect(
          device.binary(.multiply, device.makeBuffer(a), shape: left, device.makeBuffer(b), shape: right, to: shape),
          expected, "broadcasting to \(shape)")
      }
      for order in [[1, 0, 2], [2, 0, 1], [0, 2, 1]] {
        let shape = [5, 7, 33]
        let x = probe.numbers(shape.reduce(1, *))
        let strides = Strides(order.map { Strides(contiguous: shape).steps[$0] })
        let expected = places(order.map { shape[$0] }, [strides]).map { Double(x[$0[0]]) }
        try probe.expect(
          device.gathered(device.makeBuffer(x), at: strides, shape: order.map { shape[$0] }), expected,
          "dimensions in the order \(order)")
      }
    },
    SelfTest("indices") { probe in
      let device = probe.device
      for (outer, count, axis, inner) in [(3, 9, 5, 1), (2, 40, 17, 130)] {
        let index = probe.numbers(count).map { Int32(($0 + 1) / 2 * Float(axis)) }
        let (x, dy) = (probe.numbers(outer * axis * inner), probe.numbers(outer * count * inner))
        var (y, dx) = (dy.map { _ in 0.0 }, x.map { _ in 0.0 })
        for i in dy.indices {
          let place = (i / inner / count * axis + Int(index[i / inner % count])) * inner + i % inner
          y[i] = Double(x[place])
          dx[place] += Double(dy[i])
        }
        let at = device.makeBuffer(index)
        try probe.expect(
          device.gather(device.makeBuffer(x), index: at, count: count, outer: outer, axis: axis, inner: inner), y,
          "gathering")
        try probe.expect(
          device.scatterAdd(device.makeBuffer(dy), index: at, count: count, outer: outer, axis: axis, inner: inner), dx,
          "adding at indices")
        try probe.expect(
          device.oneHot(at, count: count, classes: axis),
          index.flatMap { one in (0..<axis).map { Int(one) == $0 ? 1 : 0 } }, "one-hot rows")
      }
    },
    SelfTest("cumulative sums") { probe in
      let device = probe.device
      // The last has more places than some drivers let a loop have rounds.
      for (outer, axis, inner) in [(2, 300, 5), (1, 70_000, 1)] {
        let x = probe.numbers(outer * axis * inner)
        for isReversed in [false, true] {
          var y = x.map(Double.init)
          for i in isReversed ? Array(y.indices.reversed()) : Array(y.indices) {
            let (before, place) = (isReversed ? i + inner : i - inner, i / inner % axis)
            if place != (isReversed ? axis - 1 : 0) { y[i] += y[before] }
          }
          let sums = device.cumulativeSum(
            device.makeBuffer(x), isReversed: isReversed, outer: outer, axis: axis, inner: inner)
          try probe.expect(sums, y, depth: axis, "a cumulative sum of \(axis)\(isReversed ? ", reversed" : "")")
        }
      }
    },
    SelfTest("top k") { probe in
      let device = probe.device
      for (rows, n, k) in [(3, 17, 17), (2, 1000, 5)] {
        let x = probe.numbers(rows * n)
        let sorted = (0..<rows).map { row in (0..<n).sorted { x[row * n + $0] > x[row * n + $1] }.prefix(k) }
        let (values, indices) = device.topK(device.makeBuffer(x), k: k, rows: rows, n: n)
        let largest = sorted.enumerated().flatMap { row, places in places.map { Double(x[row * n + $0]) } }
        try probe.expect(values, largest, "the \(k) largest")
        try probe.expect(
          device.floats(indices, count: rows * k), sorted.flatMap { $0.map(Double.init) }, "places of the \(k) largest")
      }
    },
  ]

  /// Where each operand's number lies, for each place of `shape` in order.
  private static func places(_ shape: [Int], _ operands: [Strides]) -> [[Int]] {
    (0..<shape.reduce(1, *)).map { number in
      var (rest, places) = (number, operands.map(\.offset))
      for d in shape.indices.reversed() {
        for i in operands.indices { places[i] += rest % shape[d] * operands[i].steps[d] }
        rest /= shape[d]
      }
      return places
    }
  }
}
