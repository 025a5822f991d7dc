import Testing

@testable import DeviceNN
@testable import Kernels

/// Each differentiable operation against central differences, and what the tape keeps and forgets.
@Suite struct GradientTests {
  let device = TestDevice.cpu

  func tensor(_ name: String, _ shape: [Int], plus offset: Float = 0) -> Tensor {
    Tensor(GoldenNumbers.signed(name, count: shape.reduce(1, *)).map { $0 + offset }, shape: shape, on: device)
  }

  // MARK: Central differences

  /// Compares the gradients of a weighted sum of `operation`'s result with (f(x + h) - f(x - h)) / 2h in each element.
  ///
  /// Floats round f by some 1e-7 of its terms, and h = 1/64 leaves an error of h² f‴ / 6: so agreement to 2e-3 is what
  /// can be asked. Values should keep a distance of h from kinks.
  func expectGradients(
    of inputs: [Tensor], _ comment: String, tolerance: Float = 2e-3, sourceLocation: SourceLocation = #_sourceLocation,
    _ operation: ([Tensor]) -> Tensor
  ) throws {
    let step = Float(1) / 64
    func loss(_ inputs: [Tensor]) -> Tensor {
      let y = operation(inputs)
      return (y * tensor("weights of \(comment)", y.shape)).sum()
    }
    let tracked = inputs.map(\.tracked)
    let gradients = loss(tracked).gradients()
    for (i, input) in tracked.enumerated() {
      let gradient = try #require(gradients[input], "\(comment), input \(i)").scalars()
      let values = try input.scalars()
      func shifted(_ at: Int, _ by: Float) throws -> Double {
        var moved = values
        moved[at] += by
        var others = inputs
        others[i] = Tensor(moved, shape: input.shape, on: device)
        // Summed in float64: the difference of two sums would lose digits otherwise.
        let y = operation(others)
        return zip(try y.scalars(), try tensor("weights of \(comment)", y.shape).scalars()).reduce(0) {
          $0 + Double($1.0) * Double($1.1)
        }
      }
      for at in Swift.stride(from: 0, to: values.count, by: Swift.max(1, values.count / 40)) {
        let expected = Float((try shifted(at, step) - shifted(at, -step)) / Double(2 * step))
        #expect(
          abs(gradient[at] - expected) <= tolerance * Swift.max(1, abs(expected)),
          "\(comment), input \(i), element \(at): \(gradient[at]), but the difference quotient is \(expected)",
          sourceLocation: sourceLocation)
      }
    }
  }

  @Test func elementwiseOperations() throws {
    let (a, b) = (tensor("a", [3, 7]), tensor("b", [3, 7]))
    try expectGradients(of: [a, b], "+") { $0[0] + $0[1] }
    try expectGradients(of: [a, b], "-") { $0[0] - $0[1] }
    try expectGradients(of: [a, b], "*") { $0[0] * $0[1] }
    try expectGradients(of: [a], "scale") { $0[0] * -2.5 }
    try expectGradients(of: [a], "square") { $0[0] * $0[0] }
    try expectGradients(of: [a], "reshaped") { $0[0].reshaped([7, 3]) }
    try expectGradients(of: [a], "dropout") { $0[0].dropout(0.4, seed: 3, stream: 1) }
  }

  @Test func activations() throws {
    // Away from the kinks at 0 and 6.
    let x = Tensor((0..<40).map { Float($0) * 0.25 - 2.1 }, shape: [4, 10], on: device)
    try expectGradients(of: [x], "relu") { $0[0].relu() }
    try expectGradients(of: [x], "relu6") { $0[0].relu6() }
  }

  @Test func products() throws {
    let (x, w, bias) = (tensor("x", [2, 3, 5]), tensor("w", [5, 4]), tensor("bias", [4]))
    try expectGradients(of: [x, w], "linear") { $0[0].linear($0[1]) }
    try expectGradients(of: [x, w, bias], "linear with bias") { $0[0].linear($0[1], bias: $0[2]) }
    // The bias keeps every sum above the kink.
    try expectGradients(of: [x, w, tensor("bias", [4], plus: 8)], "linear with relu") {
      $0[0].linear($0[1], bias: $0[2], activation: .relu)
    }
  }

  @Test func convolutions() throws {
    let x = tensor("images", [2, 6, 5, 4])
    for (kernel, stride, dilation, groups, outputs) in [
      (1, 1, 1, 1, 6), (3, 1, 1, 1, 5), (3, 2, 1, 2, 6), (3, 1, 2, 1, 3), (3, 2, 1, 4, 4), (2, 1, 1, 4, 4),
    ] {
      let w = tensor("filters", [kernel, kernel, 4 / groups, outputs])
      try expectGradients(of: [x, w, tensor("bias", [outputs])], "convolution \((kernel, stride, dilation, groups))") {
        $0[0].convolved(
          with: $0[1], bias: $0[2], stride: stride, dilation: dilation,
          padding: Padding(top: 1, left: 1, bottom: 2, right: 1),
          groups: groups)
      }
    }
  }

  @Test func sideBySideConvolutions() throws {
    let x = tensor("images", [2, 6, 5, 4])
    let (w1, b1) = (tensor("points", [1, 1, 4, 3]), tensor("bias of points", [3]))
    let (w3, b3) = (tensor("filters", [3, 3, 4, 5]), tensor("bias of filters", [5]))
    func together(_ t: [Tensor], _ activation: Activation) -> Tensor {
      t[0].convolvedSideBySide(
        [
          ConvolutionBranch(weight: t[1], bias: t[2], stride: 1, padding: .none, groups: 1),
          ConvolutionBranch(weight: t[3], bias: t[4], stride: 1, padding: Padding(1), groups: 1),
        ], activation: activation)
    }
    let inputs = [x, w1, b1, w3, b3]
    try expectGradients(of: inputs, "side by side") { together($0, .none) }
    let apart = Tensor.concatenated(
      [x.convolved(with: w1, bias: b1, activation: .relu), x.convolved(with: w3, bias: b3, padding: Padding(1), activation: .relu)],
      axis: 3)
    #expect(try together(inputs, .relu).scalars() == apart.scalars())
  }

  @Test func reductions() throws {
    let x = tensor("x", [3, 4, 5])
    for axes in [nil, [0], [1], [2], [0, 2], [0, 1], [1, 2]] as [[Int]?] {
      try expectGradients(of: [x], "sum \(axes ?? [])") { $0[0].sum(axes: axes) }
      try expectGradients(of: [x], "mean \(axes ?? [])") { $0[0].mean(axes: axes, keepsAxes: true) }
    }
    // Distinct values, further apart than the step.
    let spread = Tensor((0..<60).map { Float($0 * 37 % 60) / 10 }, shape: [3, 4, 5], on: device)
    for axis in 0..<3 { try expectGradients(of: [spread], "max \(axis)") { $0[0].max(axis: axis) } }
    try expectGradients(of: [tensor("images", [2, 3, 3, 4])], "global average") { $0[0].globalAveragePooled() }
  }

  @Test func pooling() throws {
    let spread = Tensor((0..<2 * 7 * 5 * 3).map { Float($0 * 97 % 210) / 10 }, shape: [2, 7, 5, 3], on: device)
    for roundsUp in [false, true] {
      try expectGradients(of: [spread], "maxPooled") {
        $0[0].maxPooled(kernel: 3, stride: 2, padding: Padding(1), roundsUp: roundsUp)
      }
      for countsPadding in [false, true] {
        try expectGradients(of: [tensor("x", [2, 7, 6, 3])], "averagePooled") {
          $0[0].averagePooled(
            kernel: 3, stride: 2, padding: Padding(1), roundsUp: roundsUp, countsPadding: countsPadding)
        }
      }
    }
  }

  @Test(arguments: [true, false]) func batchNorm(usesBatch: Bool) throws {
    let (x, residual) = (tensor("x", [2, 4, 4, 3]), tensor("residual", [2, 4, 4, 3]))
    let (gamma, beta) = (tensor("gamma", [3], plus: 1.5), tensor("beta", [3]))
    func normalized(_ inputs: [Tensor], residual: Tensor?, activation: Activation) -> Tensor {
      inputs[0].batchNormalized(
        gamma: inputs[1], beta: inputs[2], runningMean: tensor("mean", [3]),
        runningVariance: tensor("variance", [3], plus: 2),
        momentum: 0.1, epsilon: 1e-5, usesBatch: usesBatch, residual: residual, activation: activation)
    }
    try expectGradients(of: [x, gamma, beta], "batch norm") { normalized($0, residual: nil, activation: .none) }
    try expectGradients(of: [x, gamma, beta, residual], "batch norm with residual") {
      normalized($0, residual: $0[3], activation: .none)
    }
    // High above the kink.
    let high = tensor("beta", [3], plus: 20)
    try expectGradients(of: [x, gamma, high], "batch norm with relu") {
      normalized($0, residual: nil, activation: .relu)
    }
    try expectGradients(of: [x, gamma, high, residual], "batch norm with residual and relu") {
      normalized($0, residual: $0[3], activation: .relu)
    }
    // Two and three gradients arrive at its result, as in the blocks of a residual network.
    try expectGradients(of: [x, gamma, beta, residual], "batch norm with residual, used twice") {
      let y = normalized($0, residual: $0[3], activation: .none)
      return y + y * y
    }
    try expectGradients(of: [x, gamma, beta, residual], "batch norm with residual, used three times") {
      let y = normalized($0, residual: $0[3], activation: .none)
      return y * y + y * $0[0] + y
    }
  }

  @Test func losses() throws {
    let x = tensor("logits", [4, 7])
    let labels = IntTensor([3, 0, 6, 3], on: device)
    try expectGradients(of: [x], "softmax") { $0[0].softmax() }
    try expectGradients(of: [x], "cross-entropies") { $0[0].crossEntropies(labels) }
    try expectGradients(of: [x], "cross-entropy") { $0[0].crossEntropy(labels, labelSmoothing: 0.2) }
  }

  // MARK: The tape

  @Test func aTensorUsedTwiceGetsBothGradients() throws {
    let x = tensor("x", [5]).tracked
    let y = x * x
    let gradients = (y + y + x * 3).sum().gradients()
    expectClose(try #require(gradients[x]).scalars(), try x.scalars().map { 4 * $0 + 3 })
  }

  @Test func untrackedTensorsKeepNothing() throws {
    let x = tensor("x", [2, 3])
    let w = tensor("w", [3, 3])
    #expect(!x.linear(w).isTracked && x.linear(w).history == nil)
    let y = x.linear(w.tracked)
    #expect(y.isTracked && y.history != nil)
    #expect(!y.detached.isTracked && y.detached.history == nil)
    #expect(y.sum().gradients()[x] == nil)
  }

  @Test func withoutGradientsNothingIsKept() throws {
    let x = tensor("x", [4]).tracked
    let (inside, insideTwice) = withoutGradients { ((x * x), withoutGradients { x * x }) }
    #expect(!inside.isTracked && inside.history == nil && !insideTwice.isTracked)
    #expect((x * x).isTracked)
    struct Stopped: Error {}
    #expect(throws: Stopped.self) { try withoutGradients { throw Stopped() } }
    #expect((x * x).isTracked)
  }

  @Test func twoLossesShareAHistoryThatIsKept() throws {
    let x = tensor("x", [6]).tracked
    let shared = x * x
    let (first, second) = (shared.sum(), (shared * 2).mean())
    let kept = first.gradients(keepingHistory: true)
    let gradients = second.gradients()
    let values = try x.scalars()
    expectClose(try #require(kept[x]).scalars(), values.map { 2 * $0 })
    expectClose(try #require(gradients[x]).scalars(), values.map { 4 * $0 / 6 })
  }

  @Test func theHistoryIsUsedUp() {
    let x = tensor("x", [6]).tracked
    let y = x * x
    let loss = y.sum()
    _ = loss.gradients()
    #expect(y.history == nil && loss.history == nil)
  }

  #if os(Linux) || os(macOS)
    /// Also in an optimised build, where Swift's own preconditions stop without a word.
    @Test func misuseIsReportedWithItsValues() async {
      let used = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let x = Tensor([1, 2], shape: [2], on: TestDevice.cpu).tracked
        let y = x * x
        _ = y.sum().gradients()
        _ = (y * 2).sum().gradients()
      }
      #expect(message(of: used).contains("the history of a tensor of shape [2] was used up"))
      let unequal = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor([1, 2], shape: [2], on: TestDevice.cpu) + Tensor([1, 2, 3], shape: [3], on: TestDevice.cpu)
      }
      #expect(message(of: unequal).contains("+ can't broadcast the shapes [2] and [3] to one"))
      let misfit = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = PoolShape(batch: 1, height: 2, width: 2, channels: 1, kernel: (5, 5), stride: (1, 1))
      }
      #expect(message(of: misfit).contains("a 5x5 window does not fit into 2x2"))
      let wide = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = ConvolutionShape(
          batch: 1, height: 2, width: 2, inputChannels: 1, outputChannels: 1, kernel: (3, 3), stride: (2, 2))
      }
      #expect(message(of: wide).contains("a 3x3 kernel with dilation (1, 1) does not fit into 2x2"))
      let ragged = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let x = Tensor(repeating: 1, shape: [1, 3, 3, 1], on: TestDevice.cpu)
        let (w, bias) = (Tensor(repeating: 1, shape: [3, 3, 1, 1], on: x.device), Tensor(repeating: 0, shape: [1], on: x.device))
        let branches = [.none, Padding(1)].map { ConvolutionBranch(weight: w, bias: bias, stride: 1, padding: $0, groups: 1) }
        _ = x.convolvedSideBySide(branches, activation: .none)
      }
      #expect(message(of: ragged).contains("maps of the sizes [[1, 1], [3, 3]] can't stand side by side"))
    }

    func message(of result: ExitTest.Result?) -> String {
      String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
  #endif

  @Test func memoryGoesWithTheHistory() throws {
    let device = Device(backend: try CPUBackend())
    let x = Tensor(repeating: 0.5, shape: [1000], on: device).tracked
    let before = device.memoryUse.current
    var y = x
    for _ in 0..<100 { y = y * x }
    let gradients = y.sum().gradients()
    #expect(gradients[x] != nil)
    // Left are x's gradient and the last y, where a hundred were alive.
    #expect(device.memoryUse.current - before < 5 * 8192)
  }

  @Test func aVeryDeepChainIsWalked() throws {
    let x = Tensor([1], shape: [1], on: device).tracked
    var y = x
    for _ in 0..<100_000 { y = y * 1 }
    #expect(try #require(y.sum().gradients()[x]).scalar() == 1)
  }

  @Test func frozenParametersGetNoGradient() throws {
    var random = Philox(seed: 1)
    let (first, second) = (Linear(3, 4, on: device, random: &random), Linear(4, 2, on: device, random: &random))
    func gradients() -> Gradients { second(first(tensor("x", [5, 3]))).sum().gradients() }
    let all = gradients()
    for parameter in first.parameters() + second.parameters() { #expect(all[parameter] != nil) }
    second.freeze()
    let some = gradients()
    #expect(first.parameters().allSatisfy { some[$0] != nil } && second.parameters().allSatisfy { some[$0] == nil })
    expectClose(try #require(some[first.weight]).scalars(), try #require(all[first.weight]).scalars())
    second.unfreeze()
    first.freeze()
    #expect(first(tensor("x", [5, 3])).history == nil)
    #expect(gradients()[second.bias] != nil)
  }

  /// What a normalisation and its activation made of x is let go once a convolution has read it, and computed again from x
  /// where somebody asks.
  @Test func whatIsCheapToComputeAgainIsLetGo() throws {
    // Its own, because memory is counted.
    let device = try Device(named: "cpu")
    let norm = BatchNorm(32, on: device)
    let w = Tensor(GoldenNumbers.signed("w", count: 256), shape: [1, 1, 32, 8], on: device).tracked
    let x = Tensor(GoldenNumbers.signed("x", count: 65_472), shape: [2, 33, 31, 32], on: device).tracked
    let y = norm(x, residual: nil, activation: .relu)
    let before = try y.scalars()
    let used = device.memoryUse.current
    let z = y.convolved(with: w)
    #expect(device.memoryUse.current < used)
    let gradients = z.sum().gradients()
    #expect(try y.scalars() == before)
    // Beside a copy that is kept.
    let (x2, w2) = (x.detached.tracked, w.detached.tracked)
    let kept = norm(x2, residual: nil, activation: .relu)
    let others = (kept + Tensor(repeating: 0, shape: [1], on: device)).convolved(with: w2).sum().gradients()
    #expect(try #require(gradients[w]).scalars() == #require(others[w2]).scalars())
    #expect(try #require(gradients[x]).scalars() == #require(others[x2]).scalars())
  }

  @Test func aFrozenNormLeavesItsStatisticsAlone() throws {
    let norm = BatchNorm(3, on: device)
    let x = tensor("x", [2, 4, 4, 3], plus: 3).tracked
    norm.freeze()
    let y = norm(x)
    #expect(try norm.runningMean.value.scalars() == [0, 0, 0])
    #expect(try norm.runningVar.value.scalars() == [1, 1, 1])
    let gradients = y.sum().gradients()
    #expect(gradients[norm.weight] == nil && gradients[x] != nil)
    norm.unfreeze()
    _ = norm(x)
    #expect(try norm.runningMean.value.scalars().allSatisfy { $0 > 0.1 })
  }
}
