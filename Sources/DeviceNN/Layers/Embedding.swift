public import Kernels

/// y(…,features) = the rows of weight(words,features) that whole numbers name.
public final class Embedding: Module {
  public let weight: Parameter
  public var isTraining = true

  /// Weights are normal with `deviation`, as in PyTorch.
  public init(_ words: Int, _ features: Int, deviation: Float = 1, on device: Device, random: inout Philox) {
    weight = Parameter(.normal(deviation: deviation, shape: [words, features], seed: random.next(), on: device))
  }

  public func callAsFunction(_ indices: IntTensor) -> Tensor { weight.value.embedding(indices) }
}
