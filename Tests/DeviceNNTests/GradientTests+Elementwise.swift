import Testing

@testable import DeviceNN
@testable import Kernels

extension GradientTests {
  @Test func functions() throws {
    // Away from the kinks at 0 and ±3, and positive where a root or a logarithm is taken.
    let x = Tensor((0..<40).map { Float($0) * 0.21 - 4.16 }, shape: [4, 10], on: device)
    for (name, function) in [
      ("sigmoid", { $0.sigmoid() }), ("tanh", { $0.tanh() }), ("gelu", { $0.gelu() }), ("geluTanh", { $0.geluTanh() }),
      ("silu", { $0.silu() }), ("hardSigmoid", { $0.hardSigmoid() }), ("hardSwish", { $0.hardSwish() }),
      ("leakyReLU", { $0.leakyReLU(slope: 0.2) }), ("elu", { $0.elu(scale: 0.7) }), ("softplus", { $0.softplus() }),
      ("abs", { $0.abs() }), ("square", { $0.square() }), ("negate", { -$0 }),
      ("exp", { ($0 * 0.5).exp() }), ("log", { ($0.abs() + 1).log() }), ("sqrt", { ($0.abs() + 1).sqrt() }),
      ("reciprocal", { ($0.abs() + 1).reciprocal() }), ("clamped", { $0.clamped(to: -2...1) }),
      ("clamped from", { $0.clamped(to: (-2)...) }), ("clamped through", { $0.clamped(to: ...1) }),
    ] as [(String, (Tensor) -> Tensor)] {
      try expectGradients(of: [x], name) { function($0[0]) }
    }
  }

  @Test func broadcasting() throws {
    for (a, b) in [
      ([3, 7], [3, 7]), ([3, 7], [7]), ([3, 1], [1, 7]), ([2, 1, 5], [3, 1]), ([], [2, 3]), ([1, 1], []),
    ] {
      let (p, q) = (tensor("a", a), tensor("b", b, plus: 2.5))
      try expectGradients(of: [p, q], "+ \(a) \(b)") { $0[0] + $0[1] }
      try expectGradients(of: [p, q], "- \(a) \(b)") { $0[0] - $0[1] }
      try expectGradients(of: [p, q], "* \(a) \(b)") { $0[0] * $0[1] }
      try expectGradients(of: [p, q], "/ \(a) \(b)") { $0[0] / $0[1] }
      // Further apart than the step.
      let spread = Tensor((0..<p.count).map { Float($0) / 3 - 0.87 }, shape: a, on: device)
      let other = Tensor((0..<q.count).map { Float($0) / 3 - 0.7 }, shape: b, on: device)
      try expectGradients(of: [spread, other], "maximum \(a) \(b)") { .maximum($0[0], $0[1]) }
      try expectGradients(of: [spread, other], "minimum \(a) \(b)") { .minimum($0[0], $0[1]) }
      try expectGradients(of: [p, q], "where \(a) \(b)") { .where(spread .> other, $0[0], $0[1]) }
    }
    let x = tensor("x", [3, 5])
    try expectGradients(of: [x], "numbers") { (2 - $0[0] * 3 + 1) / 4 - 0.5 }
    try expectGradients(of: [x], "a number over") { 2 / ($0[0] + 3) }
    let mask = x .> 0.1
    try expectGradients(of: [x], "masked") { .where(mask, $0[0].square(), -1) }
  }

  @Test func equalNumbersShareAMaximumsGradient() throws {
    let a = Tensor([1, 2, 3], shape: [3], on: device).tracked
    let b = Tensor([2, 2, 2], shape: [3], on: device).tracked
    let larger = Tensor.maximum(a, b).sum().gradients()
    #expect(try #require(larger[a]).scalars() == [0, 0.5, 1] && #require(larger[b]).scalars() == [1, 0.5, 0])
    let smaller = Tensor.minimum(a, b).sum().gradients()
    #expect(try #require(smaller[a]).scalars() == [1, 0.5, 0] && #require(smaller[b]).scalars() == [0, 0.5, 1])
  }

  @Test func masksAndChoices() throws {
    let x = Tensor([-1, 0, 2, .nan], shape: [4], on: device)
    #expect(try (x .> 0).scalars() == [0, 0, 1, 0])
    #expect(try (x .>= 0).scalars() == [0, 1, 1, 0])
    #expect(try (x .< 0).scalars() == [1, 0, 0, 0])
    #expect(try (x .<= 0).scalars() == [1, 1, 0, 0])
    #expect(try (x .== 0).scalars() == [0, 1, 0, 0])
    #expect(try (x .!= 0).scalars() == [1, 0, 1, 1])
    #expect(!(x.tracked .> 0).isTracked)
    // What is not chosen is not looked at.
    let y = x.tracked
    let chosen = Tensor.where(x .== x, y, 0)
    #expect(try chosen.scalars() == [-1, 0, 2, 0])
    #expect(try #require(chosen.sum().gradients()[y]).scalars() == [1, 1, 1, 0])
    #expect(try Tensor.where(x .> 0, 5, Tensor.maximum(y, -0.5)).scalars()[..<3] == [-0.5, 0, 5])
  }

  @Test func movement() throws {
    let x = tensor("x", [3, 4, 5])
    for permutation in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
      try expectGradients(of: [x], "transposed \(permutation)") { $0[0].transposed(permutation) }
    }
    for (axis, range, stride) in [(0, 1..<3, 1), (1, 0..<4, 3), (2, 1..<5, 2)] {
      try expectGradients(of: [x], "sliced \(axis)") { $0[0].sliced(axis: axis, range: range, stride: stride) }
    }
    try expectGradients(of: [x], "padded") { $0[0].padded(before: [1, 0, 2], after: [0, 3, 1], value: 7) }
    try expectGradients(of: [x], "flipped") { $0[0].flipped(axes: [0, 2]) }
    try expectGradients(of: [tensor("x", [3, 1, 5])], "expanded") { $0[0].expanded(to: [2, 3, 4, 5]) }
    for axis in 0..<3 {
      var shape = x.shape
      shape[axis] = 2
      try expectGradients(of: [x, tensor("y", shape)], "concatenated \(axis)") { .concatenated($0, axis: axis) }
    }
    for axis in 0...2 {
      try expectGradients(of: [tensor("a", [3, 4]), tensor("b", [3, 4])], "stack \(axis)") { .stack($0, axis: axis) }
    }
  }

  @Test func movementGoesToTheRightPlace() throws {
    let x = Tensor((0..<6).map { Float($0) }, shape: [2, 3], on: device)
    #expect(try x.transposed([1, 0]).scalars() == [0, 3, 1, 4, 2, 5])
    #expect(try x.sliced(axis: 1, range: 0..<3, stride: 2).scalars() == [0, 2, 3, 5])
    #expect(try x.padded(before: [0, 1], after: [1, 0], value: 9).scalars() == [9, 0, 1, 2, 9, 3, 4, 5, 9, 9, 9, 9])
    #expect(try x.flipped(axes: [1]).scalars() == [2, 1, 0, 5, 4, 3])
    let row = Tensor([7, 8, 9], shape: [3], on: device)
    #expect(try row.expanded(to: [2, 3]).scalars() == [7, 8, 9, 7, 8, 9])
    #expect(try Tensor.concatenated([x, row.reshaped([1, 3])], axis: 0).scalars() == [0, 1, 2, 3, 4, 5, 7, 8, 9])
    let stacked = Tensor.stack([row, row * 2], axis: 1)
    #expect(try stacked.shape == [3, 2] && stacked.scalars() == [7, 14, 8, 16, 9, 18])
  }

  @Test func indexing() throws {
    let x = tensor("x", [3, 4, 5])
    let indices = IntTensor([1, 0, 1, 2, 2, 1], shape: [3, 2], on: device)
    for axis in 0..<3 {
      try expectGradients(of: [x], "gathered \(axis)") { $0[0].gathered(axis: axis, indices) }
      #expect(x.gathered(axis: axis, indices).shape == Array(x.shape[..<axis] + [3, 2] + x.shape[(axis + 1)...]))
    }
    try expectGradients(of: [tensor("x", [4, 6, 5])], "scatterAdd") {
      $0[0].scatterAdd(axis: 1, indices.reshaped([6]), size: 3)
    }
    try expectGradients(of: [tensor("table", [7, 5])], "embedding") { $0[0].embedding(indices) }
    for axis in 0..<3 { try expectGradients(of: [x], "cumulative sum \(axis)") { $0[0].cumulativeSum(axis: axis) } }
    let spread = Tensor((0..<60).map { Float($0 * 37 % 60) / 10 }, shape: [4, 15], on: device)
    try expectGradients(of: [spread], "topK") { $0[0].topK(4).values }
    let (values, places) = spread.topK(2)
    #expect(try places.shape == [4, 2] && places.values()[0] == Int32(spread.argmax(axis: 1).values()[0]))
    #expect(try values.sliced(axis: 1, range: 0..<1).scalars() == spread.max(axis: 1).scalars())
  }

  @Test func wholeNumbers() throws {
    let x = IntTensor([3, -1, 0, 2, 5, 2], shape: [2, 3], on: device)
    #expect(try x.floats().scalars() == [3, -1, 0, 2, 5, 2])
    #expect(try (x.floats() * 1.5).integers().values() == [4, -1, 0, 3, 7, 3])
    #expect(try (x .== 2).scalars() == [0, 0, 0, 1, 0, 1] && (x .!= 2).scalars() == [1, 1, 1, 0, 1, 0])
    #expect(try (x .< 2).scalars() == [0, 1, 1, 0, 0, 0] && (x .>= 2).scalars() == [1, 0, 0, 1, 1, 1])
    #expect(try (x .<= 2).scalars() == [0, 1, 1, 1, 0, 1] && (x .> 2).scalars() == [1, 0, 0, 0, 1, 0])
    #expect(try x.transposed([1, 0]).values() == [3, 2, -1, 5, 0, 2])
    #expect(try x.sliced(axis: 1, range: 1..<3).values() == [-1, 0, 5, 2])
    #expect(
      try IntTensor.concatenated([x, x.sliced(axis: 0, range: 0..<1)], axis: 0).values() == [
        3, -1, 0, 2, 5, 2, 3, -1, 0,
      ])
    let hot = IntTensor([2, 0], on: device).oneHot(3)
    #expect(try hot.shape == [2, 3] && hot.scalars() == [0, 0, 1, 1, 0, 0])
  }

  @Test func aProductWithANumberKeepsItsZerosSign() throws {
    let x = Tensor([-0.0, 0, 1], shape: [3], on: device)
    #expect(try (x * 2).scalars().map(\.sign) == [.minus, .plus, .plus])
    #expect(try (-x).scalars().map(\.sign) == [.plus, .minus, .minus])
  }

  #if os(Linux) || os(macOS)
    @Test func misfitsOfShapesAreReportedWithBoth() async {
      let broadcast = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let x = Tensor(repeating: 1, shape: [2, 3], on: TestDevice.cpu)
        _ = x / Tensor(repeating: 1, shape: [2], on: TestDevice.cpu)
      }
      #expect(message(of: broadcast).contains("/ can't broadcast the shapes [2, 3] and [2] to one"))
      let expanded = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor(repeating: 1, shape: [2, 3], on: TestDevice.cpu).expanded(to: [4, 3])
      }
      #expect(message(of: expanded).contains("a tensor of shape [2, 3] can't be expanded to the shape [4, 3]"))
      let joined = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let x = Tensor(repeating: 1, shape: [2, 3], on: TestDevice.cpu)
        _ = Tensor.concatenated([x, x.transposed([1, 0])], axis: 0)
      }
      #expect(
        message(of: joined).contains("tensors of shapes [[2, 3], [3, 2]] can't be concatenated along dimension 0"))
      let nothing = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.concatenated([], axis: 0)
      }
      #expect(message(of: nothing).contains("tensors of shapes [] can't be concatenated"))
      let slice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor(repeating: 1, shape: [2, 3], on: TestDevice.cpu).sliced(axis: 1, range: 2..<2)
      }
      #expect(message(of: slice).contains("a slice 2..<2 by 1 of dimension 1 is empty or not in the shape [2, 3]"))
      let scattered = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let indices = IntTensor([0, 1], on: TestDevice.cpu)
        _ = Tensor(repeating: 1, shape: [3, 4], on: TestDevice.cpu).scatterAdd(axis: 0, indices, size: 5)
      }
      #expect(message(of: scattered).contains("indices of shape [2] can't scatter the shape [3, 4] from dimension 0"))
      let largest = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor(repeating: 1, shape: [2, 3], on: TestDevice.cpu).topK(4)
      }
      #expect(message(of: largest).contains("there are no 4 largest along the last dimension of the shape [2, 3]"))
      let empty = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = IntTensor([], shape: [0], on: TestDevice.cpu)
      }
      #expect(message(of: empty).contains("a tensor needs at least one element, but its shape is [0]"))
    }
  #endif
}
