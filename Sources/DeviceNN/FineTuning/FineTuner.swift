public import Kernels

/// Trains an image classifier on a small data set, epoch by epoch, so that a run that is killed goes on where it was.
public final class FineTuner {
  public let model: any ImageClassifier
  public let options: FineTuningOptions
  public let data: ImageDataset
  public let run: RunFolder
  public let device: Device
  public private(set) var configuration: ModelConfiguration
  private let trainer: Trainer<PictureClasses>

  /// - Parameter isResumed: continues the run in `run`; otherwise starts one there, and takes it back if it fails before
  ///   its first epoch is done.
  public init(
    _ model: any ImageClassifier, _ configuration: ModelConfiguration, data: ImageDataset, run: RunFolder, on device: Device,
    isResumed: Bool = false
  ) throws {
    (self.model, self.configuration, self.data, self.run, self.device) = (model, configuration, data, run, device)
    options = configuration.training
    guard data.validation.count > 0 else { throw ModelError.noValidationPictures(data: data.path) }
    let problem = PictureClasses(model, configuration, data: data, run: run, on: device)
    var settings = TrainerSettings(options)
    // A batch of stored features is a step, as large as anyone likes.
    if options.recipe == .head { settings.accumulation = 1 }
    trainer = try Trainer(
      problem, MultiTaskObjective(tasks: problem.tasks, balance: .losses(.equal), on: device),
      AdamW(options.recipe.parameterGroups(model, of: [model], options)),
      schedule: options.schedule(steps: settings.steps(batchesPerEpoch: problem.batchesPerEpoch)), settings,
      configuration: configuration, fingerprint: data.fingerprint, dataPath: data.path, run: run, isResumed: isResumed)
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
  public var epochs: [EpochMetrics] { get throws(FileError) { try trainer.epochs } }

  /// Seconds of what the run did, in this session and earlier ones, by phase.
  public var phases: [RunPhase: Double] { trainer.phases }

  public var seconds: Double { trainer.seconds }

  /// The scalars that are trained.
  public var trainedCount: Int { trainer.trainedCount }

  /// The epoch whose weights were kept: the last, or with `patience` the one of the smallest validation loss.
  public var bestEpoch: Int? { get throws(FileError) { try trainer.bestEpoch } }

  var optimizer: any Optimizer { trainer.optimizer }
  var trainLoader: BatchLoader { trainer.problem.trainLoader }

  /// Trains what is left of the run. Epochs end with a line in metrics.jsonl, weights in model.safetensors and a
  /// checkpoint; short ones are stored once a second.
  ///
  /// - Returns: what the final model says of the validation pictures, at the temperature that suits it.
  public func train(
    onProgress: (TrainingProgress) -> Void = { _ in }, onEpoch: (EpochMetrics) throws -> Void = { _ in }
  ) throws -> Evaluation {
    try trainer.train(onProgress: onProgress, onEpoch: onEpoch)
    run.removeFeatures()
    // Measures the weights that were kept, finds the temperature that suits them, and writes it down.
    let known = options.answerViews == AnswerViews() ? trainer.problem.latest : nil
    let evaluation = try trainer.timed(.validation) {
      try known ?? model.evaluation(
        of: trainer.problem.validationLoader, by: options.answerViews, on: device)
    }
    let calibration = evaluation.calibration
    configuration.calibration = calibration
    try run.write(configuration)
    return evaluation.scaled(temperature: calibration.temperature)
  }
}

extension TrainerSettings {
  init(_ options: FineTuningOptions) {
    self.init(epochs: options.epochs)
    (accumulation, clipNorm, averaging) = (options.accumulation, options.clipNorm, options.averaging)
    (patience, learningRate) = (options.patience, options.learningRate)
  }
}
