/// Leaves a residual branch out for a share of the images while it trains, and scales what it keeps so that the mean
/// stays (Huang et al. 2016), as torchvision's `StochasticDepth` in `row` mode and timm's `DropPath`: dropout of one number
/// for each image.
public final class StochasticDepth: Layer {
  public var isTraining = true
  private let dropout: Dropout
  public var probability: Float { dropout.probability }

  public init(_ probability: Float, seed: UInt64) { dropout = Dropout(probability, seed: seed) }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    guard isTraining, probability > 0 else { return x }
    return x * dropout(Tensor(repeating: 1, shape: [x.shape[0]] + x.shape.dropFirst().map { _ in 1 }, on: x.device))
  }
}
