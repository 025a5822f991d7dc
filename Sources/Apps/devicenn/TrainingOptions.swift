public import ArgumentParser
public import DeviceNN
import Foundation

/// How to train: the options that commands which train share. Where one isn't given, `FineTuningOptions` has its value.
struct TrainingOptions: ParsableArguments {
  enum Choice: String, ExpressibleByArgument, CaseIterable {
    case auto, head, full, gradual, lora

    /// nil for the one that is chosen by the data.
    var recipe: Recipe? { Recipe(rawValue: rawValue) }
  }

  @Option(help: "What is trained: head (a new head on frozen features), full (everything), gradual (stage by stage), lora (a low-rank change of each layer), or auto, which says why. (default: auto)")
  var recipe: Choice?
  @Option(help: "Passes over the training photos. (default: 96 for head, 10 for full and 16 for lora from 128 pixels on, else 8)") var epochs: Int?
  @Option(help: "Photos a step. (default: 32)") var batchSize: Int?
  @Option(help: "Batches whose gradients make one step. (default: 1)") var accumulate: Int?
  @Option(help: "The peak of the schedule; the backbone learns at a third of it, the head at three times. (default: 0.001; lora: 0.004)")
  var learningRate: Float?
  @Option(help: "The schedule of the rate: one-cycle or cosine. (default: one-cycle)") var schedule: FineTuningOptions.RateSchedule?
  @Option(help: ArgumentHelp("Passes in which a new head learns alone, from features that are computed once, before the first epoch. (default: 0)", valueName: "passes"))
  var headWarmUp: Int?
  @Option(help: "The factor on the rate from each block to the one before it. (default: 1)") var layerDecay: Float?
  @Option(help: "How fast weights shrink; scales and biases don't. (default: 0.05)") var weightDecay: Float?
  @Option(help: "The largest norm of a step's gradients. (default: none)") var clipNorm: Float?
  @Option(help: "The share of each answer that is spread over all classes. (default: 0.1; head: 0)") var labelSmoothing: Float?
  @Option(help: ArgumentHelp("Mix photos in pairs, by a beta distribution of this parameter. (default: 0)", valueName: "alpha")) var mixup: Float?
  @Option(help: ArgumentHelp("Paste parts of photos into others. (default: 0)", valueName: "alpha")) var cutmix: Float?
  @Option(help: "How photos vary: none, light (crops and flips) or strong. (default: light)") var augment: FineTuningOptions.AugmentationKind?
  @Option(help: "What rare classes get: none, weights (their losses count for more) or sampling (they are shown more often). (default: none)")
  var balance: FineTuningOptions.Balance?
  @Option(help: "What of the weights' path is kept: none, exponential (a moving average) or stochastic (the mean of the last quarter's epochs, two at least). (default: none)")
  var average: FineTuningOptions.Averaging?
  @Option(help: ArgumentHelp("End after so many epochs without a smaller validation loss, and keep the best weights. (default: never)", valueName: "epochs"))
  var patience: Int?
  @Option(help: "Views of each photo that a head on frozen features learns from. (default: 4 to 16, the more the fewer photos there are)") var views: Int?
  @Option(help: "The rank of lora's changes. (default: 2)") var rank: Int?
  @Flag(help: "Answer by the mean over a photo and its mirror image, as head does anyway, and full and lora from 128 pixels on.") var mirror = false
  @Option(help: "Photos are shown as squares of so many pixels. (default: 224, and 256 for what finetune trains by full or lora, looked at in the end at seven and nine eighths of it)") var imageSize: Int?
  @Option(help: ArgumentHelp("The size while training, where crops make things look larger. (default: for full and lora 192, or six sevenths of --image-size from 128 pixels on)", valueName: "pixels"))
  var trainingSize: Int?
  @Option(help: ArgumentHelp("Learn from so many photos of each class, drawn by the seed. (default: all)", valueName: "n")) var fewShot: Int?
  @Option(help: ArgumentHelp("The column with the classes, where a CSV file has several. (default: label)", valueName: "name")) var labelColumn: String?
  @Option(help: "Decides everything that is random. (default: 0)") var seed: UInt64?

  func validate() throws {
    let counts = [
      ("--epochs", epochs), ("--batch-size", batchSize), ("--accumulate", accumulate), ("--patience", patience),
      ("--views", views), ("--rank", rank), ("--few-shot", fewShot),
    ]
    for (name, value) in counts {
      if let value, value < 1 { throw ValidationError("\(name) \(value) is not a positive number.") }
    }
    if let headWarmUp, headWarmUp < 0 { throw ValidationError("--head-warm-up \(headWarmUp) is below 0.") }
    let positives = [("--learning-rate", learningRate), ("--layer-decay", layerDecay), ("--clip-norm", clipNorm)]
    for (name, value) in positives {
      if let value, !(value > 0 && value.isFinite) { throw ValidationError("\(name) \(value) is not a positive number.") }
    }
    for (name, value) in [("--weight-decay", weightDecay), ("--mixup", mixup), ("--cutmix", cutmix)] {
      if let value, !(value >= 0 && value.isFinite) { throw ValidationError("\(name) \(value) is not a number of 0 or more.") }
    }
    if let labelSmoothing, !(0..<1).contains(labelSmoothing) {
      throw ValidationError("--label-smoothing \(labelSmoothing) is not in 0 ..< 1.")
    }
    if let layerDecay, layerDecay > 1 { throw ValidationError("--layer-decay \(layerDecay) is more than 1.") }
    for (name, value) in [("--image-size", imageSize), ("--training-size", trainingSize)] {
      if let value, !(32...1024).contains(value) { throw ValidationError("\(name) \(value) is not in 32 … 1024.") }
    }
    if batchSize == 1, let imageSize, imageSize <= 32, recipe != .head {
      throw ValidationError("--batch-size 1 at --image-size \(imageSize) leaves batch normalisation a single number: take 2 or more photos.")
    }
  }

  /// The options that were given, and that change nothing in what a recipe does.
  ///
  /// - Parameters:
  ///   - onStoredFeatures: whether a head alone learns from features that are computed once, so that there are
  ///     neither photos to mix nor gradients of a network.
  ///   - inSweep: whether a sweep of the learning rate is all that is done.
  func unheeded(by recipe: Recipe, onStoredFeatures: Bool = true, inSweep: Bool = false) -> [String] {
    var options = [
      ("--rank", rank != nil && recipe != .lora), ("--views", views != nil && recipe != .head),
      ("--layer-decay", layerDecay != nil && recipe == .head),
    ]
    if inSweep {
      options += [
        ("--epochs", epochs != nil), ("--accumulate", accumulate != nil), ("--learning-rate", learningRate != nil),
        ("--schedule", schedule != nil), ("--head-warm-up", headWarmUp != nil), ("--clip-norm", clipNorm != nil),
        ("--mixup", mixup != nil), ("--cutmix", cutmix != nil), ("--balance", balance != nil), ("--average", average != nil),
        ("--patience", patience != nil), ("--mirror", mirror),
      ]
    } else if recipe == .head, onStoredFeatures {
      options += [
        ("--accumulate", accumulate != nil), ("--mixup", mixup != nil), ("--cutmix", cutmix != nil),
        ("--head-warm-up", headWarmUp != nil), ("--training-size", trainingSize != nil),
      ]
    }
    return options.filter(\.1).map(\.0)
  }

  /// The given ones in the place of the others; the recipe is left as it is.
  func applied(to options: FineTuningOptions) -> FineTuningOptions {
    var options = options
    func set<Value>(_ path: WritableKeyPath<FineTuningOptions, Value>, _ value: Value?) {
      if let value { options[keyPath: path] = value }
    }
    set(\.epochs, epochs)
    set(\.batchSize, batchSize)
    set(\.accumulation, accumulate)
    set(\.learningRate, learningRate)
    set(\.schedule, schedule)
    set(\.headWarmUp, headWarmUp)
    set(\.layerDecay, layerDecay)
    set(\.weightDecay, weightDecay)
    options.clipNorm = clipNorm ?? options.clipNorm
    set(\.labelSmoothing, labelSmoothing)
    set(\.mixUp, mixup)
    set(\.cutMix, cutmix)
    set(\.augmentation, augment)
    set(\.balance, balance)
    set(\.averaging, average)
    options.patience = patience ?? options.patience
    set(\.views, views)
    set(\.rank, rank)
    if mirror { options.testTimeAugmentation = true }
    set(\.imageSize, imageSize)
    options.trainingSize = trainingSize ?? options.trainingSize
    options.fewShot = fewShot ?? options.fewShot
    options.labelColumn = labelColumn ?? options.labelColumn
    set(\.seed, seed)
    return options
  }

  /// The first option that was given and that a run was not started with: its name, what it was and what it is now.
  func difference(from stored: FineTuningOptions) -> (option: String, stored: String, given: String)? {
    if let recipe = recipe?.recipe, recipe != stored.recipe {
      return ("--recipe", stored.recipe.rawValue, recipe.rawValue)
    }
    // Where nothing was given, nothing changes: so what differs was given.
    let (old, new) = (stored.named, applied(to: stored).named)
    guard let name = new.keys.sorted().first(where: { old[$0] != new[$0] }) else { return nil }
    return (name, old[name] ?? "none", new[name]!)
  }
}

extension FineTuningOptions.RateSchedule: ExpressibleByArgument {}
extension FineTuningOptions.AugmentationKind: ExpressibleByArgument {}
extension FineTuningOptions.Balance: ExpressibleByArgument {}
extension FineTuningOptions.Averaging: ExpressibleByArgument {}
