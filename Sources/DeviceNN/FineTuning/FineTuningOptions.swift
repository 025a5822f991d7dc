/// How a network is trained on a small data set. The defaults suit a few hundred photos and a pretrained backbone.
public struct FineTuningOptions: Codable, Sendable, Equatable {
  public var epochs = 8
  public var batchSize = 32
  /// The peak of the schedule. A pretrained backbone moves at a third of it, the new head at three times.
  public var learningRate: Float = 1e-3
  public var weightDecay: Float = 0.05
  public var labelSmoothing: Float = 0.1
  public var imageSize = 224
  /// Random weights everywhere: the backbone then learns at the full rate.
  public var fromScratch = false
  /// Trains the head alone; the backbone's batch norm keeps its statistics.
  public var freezesBackbone = false
  /// Decides the order of the pictures, their augmentation, the head's first weights and what dropout drops.
  public var seed: UInt64 = 0

  /// Leaves out pictures that can't be read, instead of refusing the data set.
  public var skipsBadImages = false

  public init() {}

  var augmentation: Augmentation { Augmentation(scale: 0.35...1) }
}
