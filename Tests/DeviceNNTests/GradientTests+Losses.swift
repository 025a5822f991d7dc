import Testing

@testable import DeviceNN
@testable import Kernels

// Losses, normalisation by groups, attention, recurrence.
extension GradientTests {
  @Test func crossEntropies() throws {
    let x = tensor("logits", [5, 7])
    let labels = IntTensor([3, 0, 6, 3, 1], on: device)
    let weights = tensor("class weights", [7], plus: 1.5)
    try expectGradients(of: [x], "log softmax") { $0[0].logSoftmax() }
    try expectGradients(of: [x], "weighted cross-entropies") {
      $0[0].crossEntropies(labels, labelSmoothing: 0.2, classWeights: weights, ignoring: 3)
    }
    try expectGradients(of: [x], "weighted cross-entropy") {
      $0[0].crossEntropy(labels, labelSmoothing: 0.2, classWeights: weights, ignoring: 3)
    }
    let probabilities = tensor("probabilities", [5, 7], plus: 1)
    try expectGradients(of: [x], "soft cross-entropies") {
      $0[0].crossEntropies(probabilities: probabilities, labelSmoothing: 0.1, classWeights: weights)
    }
    try expectGradients(of: [x], "soft cross-entropy") { $0[0].crossEntropy(probabilities: probabilities) }
  }

  @Test func lossesOfElements() throws {
    // Differences keep away from the kinks at 0, 0.5 and 1.
    let x = Tensor((0..<24).map { Float($0) * 0.25 - 2.9 }, shape: [4, 6], on: device)
    let target = Tensor(repeating: 0, shape: [4, 6], on: device)
    for loss in [ElementLoss.squared, .absolute, .huber(delta: 0.5), .smoothL1(), .binaryCrossEntropy] {
      try expectGradients(of: [x, target], "\(loss)") { $0[0].losses(loss, $0[1]) }
      try expectGradients(of: [x, target], "mean \(loss)") { $0[0].loss(loss, $0[1]) }
    }
  }

  @Test func temporalClassification() throws {
    let labels = IntTensor([1, 2, 2, 0, 3, 0, 0, 0, 1, 1, 1, 1], shape: [3, 4], on: device)
    // The last sequence needs as many steps as it has: four labels and three blanks between.
    let (inputs, targets) = ([7, 5, 7], [3, 1, 4])
    try expectGradients(of: [tensor("logits", [7, 3, 5])], "CTC of log-probabilities") {
      $0[0].ctcLosses(labels, inputLengths: inputs, targetLengths: targets, blank: 4)
    }
    try expectGradients(of: [tensor("logits", [7, 3, 5])], "CTC of logits") {
      $0[0].logSoftmax().ctcLoss(labels, inputLengths: inputs, targetLengths: targets, blank: 4)
    }
  }

  @Test func variances() throws {
    let x = tensor("x", [3, 4, 5, 2])
    for axes in [nil, [0], [1], [3], [0, 2], [1, 3], [0, 1, 3], [1, 2]] as [[Int]?] {
      try expectGradients(of: [x], "variance \(axes ?? [])") { $0[0].variance(axes: axes) }
      try expectGradients(of: [x], "unbiased variance \(axes ?? [])") {
        $0[0].variance(axes: axes, keepsAxes: true, correction: 1)
      }
    }
  }

  @Test func normsByGroups() throws {
    let (gamma, beta) = (tensor("gamma", [6], plus: 1.5), tensor("beta", [6]))
    try expectGradients(of: [tensor("rows", [3, 2, 6]), gamma, beta], "layer norm") {
      $0[0].layerNormalized(gamma: $0[1], beta: $0[2])
    }
    for groups in [1, 2, 3, 6] {
      try expectGradients(of: [tensor("images", [2, 3, 3, 6]), gamma, beta], "group norm in \(groups)") {
        $0[0].groupNormalized(groups: groups, gamma: $0[1], beta: $0[2])
      }
    }
  }

  @Test(arguments: [false, true]) func attention(isCausal: Bool) throws {
    for (queries, keys) in [(5, 5), (3, 7), (9, 2)] {
      let q = tensor("q", [2, 2, queries, 3])
      let (k, v) = (tensor("k", [2, 2, keys, 3]), tensor("v", [2, 2, keys, 3]))
      try expectGradients(of: [q, k, v], "attention of \(queries) to \(keys)") {
        $0[0].attention($0[1], $0[2], isCausal: isCausal)
      }
    }
    try expectGradients(of: [tensor("qkv", [2, 5, 3 * 2 * 3])], "self-attention") {
      $0[0].selfAttention(heads: 2, isCausal: isCausal)
    }
  }

  @Test(arguments: RecurrentCell.allCases) func recurrence(_ cell: RecurrentCell) throws {
    let width = cell.gates * 3
    try expectGradients(
      of: [
        tensor("x", [2, 4, 5]), tensor("weight_ih", [5, width]), tensor("weight_hh", [3, width]),
        tensor("bias_ih", [width]), tensor("bias_hh", [width]),
      ], "\(cell)"
    ) {
      $0[0].recurrent(cell, inputWeight: $0[1], hiddenWeight: $0[2], inputBias: $0[3], hiddenBias: $0[4])
    }
  }

  @Test func aBatchWhoseLabelsAreAllIgnoredTeachesNothing() throws {
    let x = tensor("logits", [3, 4]).tracked
    let labels = IntTensor([2, 2, 2], on: device)
    let loss = x.crossEntropy(labels, labelSmoothing: 0.1, ignoring: 2)
    #expect(try loss.scalar() == 0)
    #expect(try #require(loss.gradients()[x]).scalars() == [Float](repeating: 0, count: 12))
  }

  @Test func stackedRecurrentLayersHavePublishedNames() throws {
    var random = Philox(seed: 3)
    let layer = LSTM(5, 4, layers: 2, on: device, random: &random)
    #expect(layer.namedParameters().map(\.name).suffix(4) == ["weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1"])
    #expect(layer.namedParameters().map(\.parameter.storedShape) == [[16, 5], [16, 4], [16], [16], [16, 4], [16, 4], [16], [16]])
    #expect(layer(tensor("x", [2, 3, 5])).shape == [2, 3, 4])
  }

  #if os(Linux) || os(macOS)
    @Test func lossesOfUnequalShapesAreReportedWithBoth() async {
      let loss = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let device = TestDevice.cpu
        _ = Tensor([1, 2], shape: [2], on: device).loss(.squared, Tensor([1, 2, 3], shape: [3], on: device))
      }
      #expect(message(of: loss).contains("a loss needs a target of the shape [2], but it is [3]"))
      let attention = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let device = TestDevice.cpu
        let (q, k) = (Tensor(repeating: 1, shape: [2, 3], on: device), Tensor(repeating: 1, shape: [2, 4], on: device))
        _ = q.attention(k, k)
      }
      #expect(message(of: attention).contains("they are [2, 3], [2, 4] and [2, 4]"))
      let weights = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let device = TestDevice.cpu
        _ = Tensor(repeating: 1, shape: [2, 3], on: device).crossEntropy(
          IntTensor([0, 1], on: device), classWeights: Tensor([1, 2], shape: [2], on: device))
      }
      #expect(message(of: weights).contains("class weights of shape [2] do not fit logits of shape [2, 3]"))
      let norm = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let device = TestDevice.cpu
        _ = LayerNorm(4, on: device)(Tensor(repeating: 1, shape: [2, 3], on: device))
      }
      #expect(message(of: norm).contains("gamma [4] and beta [4] does not fit x of shape [2, 3]"))
    }
  #endif
}
