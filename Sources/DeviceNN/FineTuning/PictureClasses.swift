public import Kernels

/// One question with classes about pictures, as a `Trainer` trains it: through the whole network, or, where the backbone is
/// frozen, its head alone on features that are computed once.
public final class PictureClasses: TrainingProblem {
  public struct Batch {
    let pictures: ImageBatch
    /// Counts the batches of the run, from 0.
    let number: Int
  }

  let network: any ImageClassifier
  let options: FineTuningOptions
  let data: ImageDataset
  let device: Device
  let trainLoader: BatchLoader
  let validationLoader: BatchLoader
  private let publisher: Publisher
  private let metadata: [String: String]
  private let classWeights: Tensor?
  private let featuresPath: String
  /// Of a frozen backbone.
  private var cache: FeatureCache?
  /// What the network said last of the validation pictures, seen through the whole of it.
  private(set) var latest: Evaluation?

  init(
    _ network: any ImageClassifier, _ configuration: ModelConfiguration, data: ImageDataset, run: RunFolder, on device: Device
  ) {
    (self.network, self.data, self.device) = (network, data, device)
    options = configuration.training
    publisher = configuration.architecture.publisher
    metadata = ["format": "pt", "architecture": configuration.architecture.name]
    featuresPath = run.featuresPath
    validationLoader = BatchLoader(data.validation, transform: configuration.transform, batchSize: options.batchSize)
    let shares = data.train.classShares(classes: data.classes.count)
    trainLoader = BatchLoader(
      data.train, transform: options.trainingTransform(configuration.transform, networkSize: network.imageSize),
      batchSize: options.batchSize, isShuffled: true,
      classShares: options.balance == .sampling ? shares.map { $0 > 0 ? 1 : 0 } : nil, lastBatch: .dropSingle,
      seed: options.seed)
    classWeights = options.balance == .weights
      ? Tensor(
        shares.map { $0 > 0 ? Float(1 / ($0 * Double(shares.count))) : 0 }, shape: [shares.count], on: device) : nil
  }

  public var model: any Module { network }
  public var tasks: [String] { ["class"] }
  public var batchesPerEpoch: Int { trainLoader.batchCount }
  public func count(of batch: Batch) -> Int { batch.pictures.count }

  // MARK: Before the first epoch

  /// The cache for a frozen backbone. Every other recipe that starts at pretrained weights only borrows one, to give the
  /// new head its first weights, so that it does not pull the backbone about.
  public func prepare(epoch: Int, onProgress: (TrainingProgress) -> Void) throws -> [RunPhase: Double] {
    let start = ContinuousClock.now
    if options.recipe == .head {
      // An epoch looks at one view.
      cache = try featureCache(views: min(options.views, options.epochs), onProgress: onProgress)
      return [.features: start.secondsUntilNow]
    }
    let passes = options.headWarmUp
    guard epoch == 0, !options.fromScratch, passes > 0 else { return [:] }
    let head = headTraining(try featureCache(views: 1, onProgress: onProgress))
    let cached = ContinuousClock.now
    var optimizer = AdamW(
      ParameterGroup.decaying(
        network.head.parameters(), learningRate: options.learningRate * 3, weightDecay: options.weightDecay))
    let schedule = CosineDecay(steps: passes * batchesPerEpoch)
    for pass in 0..<passes {
      let loss = try head.epoch(pass) { gradients, batch in
        optimizer.step(gradients, scale: schedule.scale(at: pass * batchesPerEpoch + batch))
      }
      try ModelError.check(loss, epoch: 1, batch: 1, learningRate: options.learningRate)
    }
    return [.features: (cached - start) / .seconds(1), .head: cached.secondsUntilNow]
  }

  private func featureCache(views: Int, onProgress: (TrainingProgress) -> Void) throws -> FeatureCache {
    let start = ContinuousClock.now
    var transform = trainLoader.transform
    transform.size = options.imageSize
    let unshuffled = BatchLoader(data.train, transform: transform, batchSize: options.batchSize, seed: options.seed)
    return try FeatureCache(
      network, train: unshuffled, validation: validationLoader, views: views,
      key: "\(data.fingerprint) \(views) views of \(options.imageSize) seed \(options.seed)", path: featuresPath, on: device
    ) { done, all in
      let seconds = start.secondsUntilNow
      onProgress(
        TrainingProgress(
          epoch: 0, epochs: options.epochs, batch: done, batches: all, imagesPerSecond: Double(done) / seconds,
          secondsLeft: seconds / Double(done) * Double(all - done)))
    }
  }

  private func headTraining(_ cache: FeatureCache) -> HeadTraining {
    HeadTraining(
      model: network, cache: cache, options: options, loader: trainLoader, classWeights: classWeights, device: device)
  }

  // MARK: An epoch

  /// With `gradual`, parameters that rested have no moments, and steps that others took would make their first ones too
  /// large.
  public func startEpoch(_ epoch: Int) -> Bool {
    network.train()
    guard options.recipe == .gradual else { return false }
    network.thawStages(epoch: epoch, of: options.epochs)
    let thawed = [epoch - 1, epoch].map { network.thawedStages(epoch: $0, of: options.epochs) }
    return thawed[0] != thawed[1]
  }

  public func trainEpoch(_ epoch: Int, step: (Gradients, _ batch: Int) -> Void) throws -> (loss: Double, items: Int)? {
    guard let cache else { return nil }
    network.evaluate()
    return (try headTraining(cache).epoch(epoch, step: step), data.train.count)
  }

  public func batches(ofEpoch epoch: Int) -> () throws -> Batch? {
    let batches = trainLoader.epoch(epoch)
    var number = epoch * batchesPerEpoch
    return {
      defer { number += 1 }
      return try batches.next().map { Batch(pictures: $0, number: number) }
    }
  }

  public func forward(_ batch: Batch) -> SharedForward {
    let (images, labels) = (batch.pictures.images(on: device), IntTensor(batch.pictures.labels, on: device))
    let mixing = Mixing(mixUp: options.mixUp, cutMix: options.cutMix, seed: options.seed)
    guard mixing.isOn else {
      return SharedForward(losses: [
        network(images).crossEntropy(labels, labelSmoothing: options.labelSmoothing, classWeights: classWeights)
      ])
    }
    let (mixed, targets) = mixing(images, labels, classes: data.classes.count, step: batch.number)
    return SharedForward(losses: [
      network(mixed).crossEntropy(probabilities: targets, labelSmoothing: options.labelSmoothing, classWeights: classWeights)
    ])
  }

  public func explained(_ error: DeviceError, at batch: Batch) -> any Error {
    DeviceNN.explained(error, of: batch.pictures, on: device) { few throws(DeviceError) in
      let loss = forward(Batch(pictures: few, number: 0)).losses[0]!
      _ = loss.gradients()
      _ = try loss.detached.scalar()
    }
  }

  // MARK: What it came to

  public func measure() throws -> [String: Double] {
    let evaluation = try cache.map { try headTraining($0).evaluation(of: data.validation) }
      ?? network.evaluation(of: validationLoader, on: device)
    latest = cache == nil ? evaluation : nil
    return ["loss": evaluation.loss, "accuracy": evaluation.accuracy]
  }

  public func line(of epoch: EpochNumbers) -> EpochMetrics {
    EpochMetrics(
      epoch: epoch.epoch, trainLoss: epoch["loss"], validationLoss: epoch["validation/loss"],
      validationAccuracy: epoch["validation/accuracy"], learningRate: epoch["learningRate"], seconds: epoch["seconds"],
      imagesPerSecond: epoch["itemsPerSecond"])
  }

  public func store(to path: String) throws {
    try writeSafetensors(network.records(by: publisher), metadata: metadata, to: path)
  }

  public func load(from path: String) throws {
    latest = nil
    try network.mergeAdapters()
    try network.load(SafetensorsFile(path: path), by: publisher)
  }
}

extension ImageSource {
  /// What part of the pictures each class has.
  func classShares(classes: Int) -> [Double] {
    var counts = Array(repeating: 0, count: classes)
    for i in 0..<count { counts[Int(label(at: i))] += 1 }
    return counts.map { Double($0) / Double(max(count, 1)) }
  }
}
