public import ArgumentParser
public import DeviceNN
import Foundation
import Kernels

struct MultitaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "multitask", abstract: "Trains one network that answers several questions about each photo.",
    discussion: "devicenn multitask --data FILE.csv is devicenn multitask train; its options: devicenn help multitask train.",
    subcommands: [MultitaskTrainCommand.self, MultitaskDemoCommand.self], defaultSubcommand: MultitaskTrainCommand.self)
}

struct MultitaskTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains one network that answers several questions about each photo.",
    discussion: """
      FILE.csv has the column path, relative to its folder, a column for each task, and perhaps split (train, val or \
      test); an empty cell is a label that nobody knows. Kinds of tasks: classes, labels (several, with semicolons \
      between them), regression, uncertain (regression that tells its deviation), ordinal (classes in an order, \
      size:ordinal:small,medium,large), counts. Without --task all columns are tasks, and kinds are guessed. A folder \
      of photos that are named as UTKFace's (age_gender_race_date.jpg) will do too.
      """)

  @Option(help: ArgumentHelp("The list of photos and labels, or a folder of UTKFace's.", valueName: "file.csv")) var data: String?
  @Option(help: ArgumentHelp("A column to learn, and what kind of answer it wants; may be given several times. (default: all)", valueName: "column[:kind]"))
  var task: [String] = []
  @Option(help: ArgumentHelp("How the tasks are balanced: \(TaskBalance.names.joined(separator: ", ")). (default: equal, or static with --task-weights)", valueName: "method"))
  var weighting: String?
  @Option(help: ArgumentHelp("A number for each task, with commas between them, by which its loss is multiplied, for static and for aggregators of gradients. (default: 1 each)", valueName: "numbers"))
  var taskWeights: String?
  @Option(help: "What tasks have in common: hard (one backbone), last-stage (but for its last stage), cross-stitch (a backbone each, mixed), attention (masks for each task), experts (mixed by gates). (default: hard)")
  var sharing: Sharing?
  @Flag(help: "Also train each task alone for as long, and report what sharing brought and cost.") var baseline = false
  @Option(help: ArgumentHelp("The network, see 'devicenn models'. (default: that of the weights, or mobilenet_v2_035)", valueName: "name"))
  var backbone: String?
  @Option(help: ArgumentHelp("Pretrained weights, as finetune takes them. (default: what was pulled for the backbone, or the built-in ones)", valueName: "weights"))
  var weights: String?
  @Flag(help: "Start from random weights.") var fromScratch = false
  @OptionGroup var training: TrainingOptions
  @OptionGroup var runOptions: RunOptions
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if !runOptions.resume && data == nil { throw ValidationError("--data is missing: a CSV file of photos and labels.") }
    if weights != nil && fromScratch { throw ValidationError("--weights and --from-scratch exclude each other.") }
    if let bad = task.first(where: { TaskRequest($0) == nil }) {
      throw ValidationError(
        "--task '\(bad)' is no COLUMN, COLUMN:KIND or COLUMN:ordinal:LOW,…,HIGH; kinds are "
          + TaskRequest.Kind.allCases.map(\.rawValue).joined(separator: ", ") + ".")
    }
    if let weighting, TaskBalance(name: weighting) == nil {
      throw ValidationError("--weighting '\(weighting)' is none of \(TaskBalance.names.joined(separator: ", ")).")
    }
    if let weighting, weighting == "static", taskWeights == nil, !runOptions.resume { throw ValidationError("--weighting static needs --task-weights.") }
    if taskWeights != nil, numbers == nil { throw ValidationError("--task-weights '\(taskWeights!)' are no positive numbers with commas between them.") }
    if taskWeights != nil, let weighting, case .losses(let kind) = TaskBalance(name: weighting), kind != .static {
      throw ValidationError("--task-weights is for --weighting static and for aggregators of gradients; \(weighting) does not heed them.")
    }
    if let sharing, sharing == .crossStitch, let weighting, case .gradients = TaskBalance(name: weighting) {
      throw ValidationError("--weighting \(weighting) compares gradients where tasks have something in common, and with --sharing cross-stitch nothing is.")
    }
    let unfit = [
      ("--mixup", training.mixup != nil), ("--cutmix", training.cutmix != nil), ("--few-shot", training.fewShot != nil),
      ("--label-column", training.labelColumn != nil), ("--head-warm-up", training.headWarmUp != nil),
      ("--views", training.views != nil), ("--recipe gradual", training.recipe == .gradual),
      ("--balance sampling", training.balance == .sampling),
    ]
    if let option = unfit.first(where: \.1)?.0 { throw ValidationError("\(option) is for one question with classes; several tasks can't be trained with it.") }
    // A run that goes on may have a recipe of its own.
    if let recipe = training.recipe?.recipe ?? (runOptions.resume ? nil : .full),
      let option = training.unheeded(by: recipe, onStoredFeatures: false).first {
      throw ValidationError("\(option) has no effect with --recipe \(recipe.rawValue).")
    }
  }

  private var numbers: [Double]? {
    guard let taskWeights else { return nil }
    let numbers = taskWeights.split(separator: ",").compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }.filter { $0 > 0 && $0.isFinite }
    return numbers.count == taskWeights.split(separator: ",", omittingEmptySubsequences: false).count ? numbers : nil
  }

  func run() throws { _ = try train() }

  /// - Returns: the comparison with models of one task, if it was asked for.
  func train() throws -> TaskComparison? {
    let progress = ProgressBar()
    defer { progress.clear() }
    let folder = runOptions.folder(data: data)
    let signals = progress.sayHowToGoOn(
      with: folder, command: "multitask", on: device, options: baseline ? " --baseline" : "")
    defer { signals.forEach { $0.cancel() } }
    if !runOptions.resume { try folder.requireFree() }
    let device = try runOptions.resume ? device.open(for: folder) : device.open()
    let stored = runOptions.resume ? try resumedConfiguration(folder) : nil
    let options = stored?.training
    let data = try TaskDataset(
      path: stored?.data ?? data!, requests: stored?.tasks.map(TaskRequest.init) ?? task.compactMap { TaskRequest($0) },
      skippingBad: options?.skipsBadImages ?? runOptions.skipBadImages, parts: [.train, .validation], seed: options?.seed ?? training.seed ?? 0)
    for bad in data.skipped { progress.print("skipped \(bad.error)") }
    if let stored, stored.tasks != data.tasks { throw ModelError.otherData(path: folder.path, data: data.path) }
    let weights = fromScratch || stored != nil ? nil : try PretrainedModel(weights: self.weights, backbone: backbone)
    let configuration = try stored ?? newConfiguration(data, weights)
    progress.print(
      "\(configuration.architecture.name) (\(configuration.weights)) on \(device.description.name): \(data.train.count) training and "
        + "\(data.validation.count) validation photos; recipe \(configuration.training.recipe.rawValue), sharing \(configuration.sharing.rawValue), weighting \(configuration.weighting)")
    for (task, targets) in zip(data.tasks, data.train.targets) { progress.print("task \(description(of: task, targets))") }
    let comparesAlone = baseline || configuration.baseline == true
    let trainer = MultitaskTraining(device: device, progress: progress, isJSON: runOptions.json)
    let together = try trainer.train(configuration, weights, data, folder, isResumed: runOptions.resume)
    let comparison = comparesAlone ? try compare(trainer, together, configuration, weights, data, folder) : nil
    try TaskReport(
      configuration, data: data, device: device.description.name, epochs: together.epochs, bestEpoch: together.bestEpoch,
      evaluations: together.evaluations, cost: together.cost, comparison: comparison
    ).write(to: folder)
    try printResult(together, comparison, folder)
    return comparison
  }

  /// Each task alone, with the same budget.
  private func compare(
    _ trainer: MultitaskTraining, _ together: TrainedTasks, _ configuration: MultiTaskConfiguration,
    _ weights: PretrainedModel?, _ data: TaskDataset, _ folder: RunFolder
  ) throws -> TaskComparison {
    // A run that goes on has its weights; models of one task begin with those that it began with.
    let isBuiltIn = configuration.weights == PretrainedWeights.name
    let weights = try weights ?? (configuration.training.fromScratch ? nil
      : PretrainedModel(weights: isBuiltIn ? nil : configuration.weights, backbone: configuration.architecture.name))
    let alone = try data.tasks.indices.map { task in
      let only = data.selecting(task: task)
      trainer.progress.print("alone: \(data.tasks[task].name)")
      var single = configuration
      (single.tasks, single.sharing, single.weighting, single.taskWeights) = (only.tasks, .hard, "equal", nil)
      single.baseline = nil
      let run = RunFolder("\(folder.path)/alone/\(task + 1)-\(fileName(data.tasks[task].name))")
      let trained = try trainer.train(single, weights, only, run, isResumed: run.isRun, alone: data.tasks[task].name)
      return (evaluation: trained.evaluations[0], cost: trained.cost)
    }
    return TaskComparison(together: together.evaluations, together.cost, alone: alone)
  }

  private func printResult(_ result: TrainedTasks, _ comparison: TaskComparison?, _ folder: RunFolder) throws {
    if runOptions.json {
      try say(
        jsonObject(
          [("run", .text(folder.path)), ("tasks", .object(result.evaluations.map(\.json))), ("seconds", .number(result.cost.seconds))]
            + (comparison?.json ?? [])))
    } else {
      try result.evaluations.forEach { try say($0.line) }
      if let comparison { try say("\n" + comparison.text) }
      try say("the report: \(folder.reportPath)")
    }
  }

  private func newConfiguration(_ data: TaskDataset, _ weights: PretrainedModel?) throws -> MultiTaskConfiguration {
    var options = FineTuningOptions()
    if let size = training.imageSize { options.imageSize = size }
    (options.fromScratch, options.skipsBadImages) = (fromScratch, runOptions.skipBadImages)
    options.recipe = training.recipe?.recipe ?? .full
    options.takeDefaults(of: options.recipe == .head ? .full : options.recipe, pictures: data.train.count)
    if let numbers, numbers.count != data.tasks.count {
      throw ValidationError("--task-weights has \(numbers.count) numbers for \(data.tasks.count) tasks.")
    }
    var configuration = MultiTaskConfiguration(
      architecture: try weights?.backbone ?? Backbone(named: backbone ?? PretrainedWeights.backboneName), tasks: data.tasks,
      sharing: sharing ?? .hard, weighting: weighting.flatMap(TaskBalance.init) ?? .losses(numbers == nil ? .equal : .static), taskWeights: numbers,
      normalization: weights?.normalization, training: training.applied(to: options), data: self.data!,
      weights: weights?.name ?? "from scratch")
    if configuration.sharing == .attention, !configuration.architecture.makesMaps(imageSize: configuration.training.imageSize) {
      throw ValidationError("--sharing attention masks maps, and \(configuration.architecture.name) makes none; experts or last-stage will do.")
    }
    configuration.command = typedCommand
    configuration.baseline = baseline
    return configuration
  }

  /// What was given again must be what the run was started with.
  private func resumedConfiguration(_ folder: RunFolder) throws -> MultiTaskConfiguration {
    var configuration = try folder.multiTaskConfiguration()
    let stored = configuration.training
    var options: [(option: String, stored: String, given: String?)] = [
      ("--backbone", configuration.architecture.name, backbone), ("--weighting", configuration.weighting, weighting),
      ("--sharing", configuration.sharing.rawValue, sharing?.rawValue), ("--weights", configuration.weights, weights),
      ("--task-weights", configuration.taskWeights.map(Self.text) ?? "1 each", numbers.map(Self.text)),
      ("--task", configuration.tasks.map(\.name).joined(separator: " "), otherTasks(configuration)),
      ("--from-scratch", "\(stored.fromScratch)", fromScratch ? "true" : nil),
      ("--skip-bad-images", "\(stored.skipsBadImages)", runOptions.skipBadImages ? "true" : nil),
    ]
    if let (option, stored, given) = training.difference(from: stored) { options.append((option, stored, given)) }
    try folder.refuseOthers(than: options)
    // The photos may have moved; that they are the same is checked by their names.
    if let data { configuration.data = data }
    return configuration
  }

  private static func text(_ numbers: [Double]) -> String { numbers.map { "\($0)" }.joined(separator: ",") }

  /// The tasks that were asked for, where they are not the run's.
  private func otherTasks(_ configuration: MultiTaskConfiguration) -> String? {
    let given = task.compactMap { TaskRequest($0) }
    let isSame = given.count == configuration.tasks.count && zip(given, configuration.tasks).allSatisfy { given, task in
      let stored = TaskRequest(task)
      return given.column == stored.column && [nil, stored.kind].contains(given.kind) && [nil, stored.levels].contains(given.levels)
    }
    return given.isEmpty || isSame ? nil : task.joined(separator: " ")
  }

  private func description(of task: LearningTask, _ targets: TaskTargets) -> String {
    let details =
      switch task.kind {
      case .classes(let names), .multiLabel(let names), .ordinal(let names):
        " of " + (names.count > 8 ? "\(names.count)" : names.joined(separator: ", "))
      case .regression(let mean, let deviation, _):
        ", " + zip(mean, deviation).map { String(format: "%.3g ± %.3g", $0, $1) }.joined(separator: "; ")
      case .counts(let mean): String(format: ", %.3g on average", mean)
      }
    let missing = targets.count - targets.presentCount
    return "\(task.name): \(task.kind.name)\(details)"
      + (missing > 0 ? "; \(missing) of \(targets.count) training photos have no label" : "")
  }

}

extension Sharing: ExpressibleByArgument {}

extension TaskEvaluation {
  /// Its metrics, for people.
  var line: String {
    let labels = predictions.isEmpty ? " (no photo has a label of it)" : ""
    return "\(task.name): " + metrics.map { "\($0.title) \($0.text)" }.joined(separator: ", ") + labels
  }

  /// Its name and metrics, for programs.
  var json: (String, JSONValue) { (task.name, .object(metrics.map { ($0.name, .number($0.value)) })) }
}

/// A task's name as a part of a path.
private func fileName(_ name: String) -> String {
  String(name.prefix(60).map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "-" })
}

/// What came of a training.
struct TrainedTasks {
  var evaluations: [TaskEvaluation]
  var epochs: [EpochNumbers]
  var bestEpoch: Int?
  var cost: TaskComparison.Cost
}

/// Trains models of tasks one after the other, with the same progress bar.
struct MultitaskTraining {
  let device: Device
  let progress: ProgressBar
  let isJSON: Bool

  func train(
    _ configuration: MultiTaskConfiguration, _ weights: PretrainedModel?, _ data: TaskDataset, _ folder: RunFolder,
    isResumed: Bool, alone: String? = nil
  ) throws -> TrainedTasks {
    device.releaseIdleMemory()
    device.resetPeakMemory()
    let model = configuration.makeModel(on: device)
    if let weights, !isResumed { for note in try model.load(weights) { progress.print("\(note)") } }
    let trainer = try Trainer(model, configuration, data: data, run: folder, on: device, isResumed: isResumed)
    try trainer.train(onProgress: progress.update) { epoch in
      progress.print(epoch.line(data.tasks, epochs: configuration.training.epochs))
      guard isJSON else { return }
      try say(alone.map { "{\"alone\":\(JSONValue.text($0).text)," + epoch.jsonLine.dropFirst() } ?? epoch.jsonLine)
    }
    let evaluations = try trainer.finalEvaluations()
    return TrainedTasks(
      evaluations: evaluations, epochs: try trainer.epochs,
      bestEpoch: configuration.training.patience == nil ? nil : try trainer.bestEpoch,
      cost: .init(
        seconds: trainer.seconds, parameters: model.parameterCount, memory: isResumed ? 0 : device.memoryUse.peak))
  }
}
