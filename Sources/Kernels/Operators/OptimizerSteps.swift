internal import Foundation

/// A tensor that an optimizer moves: its gradient, its values and its moments, all of `count` floats.
public struct UpdatedTensor: Sendable {
  public var count: Int
  public var gradient: Buffer
  public var value: Buffer
  public var moments: [Buffer]

  public init(count: Int, gradient: Buffer, value: Buffer, moments: [Buffer]) {
    self.count = count
    self.gradient = gradient
    self.value = value
    self.moments = moments
  }
}

extension Device {
  /// PyTorch's SGD in place; one moment a tensor: its velocity.
  public func sgdStep(_ tensors: [UpdatedTensor], learningRate: Float, momentum: Float, weightDecay: Float, nesterov: Bool) {
    update(
      "sgd", tensors, [.float(learningRate), .float(momentum), .float(weightDecay), .int(nesterov ? 1 : 0)])
  }

  /// A step of Adam or its kin in place. Two moments a tensor, mean and mean square of the gradient; a third, AMSGrad's,
  /// is the largest mean square so far.
  public func adamStep(_ tensors: [UpdatedTensor], _ update: AdamUpdate) {
    guard let first = tensors.first else { return }
    self.update(
      first.moments.count == 3 ? "amsgrad" : "adam", tensors,
      [
        update.beta1, update.beta2, update.epsilon, update.decay, update.shrink, update.fromGradient, update.fromMean,
        update.correction,
      ].map { .float($0) })
  }

  /// AdamW's step number `step` (from 1) in place; two moments a tensor: mean and mean square of the gradient.
  public func adamWStep(
    _ tensors: [UpdatedTensor], step: Int, learningRate: Float, beta1: Float, beta2: Float, epsilon: Float,
    weightDecay: Float
  ) {
    var update = AdamUpdate(
      step: step, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon)
    update.shrink = 1 - learningRate * weightDecay
    adamStep(tensors, update)
  }

  /// Moves each average by `share` of the way to its weights.
  public func average(_ tensors: [(count: Int, weights: Buffer, average: Buffer)], share: Float) {
    inEights(tensors.map { ($0.count, [$0.weights, $0.average]) }) { eight, groups in
      launch(Launch("average", groups: groups, [.float(share)] + eight))
    }
  }

  /// Lets the numbers of two buffers of a pair change places.
  public func exchange(_ pairs: [(count: Int, a: Buffer, b: Buffer)]) {
    inEights(pairs.map { ($0.count, [$0.a, $0.b]) }) { eight, groups in
      launch(Launch("exchange", groups: groups, eight))
    }
  }

  func update(_ kernel: String, _ tensors: [UpdatedTensor], _ scalars: [Launch.Argument]) {
    inEights(tensors.map { (count: $0.count, buffers: [$0.gradient, $0.value] + $0.moments) }) { eight, groups in
      launch(Launch(kernel, groups: groups, scalars + eight))
    }
  }

  /// Calls `body` for each eight tensors with their arguments and the groups of a launch.
  /// Empty places hold a tensor of no elements.
  func inEights(
    _ tensors: [(count: Int, buffers: [Buffer])],
    _ body: (_ eight: [Launch.Argument], _ groups: SIMD3<Int>) -> Void
  ) {
    for start in stride(from: 0, to: tensors.count, by: 8) {
      let eight = (start..<start + 8).map { $0 < tensors.count ? tensors[$0] : (count: 0, buffers: tensors[start].buffers) }
      body(
        eight.flatMap { tensor in [.int(tensor.count)] + tensor.buffers.map { .buffer($0) } },
        [Self.flatGroups(eight.map(\.count).max()!).x, 8, 1])
    }
  }
}
