public import Kernels

/// A change of weights that is a product of two thin matrices (Hu et al. 2021, LoRA).
///
/// Weights (…,K) are taken as a matrix of K columns, which a convolution's are too, grouped and depthwise ones included:
/// the layer computes with weights + down · up, so that merging changes no bit of its results.
public final class LowRankAdapter {
  /// (rows,rank), random at first.
  public let down: Parameter
  /// (rank,K), zero at first, so that the layer begins as it was.
  public let up: Parameter

  /// - Parameter rank: at most; a thin matrix gets less, an eighth of its smaller side or 1.
  public init(_ shape: [Int], rank: Int, seed: UInt64, on device: Device) {
    precondition(rank > 0 && shape.count > 1, "weights of shape \(shape) have no change of rank \(rank)")
    let rows = shape.dropLast().reduce(1, *)
    let rank = min(rank, max(1, min(rows, shape.last!) / 8))
    down = Parameter(.normal(deviation: 1 / Float(rows).squareRoot(), shape: [rows, rank], seed: seed, on: device))
    up = Parameter(Tensor(repeating: 0, shape: [rank, shape.last!], on: device))
  }

  /// The weights with the change.
  func callAsFunction(_ weights: Tensor) -> Tensor { weights + down.value.linear(up.value).reshaped(weights.shape) }

  func parameters(of name: String) -> [(name: String, parameter: Parameter)] {
    [("\(name).down", down), ("\(name).up", up)]
  }
}

extension Parameter {
  /// Makes the change a part of the numbers, and forgets it.
  public func merge() throws(DeviceError) {
    guard adapter != nil else { return }
    assign(try adapted.scalars())
    adapter = nil
  }
}

extension ImageClassifier {
  /// Freezes the backbone's weights and gives each matrix of them an adapter. Scales and biases of norms, and the head,
  /// are trained themselves.
  public func adapt(rank: Int, seed: UInt64) {
    var random = Philox(seed: seed, stream: 1)
    for parameter in backboneParameters where !parameter.isStatistic && parameter.layout != .same {
      parameter.isTrainable = false
      parameter.adapter = LowRankAdapter(parameter.value.shape, rank: rank, seed: random.next(), on: parameter.value.device)
    }
  }
}
