/// Leaves a residual branch out for a share of the images while it trains, and scales what it keeps so that the mean
/// stays (Huang et al. 2016), as torchvision's `StochasticDepth` in `row` mode and timm's `DropPath`.
public final class StochasticDepth: Layer, RandomLayer {
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
    let ones = Tensor(repeating: 1, shape: [x.shape[0]] + x.shape.dropFirst().map { _ in 1 }, on: x.device)
    return x * ones.dropout(probability, seed: seed, stream: stream)
  }
}
