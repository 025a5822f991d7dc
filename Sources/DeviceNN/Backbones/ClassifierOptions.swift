/// What a network is made for; the rest is in its name.
public struct ClassifierOptions: Sendable {
  public var classes: Int
  public var inputChannels: Int
  /// Height and width of the images, in pixels. Only transformers depend on it.
  public var imageSize: Int
  public var publisher: Publisher
  /// What is dropped in front of the head while training, instead of what was published. Networks that also leave out
  /// branches (stochastic depth) leave out none at 0.
  public var dropout: Float?
  /// Decides the first weights, and what dropout drops.
  public var seed: UInt64

  public init(
    classes: Int = 1000, inputChannels: Int = 3, imageSize: Int = 224, publisher: Publisher = .torchvision,
    dropout: Float? = nil, seed: UInt64 = 0
  ) {
    self.classes = classes
    self.inputChannels = inputChannels
    self.imageSize = imageSize
    self.publisher = publisher
    self.dropout = dropout
    self.seed = seed
  }
}
