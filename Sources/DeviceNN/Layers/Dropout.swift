/// Zeroes a share of its input while it trains (Srivastava et al. 2014).
public final class Dropout: Module {
  public var isTraining = true
  public let probability: Float
  private let seed: UInt64
  /// Each call drops other elements. Set from the step's number, so that a resumed run drops what it would have.
  public var stream: UInt32 = 0

  public init(_ probability: Float, seed: UInt64) {
    self.probability = probability
    self.seed = seed
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    guard isTraining, probability > 0 else { return x }
    defer { stream &+= 1 }
    return x.dropout(probability, seed: seed, stream: stream)
  }
}
