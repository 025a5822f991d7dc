/// How a network is trained on a small data set. The defaults suit a few hundred photos and a pretrained backbone.
public struct FineTuningOptions: Codable, Sendable, Equatable {
  public enum RateSchedule: String, Codable, Sendable, CaseIterable {
    case oneCycle = "one-cycle"
    /// A rise during the first twentieth, then half a cosine to 0.
    case cosine
  }

  public enum Averaging: String, Codable, Sendable, CaseIterable {
    case none
    /// An exponential moving average over steps.
    case exponential
    /// The mean of the weights at the ends of the last quarter of the epochs, two at least (Izmailov et al. 2018).
    case stochastic
  }

  public enum Balance: String, Codable, Sendable, CaseIterable {
    case none
    /// Losses of rare classes count for more.
    case weights
    /// Pictures of rare classes are drawn more often.
    case sampling
  }

  public enum AugmentationKind: String, Codable, Sendable, CaseIterable {
    case none
    /// Crops and flips.
    case light
    /// Crops, flips, colours, turns and shears.
    case strong
  }

  public var recipe = Recipe.full
  public var epochs = 8
  public var batchSize = 32
  /// Batches whose gradients are added up before a step.
  public var accumulation = 1
  /// The peak of the schedule. A pretrained backbone moves at a third of it, the new head at three times.
  public var learningRate: Float = 1e-3
  public var schedule = RateSchedule.oneCycle
  /// Passes in which a new head alone learns, from the pretrained backbone's features, before the first epoch.
  public var headWarmUp = 0
  /// The factor on the rate from each block to the one before it.
  public var layerDecay: Float = 1
  public var weightDecay: Float = 0.05
  /// Gradients are scaled down to this norm; nil leaves them.
  public var clipNorm: Float?
  public var labelSmoothing: Float = 0.1
  /// The parameter of the beta distribution that mixes pictures in pairs (Zhang et al. 2018), 0 for none.
  public var mixUp: Float = 0
  /// The same for pasting a part of one picture into another (Yun et al. 2019).
  public var cutMix: Float = 0
  public var augmentation = AugmentationKind.light
  public var balance = Balance.none
  public var averaging = Averaging.none
  /// Epochs without a smaller validation loss after which training ends; the best weights are kept. nil trains to the end.
  public var patience: Int?
  /// Views of each picture whose features the head learns from.
  public var views = 4
  /// Of the changes that `lora` trains.
  public var rank = 2
  /// Answers are means over a picture and its mirror image.
  public var testTimeAugmentation = false
  /// And over two sizes, seven and nine eighths of `imageSize`, which show a network that sees any size smaller and larger
  /// things; nil, as in runs of older versions, is false.
  public var looksAtTwoSizes: Bool?
  public var imageSize = 224
  /// The size while training; nil is `imageSize`. Random crops make things look larger than they are when a whole picture is
  /// measured, so that a smaller one shows them as they will be (Touvron et al. 2019), and takes less time.
  public var trainingSize: Int?
  /// Random weights everywhere: the backbone then learns at the full rate.
  public var fromScratch = false
  /// Decides the order of the pictures, their augmentation, the head's first weights and what dropout drops.
  public var seed: UInt64 = 0
  /// Leaves out pictures that can't be read, instead of refusing the data set.
  public var skipsBadImages = false
  /// Pictures a class that are drawn from the training pictures; nil takes all.
  public var fewShot: Int?
  /// The column of a CSV file that holds the classes; nil takes `label`, or the only one that is left.
  public var labelColumn: String?

  public init() {}

  /// The chosen schedule over so many steps.
  func schedule(steps: Int) -> any Schedule {
    let steps = max(steps, 1)
    switch schedule {
    case .oneCycle: return OneCycle(steps: steps)
    case .cosine:
      let rise = steps / 20
      return WarmUp(steps: rise, start: 0.01, then: CosineDecay(steps: max(steps - rise, 1)))
    }
  }

  private var imageAugmentation: Augmentation? {
    switch augmentation {
    case .none: nil
    case .light: Augmentation(scale: 0.35...1)
    case .strong: .strong
    }
  }

  /// How pictures are shown in training, where `transform` is how they are measured. A network of fixed size sees its own.
  public func trainingTransform(_ transform: ImageTransform, networkSize: Int?) -> ImageTransform {
    var transform = transform
    transform.augmentation = imageAugmentation
    transform.size = networkSize ?? trainingSize ?? imageSize
    return transform
  }
}

extension FineTuningOptions {
  /// How the trained model looks at pictures. Sizes are whole cells of a network that halves them five times.
  public var answerViews: AnswerViews {
    AnswerViews(
      isMirrored: testTimeAugmentation,
      sizes: looksAtTwoSizes == true ? [max(32, imageSize * 7 / 8 / 32 * 32), (imageSize * 9 / 8 + 31) / 32 * 32] : [])
  }
}
