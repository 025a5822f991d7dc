/// A layer that draws random numbers while it trains.
public protocol RandomLayer: AnyObject {
  /// Each call draws other numbers. Set from the step's number, so that a resumed run draws what it would have.
  var stream: UInt32 { get set }
}

/// Zeroes a share of its input while it trains (Srivastava et al. 2014).
public final class Dropout: Layer, RandomLayer {
  public var isTraining = true
  public let probability: Float
  private let seed: UInt64
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
