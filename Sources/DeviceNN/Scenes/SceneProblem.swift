public import Kernels

/// Pictures, and what should be said of them.
public struct SceneBatch {
  let images: ImageBatch
  let targets: SceneTargets
}

/// Questions about scenes, as a `Trainer` trains them.
public final class SceneProblem: TrainingProblem {
  public let scene: SceneModel
  public let data: SceneDataset
  public let device: Device
  /// What the model said last of the validation pictures.
  public private(set) var latest: SceneEvaluation?
  private let trainLoader: BatchLoader
  private let transform: ImageTransform

  public init(_ scene: SceneModel, _ configuration: SceneConfiguration, data: SceneDataset, on device: Device) {
    (self.scene, self.data, self.device) = (scene, data, device)
    transform = configuration.transform
    var varying = transform
    varying.augmentation = configuration.augmentation
    trainLoader = BatchLoader(
      data.train, transform: varying, batchSize: configuration.training.batchSize, isShuffled: true,
      lastBatch: .dropSingle, seed: configuration.training.seed)
  }

  public var model: any Module { scene }
  public var tasks: [String] { scene.tasks.names }
  public var batchesPerEpoch: Int { trainLoader.batchCount }

  public func batches(ofEpoch epoch: Int) -> () throws -> SceneBatch? {
    let batches = trainLoader.epoch(epoch)
    return { [self] in
      try batches.next().map { SceneBatch(images: $0, targets: try SceneTargets($0, of: data.train, scene.tasks, on: device)) }
    }
  }

  public func count(of batch: SceneBatch) -> Int { batch.images.count }

  public func forward(_ batch: SceneBatch) -> SharedForward {
    let outputs = scene(batch.images.images(on: device))
    return SharedForward(losses: scene.losses(of: outputs, batch.targets), shared: outputs.shared)
  }

  public func measure() throws -> [String: Double] {
    let evaluation = try scene.evaluation(of: data.validation, transform, on: device)
    latest = evaluation
    return evaluation.numbers
  }

  /// How right the trained model is; its weights may have changed since the last epoch was measured.
  public func finalEvaluation() throws -> SceneEvaluation { try scene.evaluation(of: data.validation, transform, on: device) }
}

extension Trainer where Problem == SceneProblem {
  /// A run on scenes; `model` has its first weights.
  public convenience init(
    _ model: SceneModel, _ configuration: SceneConfiguration, data: SceneDataset, run: RunFolder, on device: Device,
    isResumed: Bool = false
  ) throws {
    let options = configuration.training
    let problem = SceneProblem(model, configuration, data: data, on: device)
    var settings = TrainerSettings(epochs: options.epochs)
    (settings.clipNorm, settings.averaging) = (options.clipNorm, options.averaging)
    try self.init(
      problem, MultiTaskObjective(tasks: problem.tasks, balance: .losses(.equal), seed: options.seed, on: device),
      AdamW(options.recipe.parameterGroups(model, of: [model.backbone], options)),
      schedule: options.schedule(steps: options.epochs * problem.batchesPerEpoch), settings, configuration: configuration,
      fingerprint: data.fingerprint, dataPath: data.path, run: run, isResumed: isResumed)
  }
}
