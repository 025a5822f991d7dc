internal import Foundation
internal import Kernels

/// Makes a task's outputs(N,outputWidth) of features(N,C): a linear layer, or for levels one direction and a threshold
/// each, so that a picture that is above a level is above all levels below it (Cao et al. 2020).
final class TaskHead: Layer {
  let weight: Parameter
  let bias: Parameter
  var isTraining = true

  /// Weights are normal and small, so that a new head begins near the mean of the training labels.
  init(_ kind: TaskKind, features: Int, on device: Device, random: inout Philox) {
    var directions = kind.outputWidth
    var first = [Float](repeating: 0, count: kind.outputWidth)
    switch kind {
    case .ordinal(let levels):
      directions = 1
      first = (1..<levels.count).map { 1 - 2 * Float($0) / Float(levels.count) }
    case .counts(let mean): first = [log(mean)]
    default: break
    }
    weight = Parameter(
      .normal(deviation: 0.01, shape: [features, directions], seed: random.next(), on: device), layout: .linear)
    bias = Parameter(Tensor(first, shape: [first.count], on: device))
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    weight.value.shape[1] == bias.value.count
      ? x.linear(weight.adapted, bias: bias.value) : x.linear(weight.adapted) + bias.value
  }
}
