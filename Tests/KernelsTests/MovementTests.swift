import Testing

@testable import Kernels

/// Copies between strided places, and operators with indices, against loops.
@Suite struct MovementTests {
  /// Where each number of a shape lies, in the order of the shape.
  private func places(_ strides: Strides, _ shape: [Int]) -> [Int] {
    (0..<shape.reduce(1, *)).map { place in
      var (rest, at) = (place, strides.offset)
      for i in shape.indices.reversed() {
        at += rest % shape[i] * strides.steps[i]
        rest /= shape[i]
      }
      return at
    }
  }

  @Test(arguments: Target.all) func copiesGoWhereTheirStridesSay(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(40)
    let few = [1, 2, 3, 7]
    for turn in 0..<60 {
      // Up to six dimensions, one of which is large, in any order, some backwards, some repeated.
      let rank = 1 + turn % 6
      var shape = (0..<rank).map { _ in numbers.pick(few) }
      shape[numbers.pick(Array(0..<rank))] = numbers.pick(rank > 4 ? few : [1, 17, 64, 129, 257])
      if turn == 30 { shape = [8199, 3] }
      if turn == 31 { shape = [3, 16_389] }
      let count = shape.reduce(1, *)
      let order = shape.indices.map { ($0, numbers.pick(Array(0..<100))) }.sorted { $0.1 < $1.1 }.map(\.0)
      func permuted(_ order: [Int], step: Int) -> Strides {
        var strides = Strides([Int](repeating: 0, count: shape.count))
        var next = step
        for i in order {
          strides.steps[i] = next
          next *= shape[i]
          if numbers.pick([0, 1, 2]) == 0 {
            strides.offset += strides.steps[i] * (shape[i] - 1)
            strides.steps[i] *= -1
          }
        }
        return strides
      }
      var from = permuted(order, step: numbers.pick([1, 1, 2]))
      let repeated = numbers.pick(Array(0..<shape.count))
      if turn % 3 == 0 {
        if from.steps[repeated] < 0 { from.offset += from.steps[repeated] * (shape[repeated] - 1) }
        from.steps[repeated] = 0
      }
      let to = turn % 2 == 0 ? Strides(contiguous: shape) : permuted(Array(shape.indices.reversed()), step: 3)
      let x = numbers.floats(2 * count)
      var expected = [Float](repeating: 9, count: 3 * count)
      for (source, target) in zip(places(from, shape), places(to, shape)) { expected[target] = x[source] }
      let y = device.fill(9, count: 3 * count)
      device.copy(device.makeBuffer(x), at: from, to: y, at: to, shape: shape)
      #expect(try device.read(y, as: Float.self, count: 3 * count) == expected, "\(shape) from \(from) to \(to)")
    }
  }

  /// What is a transposition of matrices, and what looks like one.
  @Test(arguments: Target.all) func gatheringAgreesWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(44)
    for (shape, steps) in [
      ([33, 17], [1, 33]), ([5, 33, 17], [561, 1, 33]), ([5, 33, 17], [17, 1, 85]), ([33, 17], [1, 34]),
      ([2, 3], [1, 0]),
      ([4, 5, 6], [1, 24, 4]), ([1, 7, 1], [1, 1, 1]), ([3, 3], [-1, 3]),
    ] {
      let strides = Strides(steps, offset: steps[0] < 0 ? 2 : 0)
      let x = numbers.floats(4000)
      let count = shape.reduce(1, *)
      let y = device.gathered(device.makeBuffer(x), at: strides, shape: shape)
      #expect(
        try device.read(y, as: Float.self, count: count) == places(strides, shape).map { x[$0] }, "\(shape) \(steps)")
    }
  }

  @Test func layoutsHaveAsFewDimensionsAsTheyNeed() {
    let shape = [2, 3, 1, 4, 5]
    let contiguous = StridedLayout(shape, [Strides(contiguous: shape), Strides(contiguous: shape)])
    #expect(
      contiguous.sizes == [1, 1, 1, 1, 1, 120] && contiguous.operands == [[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1]])
    let mixed = StridedLayout(shape, [Strides(contiguous: shape), Strides(broadcasting: [4, 5], to: shape)])
    #expect(mixed.sizes == [1, 1, 1, 1, 6, 20] && mixed.operands == [[0, 0, 0, 0, 20, 1], [0, 0, 0, 0, 0, 1]])
    #expect(StridedLayout([], [Strides([])]).operands == [[1, 1, 1, 1, 1, 1]])
  }

  /// Sizes (outer, count, axis, inner).
  static let indexed = [
    (1, 1, 1, 1), (3, 7, 5, 1), (2, 33, 17, 129), (1, 300, 1000, 3), (2, 17, 3, 64), (1, 2000, 7, 1), (1, 3, 600, 33),
    (1, 9000, 5, 1),
    (2, 2, 3, 8200),
  ]

  @Test(arguments: Target.all) func gatherAndScatterAddFollowTheirIndices(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(41)
    for (outer, count, axis, inner) in Self.indexed {
      for hasOwn in [false, true] {
        // Some are outside.
        let index = (0..<(hasOwn ? outer : 1) * count).map { _ in Int32(numbers.pick(Array(0..<axis) + [-1, axis])) }
        let x = numbers.floats(outer * axis * inner)
        let dy = numbers.floats(outer * count * inner)
        var taken = [Float](repeating: .nan, count: dy.count)
        var sums = [Float](repeating: 0, count: x.count)
        for o in 0..<outer {
          for k in 0..<count {
            let at = Int(index[(hasOwn ? o * count : 0) + k])
            guard (0..<axis).contains(at) else { continue }
            for i in 0..<inner {
              taken[(o * count + k) * inner + i] = x[(o * axis + at) * inner + i]
              sums[(o * axis + at) * inner + i] += dy[(o * count + k) * inner + i]
            }
          }
        }
        let buffer = device.makeBuffer(index)
        let y = try device.read(
          device.gather(
            device.makeBuffer(x), index: buffer, count: count, hasOwn: hasOwn, outer: outer, axis: axis, inner: inner),
          as: Float.self, count: taken.count)
        #expect(zip(y, taken).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }, "\((outer, count, axis, inner))")
        // In the same order, so to the bit.
        let dx = device.scatterAdd(
          device.makeBuffer(dy), index: buffer, count: count, hasOwn: hasOwn, outer: outer, axis: axis, inner: inner)
        #expect(try device.read(dx, as: Float.self, count: sums.count) == sums, "\((outer, count, axis, inner))")
      }
    }
  }

  @Test(arguments: Target.all) func oneHotIsOneAtTheIndex(_ target: Target) throws {
    let device = target.device
    for (count, classes) in [(1, 1), (3, 7), (129, 65)] {
      let index = (0..<count).map { Int32($0 * 5 % (classes + 1)) }
      let y = try device.read(
        device.oneHot(device.makeBuffer(index), count: count, classes: classes), as: Float.self, count: count * classes)
      #expect(y == index.flatMap { at in (0..<classes).map { $0 == Int(at) ? 1 : 0 } }, "\((count, classes))")
    }
  }

  @Test(arguments: Target.all) func cumulativeSumsAgreeWithLoops(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(42)
    for (outer, axis, inner) in [(1, 1, 1), (3, 17, 5), (2, 129, 33), (3, 256, 2), (1, 100_003, 1), (5, 7, 300)] {
      let x = numbers.floats(outer * axis * inner).map { $0 + 1 }
      for isReversed in [false, true] {
        var expected = [Double](repeating: 0, count: x.count)
        for o in 0..<outer {
          for i in 0..<inner {
            var sum = 0.0
            for a in isReversed ? Array((0..<axis).reversed()) : Array(0..<axis) {
              sum += Double(x[(o * axis + a) * inner + i])
              expected[(o * axis + a) * inner + i] = sum
            }
          }
        }
        let y = try device.read(
          device.cumulativeSum(device.makeBuffer(x), isReversed: isReversed, outer: outer, axis: axis, inner: inner),
          as: Float.self, count: x.count)
        let worst = zip(y, expected).map { abs(Double($0) - $1) / max(1, abs($1)) }.max()!
        #expect(worst < 2e-7, "\((outer, axis, inner))")
      }
    }
    let infinite = try device.read(
      device.cumulativeSum(device.makeBuffer([1, .infinity, 2, .nan, 3] as [Float]), outer: 1, axis: 5, inner: 1),
      as: Float.self, count: 5)
    #expect(infinite[..<3] == [1, .infinity, .infinity] && infinite[3].isNaN && infinite[4].isNaN)
    var late = [Float](repeating: 1, count: 300)
    late[100] = .infinity
    let sums = try device.read(
      device.cumulativeSum(device.makeBuffer(late), outer: 1, axis: 300, inner: 1), as: Float.self, count: 300)
    #expect(sums[..<100] == (1...100).map { Float($0) }[...] && sums[100...].allSatisfy { $0 == .infinity })
  }

  @Test(arguments: Target.all) func topKAreTheFirstOfASortedRow(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(43)
    for (rows, n, k) in [(1, 1, 1), (3, 7, 7), (17, 300, 5), (2, 1000, 129)] {
      // Few different values, so that many are equal.
      var x = numbers.floats(rows * n).map { ($0 * 20).rounded() }
      for i in 0..<x.count where i % 53 == 7 { x[i] = i % 2 == 0 ? .nan : -.infinity }
      var (values, indices): ([Float], [Int32]) = ([], [])
      for row in 0..<rows {
        let sorted = (0..<n).sorted { i, j in
          let (a, b) = (x[row * n + i], x[row * n + j])
          if a.isNaN || b.isNaN { return a.isNaN && (!b.isNaN || i < j) }
          return a > b || a == b && i < j
        }
        values += sorted[..<k].map { x[row * n + $0] }
        indices += sorted[..<k].map { Int32($0) }
      }
      let result = device.topK(device.makeBuffer(x), k: k, rows: rows, n: n)
      #expect(try device.read(result.indices, as: Int32.self, count: rows * k) == indices, "\((rows, n, k))")
      let found = try device.read(result.values, as: Float.self, count: rows * k)
      #expect(zip(found, values).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }, "\((rows, n, k))")
    }
  }
}
