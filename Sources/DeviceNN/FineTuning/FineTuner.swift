internal import Foundation
public import Kernels

/// Trains an image classifier on a small data set, epoch by epoch, so that a run that is killed goes on where it was.
public final class FineTuner {
  public let model: any ImageClassifier
  public let options: FineTuningOptions
  public let data: ImageDataset
  public let run: RunFolder
  public let device: Device
  public private(set) var configuration: ModelConfiguration
  let trainLoader: BatchLoader
  let validationLoader: BatchLoader
  let classWeights: Tensor?
  private let isResumed: Bool
  var optimizer: AdamW
  var average: WeightAverage?
  var position: TrainingCheckpoint
  private var metrics: MetricsLog
  private var lastWrite = ContinuousClock.now
  /// The epoch that the run's files are of.
  private var storedEpoch: Int
  /// What the last epoch's weights said of the validation pictures, seen through the whole network.
  private var latest: Evaluation?

  /// - Parameter isResumed: continues the run in `run`; otherwise starts one there, and takes it back if it fails before
  ///   its first epoch is done.
  public init(
    _ model: any ImageClassifier, _ configuration: ModelConfiguration, data: ImageDataset, run: RunFolder, on device: Device,
    isResumed: Bool = false
  ) throws {
    self.model = model
    self.configuration = configuration
    self.data = data
    self.run = run
    self.device = device
    self.isResumed = isResumed
    options = configuration.training
    guard data.validation.count > 0 else { throw ModelError.noValidationPictures(data: data.path) }
    var transform = configuration.transform
    validationLoader = BatchLoader(data.validation, transform: transform, batchSize: options.batchSize)
    transform.augmentation = options.imageAugmentation
    transform.size = model.imageSize ?? options.trainingSize ?? options.imageSize
    let shares = data.train.classShares(classes: data.classes.count)
    trainLoader = BatchLoader(
      data.train, transform: transform, batchSize: options.batchSize, isShuffled: true,
      classShares: options.balance == .sampling ? shares.map { $0 > 0 ? 1 : 0 } : nil, lastBatch: .dropSingle,
      seed: options.seed)
    classWeights = options.balance == .weights
      ? Tensor(
        shares.map { $0 > 0 ? Float(1 / ($0 * Double(shares.count))) : 0 }, shape: [shares.count], on: device) : nil
    optimizer = AdamW(options.recipe.parameterGroups(model, of: [model], options))
    if isResumed {
      position = try TrainingCheckpoint(path: run.checkpointPath, into: model, &optimizer, &average)
      guard position.fingerprint == data.fingerprint else {
        throw ModelError.otherData(path: run.path, data: data.path)
      }
      guard position.epoch <= options.epochs, optimizer.state.step <= position.epoch * trainLoader.batchCount else {
        throw CheckpointError.damagedTensor(
          file: run.checkpointPath, tensor: "position", found: "step \(optimizer.state.step) after epoch \(position.epoch)",
          wanted: "at most \(trainLoader.batchCount) steps an epoch, and \(options.epochs) epochs")
      }
      metrics = try MetricsLog(resuming: run.metricsPath, after: position.epoch)
      storedEpoch = position.epoch
    } else {
      if run.isRun { throw ModelError.alreadyARun(path: run.path) }
      position = TrainingCheckpoint(epoch: 0, fingerprint: data.fingerprint, phases: [:])
      storedEpoch = 0
      try run.createFolder()
      do {
        metrics = try MetricsLog(startingAt: run.metricsPath)
        try position.write(model, optimizer.state, average, to: run.checkpointPath)
        try run.write(configuration)
      } catch {
        run.remove()
        throw error
      }
    }
  }

  /// A new run that starts from pretrained weights.
  ///
  /// - Parameter options: where nil, the defaults with the recipe and the learning rate that suit the data.
  public convenience init(
    _ pretrained: PretrainedModel, _ options: FineTuningOptions? = nil, data: ImageDataset, run: RunFolder,
    on device: Device
  ) throws {
    var configuration = pretrained.configuration(
      classes: data.classes, training: options ?? FineTuningOptions(), data: data.path)
    let (model, _) = try pretrained.makeModel(configuration, on: device)
    if options == nil {
      configuration.chooseRecipe(for: model, data)
      try configuration.chooseRate(for: model, data, on: device)
    }
    try self.init(model, configuration, data: data, run: run, on: device)
  }

  /// The epochs that are done, in this session and earlier ones.
  public var epochs: [EpochMetrics] { get throws(FileError) { try MetricsLog.read(run.metricsPath) } }

  /// Seconds of what the run did, in this session and earlier ones, by phase.
  public var phases: [RunPhase: Double] { position.phases }

  public var seconds: Double { position.phases.values.reduce(0, +) }

  /// The scalars that are trained.
  public var trainedCount: Int { optimizer.groups.flatMap(\.parameters).reduce(0) { $0 + $1.value.count } }

  /// The epoch whose weights were kept: the last, or with `patience` the one of the smallest validation loss.
  public var bestEpoch: Int? {
    get throws(FileError) {
      guard options.patience != nil else { return position.epoch }
      return try epochs.min { ($0.validationLoss, $0.epoch) < ($1.validationLoss, $1.epoch) }?.epoch
    }
  }

  // MARK: Training

  /// Trains what is left of the run. Epochs end with a line in metrics.jsonl, weights in model.safetensors and a
  /// checkpoint; short ones are stored once a second.
  ///
  /// - Returns: what the final model says of the validation pictures, at the temperature that suits it.
  public func train(
    onProgress: (TrainingProgress) -> Void = { _ in }, onEpoch: (EpochMetrics) throws -> Void = { _ in }
  ) throws -> Evaluation {
    let cache: FeatureCache?
    do {
      cache = try prepare(onProgress: onProgress)
      while position.epoch < options.epochs, try !isStuck {
        try onEpoch(try nextEpoch(cache, onProgress: onProgress))
      }
    } catch {
      // A batch that was too large, or a rate that was too high, is tried again with another under the same name.
      if storedEpoch == 0, !isResumed { run.remove() }
      throw error
    }
    run.removeFeatures()
    return try finish()
  }

  /// The cache for a frozen backbone. Every other recipe that starts at pretrained weights only borrows one, to give the
  /// new head its first weights, so that it does not pull the backbone about.
  private func prepare(onProgress: (TrainingProgress) -> Void) throws -> FeatureCache? {
    guard position.epoch < options.epochs else { return nil }
    if options.recipe == .head { return try featureCache(views: options.views, onProgress: onProgress) }
    guard position.epoch == 0 else { return nil }
    let passes = options.headWarmUp
    if !options.fromScratch, passes > 0 {
      let head = headTraining(try featureCache(views: 1, onProgress: onProgress))
      let start = ContinuousClock.now
      var headOptimizer = AdamW(
        ParameterGroup.decaying(
          model.head.parameters(), learningRate: options.learningRate * 3, weightDecay: options.weightDecay))
      let schedule = CosineDecay(steps: passes * trainLoader.batchCount)
      for pass in 0..<passes {
        let loss = try head.epoch(pass, &headOptimizer) { schedule.scale(at: pass * trainLoader.batchCount + $0) }
        try check(loss, epoch: 1, batch: 1)
      }
      position.phases[.head, default: 0] += start.secondsUntilNow
    }
    if options.averaging == .exponential { average = WeightAverage(of: model) }
    return nil
  }

  private func featureCache(views: Int, onProgress: (TrainingProgress) -> Void) throws -> FeatureCache {
    let start = ContinuousClock.now
    var transform = trainLoader.transform
    transform.size = options.imageSize
    let unshuffled = BatchLoader(
      data.train, transform: transform, batchSize: options.batchSize, seed: options.seed)
    let cache = try FeatureCache(
      model, train: unshuffled, validation: validationLoader, views: views,
      key: "\(position.fingerprint) \(views) views of \(options.imageSize) seed \(options.seed)", path: run.featuresPath,
      on: device
    ) { done, all in
      let seconds = start.secondsUntilNow
      onProgress(
        TrainingProgress(
          epoch: 0, epochs: options.epochs, batch: done, batches: all, imagesPerSecond: Double(done) / seconds,
          secondsLeft: seconds / Double(done) * Double(all - done)))
    }
    position.phases[.features, default: 0] += start.secondsUntilNow
    return cache
  }

  private func headTraining(_ cache: FeatureCache) -> HeadTraining {
    HeadTraining(
      model: model, cache: cache, options: options, loader: trainLoader, classWeights: classWeights, device: device)
  }

  /// Trains and measures an epoch, and stores where the run is then.
  private func nextEpoch(_ cache: FeatureCache?, onProgress: (TrainingProgress) -> Void) throws -> EpochMetrics {
    let epoch = position.epoch + 1
    let start = ContinuousClock.now
    let (loss, images) = try cache.map { (try headEpoch($0), data.train.count) } ?? trainEpoch(onProgress: onProgress)
    let trained = ContinuousClock.now
    updateMean()
    let evaluation = try withAverages {
      try cache.map { try headTraining($0).evaluation(of: data.validation) }
        ?? model.evaluation(of: validationLoader, on: device)
    }
    // The last step's loss is that of the weights before it.
    try check(evaluation.loss, epoch: epoch, batch: trainLoader.batchCount)
    let trainSeconds = (trained - start) / .seconds(1)
    let line = EpochMetrics(
      epoch: epoch, trainLoss: loss, validationLoss: evaluation.loss, validationAccuracy: evaluation.accuracy,
      learningRate: Double(options.learningRate * rate(at: epoch * stepsPerEpoch - 1)), seconds: start.secondsUntilNow,
      imagesPerSecond: Double(images) / trainSeconds)
    position.phases[.training, default: 0] += trainSeconds
    position.phases[.validation, default: 0] += trained.secondsUntilNow
    position.epoch = epoch
    latest = cache == nil ? evaluation : nil
    try metrics.append(line)
    if epoch == 1 || epoch == options.epochs || lastWrite.secondsUntilNow > 1 || options.patience != nil { try store() }
    return line
  }

  private func headEpoch(_ cache: FeatureCache) throws -> Double {
    model.evaluate()
    let first = position.epoch * stepsPerEpoch
    let loss = try headTraining(cache).epoch(position.epoch, &optimizer) { rate(at: first + $0) }
    try check(loss, epoch: position.epoch + 1, batch: trainLoader.batchCount)
    return loss
  }

  private func store() throws {
    if try bestEpoch == position.epoch {
      try withAverages {
        try writeSafetensors(
          model.records(by: configuration.architecture.publisher),
          metadata: ["format": "pt", "architecture": configuration.architecture.name], to: run.modelPath)
      }
    }
    try position.write(model, optimizer.state, average, to: run.checkpointPath)
    lastWrite = .now
    storedEpoch = position.epoch
  }

  /// Whether the validation loss has not become smaller for as many epochs as there is patience.
  private var isStuck: Bool {
    get throws { try options.patience.map { position.epoch - (try bestEpoch ?? 0) >= $0 } ?? false }
  }

  /// Measures the weights that were kept, finds the temperature that suits them, and writes it down.
  private func finish() throws -> Evaluation {
    if options.patience == nil {
      average?.exchange()
    } else if position.epoch > 0 {
      latest = nil
      try model.mergeAdapters()
      try model.load(SafetensorsFile(path: run.modelPath), by: configuration.architecture.publisher)
    }
    average = nil
    let start = ContinuousClock.now
    let known = options.testTimeAugmentation ? nil : latest
    let evaluation = try known ?? model.evaluation(
      of: validationLoader, mirrored: options.testTimeAugmentation, on: device)
    position.phases[.validation, default: 0] += start.secondsUntilNow
    let calibration = evaluation.calibration
    configuration.calibration = calibration
    try run.write(configuration)
    return evaluation.scaled(temperature: calibration.temperature)
  }

  /// No network that learns has a loss of thousands; one that began to diverge soon has none at all.
  func check(_ loss: Double, epoch: Int, batch: Int) throws(ModelError) {
    guard loss < 1e4 else {
      throw .diverged(loss: "\(Float(loss))", epoch: epoch, batch: batch, learningRate: options.learningRate)
    }
  }
}

/// What a run spends its time with.
public enum RunPhase: String, Codable, Sendable, CaseIterable {
  /// The frozen backbone's features.
  case features
  /// The head's first weights.
  case head
  case training
  case validation
}

extension ContinuousClock.Instant {
  var secondsUntilNow: Double { (ContinuousClock.now - self) / .seconds(1) }
}

extension ImageSource {
  /// What part of the pictures each class has.
  func classShares(classes: Int) -> [Double] {
    var counts = Array(repeating: 0, count: classes)
    for i in 0..<count { counts[Int(label(at: i))] += 1 }
    return counts.map { Double($0) / Double(max(count, 1)) }
  }
}
