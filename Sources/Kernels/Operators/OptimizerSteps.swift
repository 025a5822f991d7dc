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

  /// AdamW's step number `step` (from 1) in place; two moments a tensor: mean and mean square of the gradient.
  public func adamWStep(
    _ tensors: [UpdatedTensor], step: Int, learningRate: Float, beta1: Float, beta2: Float, epsilon: Float,
    weightDecay: Float
  ) {
    let bias1 = 1 - pow(Double(beta1), Double(step))
    let bias2 = 1 - pow(Double(beta2), Double(step))
    update(
      "adamw", tensors,
      [
        .float(learningRate), .float(beta1), .float(beta2), .float(epsilon), .float(1 - learningRate * weightDecay),
        .float(Float(Double(learningRate) / bias1)), .float(Float(1 / bias2.squareRoot())),
      ])
  }

  /// One launch for each eight tensors; empty places hold a tensor of no elements.
  private func update(_ kernel: String, _ tensors: [UpdatedTensor], _ scalars: [Launch.Argument]) {
    for start in stride(from: 0, to: tensors.count, by: 8) {
      let eight = (start..<start + 8).map { i -> UpdatedTensor in
        if i < tensors.count { return tensors[i] }
        var empty = tensors[start]
        empty.count = 0
        return empty
      }
      let arguments = eight.flatMap { tensor -> [Launch.Argument] in
        [.int(tensor.count), .buffer(tensor.gradient), .buffer(tensor.value)] + tensor.moments.map { .buffer($0) }
      }
      let largest = eight.map(\.count).max()!
      launch(Launch(kernel, groups: [Self.flatGroups(largest).x, 8, 1], scalars + arguments))
    }
  }
}
