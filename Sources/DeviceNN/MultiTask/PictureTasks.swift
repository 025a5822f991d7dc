public import Kernels

/// Several questions about pictures, as a `Trainer` trains them.
public final class PictureTasks: TrainingProblem {
  public let network: MultiHeadModel
  public let data: TaskDataset
  public let options: FineTuningOptions
  public let device: Device
  private let trainLoader: BatchLoader
  private let validationLoader: BatchLoader
  /// By task; only for classes, where rare ones count for more.
  private let classWeights: [Tensor?]
  /// What the model said last of the validation pictures.
  public private(set) var latest: [TaskEvaluation] = []

  public init(_ network: MultiHeadModel, _ configuration: MultiTaskConfiguration, data: TaskDataset, on device: Device) {
    (self.network, self.data, self.device) = (network, data, device)
    options = configuration.training
    validationLoader = BatchLoader(data.validation.source, transform: configuration.transform, batchSize: options.batchSize)
    trainLoader = BatchLoader(
      data.train.source, transform: options.trainingTransform(configuration.transform, networkSize: network.networks[0].imageSize),
      batchSize: options.batchSize, isShuffled: true, lastBatch: .dropSingle, seed: options.seed)
    classWeights = zip(data.tasks, data.train.targets).map { [balance = options.balance] task, targets in
      guard balance == .weights, case .classes(let names) = task.kind else { return nil }
      return Tensor(targets.classWeights(classes: names.count), shape: [names.count], on: device)
    }
  }

  public var model: any Module { network }
  public var tasks: [String] { data.tasks.map(\.name) }
  public var batchesPerEpoch: Int { trainLoader.batchCount }
  public func count(of batch: ImageBatch) -> Int { batch.count }

  public func batches(ofEpoch epoch: Int) -> () throws -> ImageBatch? {
    let batches = trainLoader.epoch(epoch)
    return { try batches.next() }
  }

  public func forward(_ batch: ImageBatch) -> SharedForward {
    let shared = network.shared(of: batch.images(on: device))
    return SharedForward(
      losses: data.tasks.indices.map { loss(of: $0, shared, batch) }, shared: network.hasCommonFeatures ? shared : [])
  }

  /// Tasks without a label in the batch compute nothing.
  private func loss(of task: Int, _ shared: [Tensor], _ batch: ImageBatch) -> Tensor? {
    let targets = data.train.targets(of: task, batch.indices)
    guard targets.presentCount > 0 else { return nil }
    return data.tasks[task].loss(
      of: network.outputs(of: shared, task: task), targets, labelSmoothing: options.labelSmoothing,
      classWeights: classWeights[task])
  }

  // MARK: Measuring

  /// For each task its loss and its metrics, and the sum of the losses.
  public func measure() throws -> [String: Double] {
    latest = try network.evaluation(
      of: data.validation, validationLoader, mirrored: options.testTimeAugmentation, on: device)
    return latest.numbers
  }

  public func explained(_ error: DeviceError, at batch: ImageBatch) -> any Error {
    DeviceNN.explained(error, of: batch, on: device) { few throws(DeviceError) in
      for loss in forward(few).losses { _ = try loss?.gradients(keepingHistory: true).norm.scalar() }
    }
  }
}

extension MultiHeadModel {
  /// Asks the model about pictures, in evaluation mode; each task's evaluation has those that have a label of it.
  ///
  /// - Parameters:
  ///   - loader: of the pictures' source, in its order.
  ///   - mirrored: answers are means over each picture and its mirror image; losses are not.
  public func evaluation(
    of pictures: LabelledPictures, _ loader: BatchLoader, mirrored: Bool = false, on device: Device
  ) throws -> [TaskEvaluation] {
    evaluate()
    var evaluations = tasks.map { TaskEvaluation(task: $0, loss: 0, predictions: []) }
    let batches = loader.epoch(0)
    while let batch = try batches.next() {
      try fitting(batch, on: device) { () throws(DeviceError) in
        try add(batch, pictures, mirrored, to: &evaluations, on: device)
      } retry: { few throws(DeviceError) in
        var ignored = evaluations
        try add(few, pictures, mirrored, to: &ignored, on: device)
      }
    }
    for i in evaluations.indices { evaluations[i].loss /= Double(evaluations[i].predictions.count) }
    return evaluations
  }

  /// Adds a batch's answers, and its losses times their labels.
  private func add(
    _ batch: ImageBatch, _ pictures: LabelledPictures, _ mirrored: Bool, to evaluations: inout [TaskEvaluation],
    on device: Device
  ) throws(DeviceError) {
    let outputs = withoutGradients { self(batch.images(on: device)) }
    let turned = mirrored ? withoutGradients { self(batch.images(on: device).flipped(axes: [2])) } : nil
    for (i, task) in tasks.enumerated() {
      let targets = pictures.targets(of: i, batch.indices)
      guard let loss = withoutGradients({ task.loss(of: outputs[i], targets) }) else { continue }
      let present = batch.indices.indices.filter { targets[$0].contains { !$0.isNaN } }
      evaluations[i].loss += Double(try loss.scalar()) * Double(present.count)
      let (rows, width) = (try outputs[i].scalars(), task.kind.outputWidth)
      let turnedRows = try turned?[i].scalars()
      for place in present {
        let range = place * width..<(place + 1) * width
        let answer = task.answer(rows[range])
        evaluations[i].predictions.append(
          .init(
            index: batch.indices[place], target: Array(targets[place]),
            answer: turnedRows.map { answer.mean(with: task.answer($0[range])) } ?? answer))
      }
    }
  }
}

extension [TaskEvaluation] {
  /// By names as `EpochNumbers` has them; a task without labels has none.
  var numbers: [String: Double] {
    var numbers: [String: Double] = [:]
    for evaluation in self where !evaluation.predictions.isEmpty {
      numbers["\(evaluation.task.name)/loss"] = evaluation.loss
      for metric in evaluation.metrics { numbers["\(evaluation.task.name)/\(metric.name)"] = metric.value }
      numbers["loss", default: 0] += evaluation.loss
    }
    return numbers
  }
}

extension TaskTargets {
  /// What each class's losses are multiplied with so that all classes count the same.
  fileprivate func classWeights(classes: Int) -> [Float] {
    var counts = Array(repeating: 0, count: classes)
    for value in values where !value.isNaN { counts[Int(value)] += 1 }
    let all = counts.reduce(0, +)
    return counts.map { $0 > 0 ? Float(all) / Float($0 * classes) : 0 }
  }
}

extension Trainer where Problem == PictureTasks {
  /// A run of several tasks on pictures; `model` has its first weights.
  public convenience init(
    _ model: MultiHeadModel, _ configuration: MultiTaskConfiguration, data: TaskDataset, run: RunFolder,
    on device: Device, isResumed: Bool = false
  ) throws {
    let options = configuration.training
    let problem = PictureTasks(model, configuration, data: data, on: device)
    let settings = TrainerSettings(options)
    try self.init(
      problem, configuration.objective(on: device), AdamW(options.recipe.parameterGroups(model, of: model.networks, options)),
      schedule: options.schedule(steps: settings.steps(batchesPerEpoch: problem.batchesPerEpoch)), settings, configuration: configuration,
      fingerprint: data.fingerprint, dataPath: data.path, run: run, isResumed: isResumed)
  }

  /// What the kept weights say of the validation pictures.
  public func finalEvaluations() throws -> [TaskEvaluation] {
    _ = try problem.measure()
    return problem.latest
  }
}
