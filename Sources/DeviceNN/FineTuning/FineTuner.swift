internal import Foundation
public import Kernels

/// Trains an image classifier on a small data set, epoch by epoch, so that a run that is killed goes on where it was.
public final class FineTuner {
  public let model: any ImageClassifier
  public let options: FineTuningOptions
  public let data: ImageDataset
  public let run: RunFolder
  public let device: Device
  private let configuration: ModelConfiguration
  private let trainLoader: BatchLoader
  private let validationLoader: BatchLoader
  private let schedule: OneCycle
  private let isResumed: Bool
  private var optimizer: AdamW
  private var metrics: MetricsLog
  private var position: TrainingCheckpoint

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
    transform.augmentation = options.augmentation
    trainLoader = BatchLoader(
      data.train, transform: transform, batchSize: options.batchSize, isShuffled: true, lastBatch: .dropSingle,
      seed: options.seed)
    schedule = OneCycle(steps: options.epochs * trainLoader.batchCount)
    optimizer = Self.makeOptimizer(model, options)
    if isResumed {
      position = try TrainingCheckpoint(path: run.checkpointPath, into: model, &optimizer)
      guard position.fingerprint == data.fingerprint else {
        throw ModelError.otherData(path: run.path, data: data.path)
      }
      guard position.epoch <= options.epochs, optimizer.state.step == position.epoch * trainLoader.batchCount else {
        throw CheckpointError.damagedTensor(
          file: run.checkpointPath, tensor: "position", found: "step \(optimizer.state.step) after epoch \(position.epoch)",
          wanted: "\(trainLoader.batchCount) steps an epoch, and \(options.epochs) epochs")
      }
      metrics = try MetricsLog(resuming: run.metricsPath, after: position.epoch)
    } else {
      if run.isRun { throw ModelError.alreadyARun(path: run.path) }
      position = TrainingCheckpoint(epoch: 0, fingerprint: data.fingerprint, seconds: 0)
      try run.createFolder()
      do {
        metrics = try MetricsLog(startingAt: run.metricsPath)
        try position.write(model, optimizer.state, to: run.checkpointPath)
        try run.write(configuration)
      } catch {
        run.remove()
        throw error
      }
    }
  }

  /// The head learns nine times as fast as a pretrained backbone, which knows most already; biases don't decay.
  private static func makeOptimizer(_ model: any ImageClassifier, _ options: FineTuningOptions) -> AdamW {
    if options.freezesBackbone { model.backboneParameters.forEach { $0.isTrainable = false } }
    let backboneRate = options.fromScratch ? options.learningRate : options.learningRate / 3
    return AdamW(
      ParameterGroup.decaying(model.backboneParameters, learningRate: backboneRate, weightDecay: options.weightDecay)
        + ParameterGroup.decaying(
          model.head.parameters(), learningRate: options.learningRate * 3, weightDecay: options.weightDecay))
  }

  /// The epochs that are done, in this session and earlier ones.
  public var epochs: [EpochMetrics] { get throws(FileError) { try MetricsLog.read(run.metricsPath) } }

  /// Seconds of training and validation, in this session and earlier ones.
  public var seconds: Double { position.seconds }

  /// Trains what is left of the run. Each epoch ends with its line in metrics.jsonl, its weights in model.safetensors and
  /// a checkpoint.
  ///
  /// - Returns: what the final model says of the validation pictures.
  public func train(
    onProgress: (TrainingProgress) -> Void = { _ in }, onEpoch: (EpochMetrics) throws -> Void = { _ in }
  ) throws -> Evaluation {
    var evaluation: Evaluation?
    while position.epoch < options.epochs {
      let (line, result): (EpochMetrics, Evaluation)
      do { (line, result) = try nextEpoch(onProgress: onProgress) } catch {
        // A batch that was too large, or a rate that was too high, is tried again with another under the same name.
        if position.epoch == 0, !isResumed { run.remove() }
        throw error
      }
      try onEpoch(line)
      evaluation = result
    }
    return try evaluation ?? model.evaluation(of: validationLoader, on: device)
  }

  /// Trains and measures an epoch, and stores where the run is then.
  private func nextEpoch(onProgress: (TrainingProgress) -> Void) throws -> (EpochMetrics, Evaluation) {
    let epoch = position.epoch + 1
    let start = ContinuousClock.now
    let loss = try trainEpoch(position.epoch, onProgress: onProgress)
    let trainSeconds = (ContinuousClock.now - start) / .seconds(1)
    let evaluation = try model.evaluation(of: validationLoader, on: device)
    // The last step's loss is that of the weights before it.
    try check(evaluation.loss, epoch: epoch, batch: trainLoader.batchCount)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let line = EpochMetrics(
      epoch: epoch, trainLoss: loss, validationLoss: evaluation.loss, validationAccuracy: evaluation.accuracy,
      learningRate: Double(options.learningRate * schedule.scale(at: optimizer.state.step - 1)), seconds: seconds,
      imagesPerSecond: Double(data.train.count) / trainSeconds)
    try metrics.append(line)
    try writeSafetensors(
      model.records(by: configuration.architecture.publisher),
      metadata: ["format": "pt", "architecture": configuration.architecture.name], to: run.modelPath)
    var next = position
    next.epoch = epoch
    next.seconds += seconds
    try next.write(model, optimizer.state, to: run.checkpointPath)
    position = next
    return (line, evaluation)
  }

  /// One pass over the training pictures.
  ///
  /// - Returns: the mean loss.
  private func trainEpoch(_ epoch: Int, onProgress: (TrainingProgress) -> Void) throws -> Double {
    model.train()
    let batches = trainLoader.epoch(epoch)
    let start = ContinuousClock.now
    var (done, images) = (0, 0)
    var (lossSum, latestLoss) = (0.0, Double.nan)
    // Losses are read a few at a time: each read waits for the device.
    var unread: [(loss: Tensor, count: Int)] = []
    while let batch = try batches.next() {
      unread.append((step(batch), batch.count))
      done += 1
      images += batch.count
      guard unread.count == 8 || done == trainLoader.batchCount || done == 1 else { continue }
      for (loss, count) in unread {
        latestLoss = try fitting(batch, on: device) { () throws(DeviceError) in
          Double(try loss.scalar())
        } retry: { few throws(DeviceError) in
          _ = try step(few).scalar()
        }
        try check(latestLoss, epoch: epoch + 1, batch: done)
        lossSum += latestLoss * Double(count)
      }
      unread = []
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let left = Double((options.epochs - epoch) * trainLoader.batchCount - done)
      onProgress(
        TrainingProgress(
          epoch: epoch + 1, epochs: options.epochs, batch: done, batches: trainLoader.batchCount,
          imagesPerSecond: Double(images) / seconds, loss: latestLoss, secondsLeft: seconds / Double(done) * left))
    }
    return lossSum / Double(images)
  }

  /// No network that learns has a loss of thousands; one that began to diverge soon has none at all.
  private func check(_ loss: Double, epoch: Int, batch: Int) throws(ModelError) {
    guard loss < 1e4 else {
      throw .diverged(loss: "\(Float(loss))", epoch: epoch, batch: batch, learningRate: options.learningRate)
    }
  }

  /// Forward, backward, update.
  private func step(_ batch: ImageBatch) -> Tensor {
    model.drop(at: optimizer.state.step)
    let labels = IntTensor(batch.labels, on: device)
    let loss = model(batch.images(on: device)).crossEntropy(labels, labelSmoothing: options.labelSmoothing)
    optimizer.step(loss.gradients(), scale: schedule.scale(at: optimizer.state.step))
    return loss.detached
  }
}

extension Module {
  /// Makes every random layer of this part draw what it draws at a step, whether the run was resumed or not.
  func drop(at step: Int) {
    if let layer = self as? any RandomLayer { layer.stream = UInt32(truncatingIfNeeded: step) }
    for case (_, .module(let module)) in parts { module.drop(at: step) }
  }
}
