import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct FinetuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Fine-tunes a network on folders of photos, one folder a class.",
    discussion: """
      DIR holds train/CLASS/* and val/CLASS/*, or CLASS/* alone, of which a fifth is set aside for validation. A CSV file \
      with the columns path and label (and split: train, val or test) or an .npz file of MedMNIST will do too. The run's \
      folder gets the model, its configuration, metrics.jsonl, a report to open in a browser, and a checkpoint from which \
      --resume goes on after the run was killed.
      """)

  @Option(help: ArgumentHelp("The folder of photos.", valueName: "dir")) var data: String?
  @Option(help: ArgumentHelp("The network, see 'devicenn models'. (default: that of the weights, or mobilenet_v2_035)", valueName: "name"))
  var backbone: String?
  @Option(help: ArgumentHelp("Pretrained weights: a file of PyTorch or safetensors, a folder of Hugging Face's layout or of a run, or a name that 'devicenn weights pull' got. (default: what was pulled for the backbone, or the built-in ones)", valueName: "weights"))
  var weights: String?
  @Flag(help: "Start from random weights.") var fromScratch = false
  @OptionGroup var training: TrainingOptions
  @OptionGroup var runOptions: RunOptions
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if !runOptions.resume && data == nil { throw ValidationError("--data is missing: a folder with one folder of photos a class.") }
    if weights != nil && fromScratch { throw ValidationError("--weights and --from-scratch exclude each other.") }
    if let recipe = training.recipe?.recipe, let option = training.unheeded(by: recipe).first {
      throw ValidationError("\(option) has no effect with --recipe \(recipe.rawValue).")
    }
    if fromScratch, let recipe = training.recipe, recipe == .head || recipe == .lora {
      throw ValidationError("--recipe \(recipe.rawValue) freezes the network, and --from-scratch leaves it random: take --recipe full.")
    }
    if fromScratch, training.headWarmUp != nil { throw ValidationError("--head-warm-up has no effect with --from-scratch: there are no features yet.") }
  }

  func run() throws {
    let progress = ProgressBar()
    defer { progress.clear() }
    let folder = runOptions.folder(data: data)
    let signals = progress.sayHowToGoOn(with: folder, command: "finetune", on: device)
    defer { signals.forEach { $0.cancel() } }
    if !runOptions.resume { try folder.requireFree() }
    let device = try runOptions.resume ? device.open(for: folder) : device.open()
    var (configuration, pretrained) = runOptions.resume ? (try resumedConfiguration(folder), nil) : try newConfiguration()
    let options = configuration.training
    let data = try ImageDataset(
      path: configuration.data, skippingBad: options.skipsBadImages, parts: [.train, .validation], seed: options.seed,
      fewShot: options.fewShot, labelColumn: options.labelColumn)
    if data.isHeldOut, folder.lies(within: data.path) {
      throw FileError.unwritable(path: folder.path, reason: "it would lie among the folders of classes; name another place with --out")
    }
    data.remarks.forEach { progress.print($0) }
    guard data.classes == configuration.classes else { throw ModelError.otherData(path: folder.path, data: data.path) }
    let (model, notes) =
      try pretrained?.makeModel(configuration, on: device)
      ?? (configuration.architecture.makeModel(configuration.options, on: device), [])
    // Everybody's classes are other than those of the built-in weights.
    if weights != nil { notes.forEach { progress.print("\($0)") } }
    if !runOptions.resume { try chooseRecipe(&configuration, model, data, device) }
    progress.print(
      "\(configuration.architecture.name) (\(configuration.weights)) on \(device.description.name): \(data.train.count) training and "
        + "\(data.validation.count) validation photos\(data.isHeldOut ? ", set aside here," : "") of \(data.classes.count) classes; "
        + "recipe \(configuration.training.recipe.rawValue)" + (configuration.reason.isEmpty ? "" : ": \(configuration.reason)"))
    if training.recipe?.recipe == nil {
      for option in training.unheeded(by: configuration.training.recipe) {
        progress.print("\(option) has no effect with recipe \(configuration.training.recipe.rawValue); --recipe chooses another")
      }
    }
    let tuner = try FineTuner(model, configuration, data: data, run: folder, on: device, isResumed: runOptions.resume)
    let evaluation = try tuner.train(onProgress: progress.update) { metrics in
      progress.finish(metrics, of: tuner.options.epochs)
      if runOptions.json { try say(metrics.jsonLine) }
    }
    try RunReport(tuner, evaluation).write()
    if runOptions.json {
      try say(
        jsonObject([
          ("run", .text(folder.path)), ("validationAccuracy", .number(evaluation.accuracy)),
          ("validationLoss", .number(evaluation.loss)), ("epochs", .number(Double(try tuner.epochs.count))),
          ("keptEpoch", try tuner.bestEpoch.map { .number(Double($0)) } ?? .null), ("seconds", .number(tuner.seconds)),
        ]))
    } else {
      let (done, planned) = (try tuner.epochs.count, tuner.options.epochs)
      try say(
        "validation accuracy \(percent(evaluation.accuracy)) after \(done) epoch\(done == 1 ? "" : "s")"
          + (done < planned && tuner.options.patience != nil ? " of \(planned), stopped early with the best weights" : "") + "; \(folder.reportPath)")
    }
  }

  private func newConfiguration() throws -> (ModelConfiguration, PretrainedModel?) {
    // The folder is listed first: a wrong path should not wait for weights. It is read whole a moment later.
    let classes = try ImageDataset.classes(of: data!, labelColumn: training.labelColumn)
    let pretrained = fromScratch ? nil : try PretrainedModel(weights: weights, backbone: backbone)
    var options = training.applied(to: FineTuningOptions())
    options.fromScratch = fromScratch
    options.skipsBadImages = runOptions.skipBadImages
    var configuration =
      try pretrained?.configuration(classes: classes, training: options, data: data!)
      ?? ModelConfiguration(
        architecture: Backbone(named: backbone ?? PretrainedWeights.backboneName), classes: classes, training: options,
        data: data!, weights: "from scratch")
    configuration.command = typedCommand
    return (configuration, pretrained)
  }

  /// The recipe that was asked for, or the one that suits the data, with a rate that suits it too.
  private func chooseRecipe(
    _ configuration: inout ModelConfiguration, _ model: any ImageClassifier, _ data: ImageDataset, _ device: Device
  ) throws {
    if let chosen = training.recipe?.recipe {
      configuration.take(chosen, for: model, data)
    } else {
      configuration.chooseRecipe(for: model, data)
    }
    configuration.training = training.applied(to: configuration.training)
    if training.recipe?.recipe == nil, training.learningRate == nil { try configuration.chooseRate(for: model, data, on: device) }
  }

  /// What was given again must be what the run was started with.
  private func resumedConfiguration(_ folder: RunFolder) throws -> ModelConfiguration {
    var configuration = try folder.configuration()
    let stored = configuration.training
    var options: [(option: String, stored: String, given: String?)] = [
      ("--backbone", configuration.architecture.name, backbone), ("--weights", configuration.weights, weights),
      ("--from-scratch", "\(stored.fromScratch)", fromScratch ? "true" : nil),
      ("--skip-bad-images", "\(stored.skipsBadImages)", runOptions.skipBadImages ? "true" : nil),
    ]
    if let (option, stored, given) = training.difference(from: stored) { options.append((option, stored, given)) }
    try folder.refuseOthers(than: options)
    // The photos may have moved; that they are the same is checked by their names.
    if let data { configuration.data = data }
    return configuration
  }
}

extension ImageDataset {
  /// What is odd about it, and stops no training.
  fileprivate var remarks: [String] {
    var lines: [String] = []
    if !ignored.isEmpty { lines.append("no pictures by their names, and ignored: \(ignored.listed())") }
    lines += skipped.map { "skipped \($0.error)" }
    if !skipped.isEmpty { lines.append(skipped.count == 1 ? "1 photo was skipped" : "\(skipped.count) photos were skipped") }
    if let testFault { lines.append("the test part is left out: \(testFault)") }
    for names in lookalikes {
      lines.append("classes of their own, by their spelling: \(names.map { "'\($0)'" }.joined(separator: ", "))")
    }
    if validation.count > 0, !unmeasuredClasses.isEmpty {
      lines.append("classes without a validation photo: \(unmeasuredClasses.listed())")
    }
    return lines
  }
}

/// The time in a run's name.
func runTime() -> String {
  let formatter = DateFormatter()
  formatter.locale = Locale(identifier: "en_US_POSIX")
  formatter.dateFormat = "yyyyMMdd-HHmmss"
  return formatter.string(from: Date())
}

func percent(_ fraction: Double) -> String { String(format: "%.1f %%", fraction * 100) }
