import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

// Losses, normalisation by groups, recurrence.
extension GoldenCheck {
  private var labels: IntTensor {
    get throws {
      let name = "\(golden.name)/in.target"
      return IntTensor(try file.integers(named: name).map { Int32($0) }, shape: file.shape(of: name)!, on: device)
    }
  }

  func crossEntropy() throws {
    let labels = try labels
    let smoothing = Float(golden.numbers("smoothing")?[0] ?? 0)
    let ignored = golden.numbers("ignoreIndex").map { Int($0[0]) } ?? Tensor.ignoredLabel
    let weights = has("in.weight") ? try input("weight").detached : nil
    try plain(["x"]) {
      $0[0].crossEntropy(labels, labelSmoothing: smoothing, classWeights: weights, ignoring: ignored)
    }
  }

  func softCrossEntropy() throws {
    let probabilities = try input("target").detached
    try plain(["x"]) { $0[0].crossEntropy(probabilities: probabilities) }
  }

  func elementLoss(_ loss: ElementLoss) throws {
    let target = try input("target").detached
    try plain(["x"]) { $0[0].loss(loss, target) }
  }

  /// The stored target is a logit; the loss was computed against its probability.
  func binaryCrossEntropy() throws {
    let (logits, shape) = try stored("in.target")
    let target = Tensor(logits.map { Float(1 / (1 + exp(-Double($0)))) }, shape: shape, on: device)
    try plain(["x"]) { $0[0].loss(.binaryCrossEntropy, target) }
  }

  func temporalClassification() throws {
    let labels = try labels
    try plain(["x"]) {
      $0[0].logSoftmax().ctcLoss(
        labels, inputLengths: golden.numbers("inputLengths")!.map { Int($0) },
        targetLengths: golden.numbers("targetLengths")!.map { Int($0) }, blank: golden.int("blank"))
    }
  }

  func layerNorm() throws {
    let norm = LayerNorm(try stored("in.weight").values.count, epsilon: Float(golden.numbers("eps")![0]), on: device)
    norm.weight.assign(try stored("in.weight").values)
    norm.bias.assign(try stored("in.bias").values)
    let x = try input("x")
    try check(norm(x), gradients: [("x", x, nil), ("weight", norm.weight.value, nil), ("bias", norm.bias.value, nil)])
  }

  func groupNorm() throws {
    let norm = GroupNorm(
      groups: golden.int("groups"), try stored("in.weight").values.count, epsilon: Float(golden.numbers("eps")![0]),
      on: device)
    norm.weight.assign(try stored("in.weight").values)
    norm.bias.assign(try stored("in.bias").values)
    let x = try input("x", Self.toImages)
    try check(
      norm(x), Self.toImages,
      gradients: [("x", x, Self.toImages), ("weight", norm.weight.value, nil), ("bias", norm.bias.value, nil)])
  }

  /// Under PyTorch's names, weights transposed as in checkpoints.
  func recurrent(_ layer: any RecurrentLayer.Type) throws {
    let x = try input("x")
    let units = try stored("out.0").shape.last!
    var random = Philox(seed: 1)
    let layer = layer.init(x.shape.last!, units, layers: 1, on: device, random: &random)
    let parameters = layer.namedParameters()
    #expect(parameters.map(\.name) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
    for (name, parameter) in parameters { parameter.assign(parameter.inMemory(try stored("in.\(name)").values)) }
    try check(
      layer(x),
      gradients: [("x", x, nil)] + parameters.map { ($0.name, $0.parameter.value, $0.parameter.layout == .linear ? [1, 0] : nil) })
  }
}

protocol RecurrentLayer: Module {
  init(_ inputs: Int, _ units: Int, layers: Int, on device: Device, random: inout Philox)
  func callAsFunction(_ x: Tensor) -> Tensor
}
extension LSTM: RecurrentLayer {}
extension GRU: RecurrentLayer {}
