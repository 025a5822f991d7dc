import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct FinetuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Fine-tunes a network on folders of photos, one folder a class.",
    discussion: """
      DIR holds train/CLASS/* and val/CLASS/*, or CLASS/* alone, of which a fifth is set aside for validation. The run's \
      folder gets the model, its configuration, metrics.jsonl, a report to open in a browser, and a checkpoint from which \
      --resume goes on after the run was killed.
      """)

  @Option(help: ArgumentHelp("The folder of photos.", valueName: "dir")) var data: String?
  @Option(help: ArgumentHelp("The network: mobilenet_v2_035 is MobileNetV2 at 0.35 of its width. (default: mobilenet_v2_035)", valueName: "name"))
  var backbone: String?
  @Option(help: ArgumentHelp("Pretrained weights, a safetensors file with torchvision's or Keras' names. (default: the built-in ones)", valueName: "file"))
  var weights: String?
  @Option(help: "Passes over the training photos. (default: 8)") var epochs: Int?
  @Option(help: "Photos a step. (default: 32)") var batchSize: Int?
  @Option(help: "The peak of the one-cycle schedule; the backbone learns at a third of it, the head at three times. (default: 0.001)")
  var learningRate: Float?
  @Option(help: "Photos are shown as squares of so many pixels. (default: 224)") var imageSize: Int?
  @Flag(help: "Start from random weights.") var fromScratch = false
  @Flag(help: "Train the head alone.") var freezeBackbone = false
  @Option(help: "Decides everything that is random. (default: 0)") var seed: UInt64?
  @Option(help: ArgumentHelp("The run's folder. (default: runs/DATA-TIME)", valueName: "run")) var out: String?
  @Flag(help: "Continue the run in --out, with the options that it was started with.") var resume = false
  @Flag(help: "Leave out photos that can't be read, and say which.") var skipBadImages = false
  @Flag(help: "Print JSON lines: one an epoch, then the result.") var json = false
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if resume && out == nil { throw ValidationError("--resume needs --out: the folder of the run to go on with.") }
    if !resume && data == nil { throw ValidationError("--data is missing: a folder with one folder of photos a class.") }
    if out == "" { throw ValidationError("--out is empty: the run's folder is missing.") }
    if weights != nil && fromScratch { throw ValidationError("--weights and --from-scratch exclude each other.") }
    for (name, value) in [("--epochs", epochs), ("--batch-size", batchSize)] {
      if let value, value < 1 { throw ValidationError("\(name) \(value) is not a positive number.") }
    }
    if let imageSize, !(32...1024).contains(imageSize) { throw ValidationError("--image-size \(imageSize) is not in 32 … 1024.") }
    if batchSize == 1, let imageSize, imageSize <= 32, !freezeBackbone {
      throw ValidationError("--batch-size 1 at --image-size \(imageSize) leaves batch normalisation a single number: take 2 or more photos.")
    }
    if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
      throw ValidationError("--learning-rate \(learningRate) is not a positive number.")
    }
  }

  func run() throws {
    let progress = ProgressBar()
    defer { progress.clear() }
    let folder = RunFolder(out ?? defaultRun())
    let resumption = "devicenn finetune --resume --out \(quoted(folder.path))" + (device.name.map { " --device \(quoted($0))" } ?? "")
    let signals = whenInterrupted { end in
      progress.print(folder.isRun ? "interrupted; to go on: \(resumption)" : "interrupted", then: end)
    }
    defer { signals.forEach { $0.cancel() } }
    if !resume && folder.isRun { throw ModelError.alreadyARun(path: folder.path) }
    let device = try device.open()
    let (model, configuration) = resume ? try resumedModel(folder, device) : try newModel(device)
    let data = try ImageDataset(path: configuration.data, skippingBad: configuration.training.skipsBadImages, seed: configuration.training.seed)
    for bad in data.skipped { progress.print("skipped \(bad.error)") }
    if !data.skipped.isEmpty { progress.print(data.skipped.count == 1 ? "1 photo was skipped" : "\(data.skipped.count) photos were skipped") }
    guard data.classes == configuration.classes else { throw ModelError.otherData(path: folder.path, data: data.path) }
    progress.print(
      "\(configuration.architecture.name) (\(configuration.weights)) on \(device.description.name): \(data.train.count) training and "
        + "\(data.validation.count) validation photos of \(data.classes.count) classes")
    let tuner = try FineTuner(model, configuration, data: data, run: folder, on: device, isResumed: resume)
    let evaluation = try tuner.train(onProgress: progress.update) { metrics in
      progress.finish(metrics, of: tuner.options.epochs)
      if json { try say(metrics.jsonLine) }
    }
    try RunReport(tuner, configuration, evaluation).write()
    if json {
      try say(
        jsonObject([
          ("run", .text(folder.path)), ("validationAccuracy", .number(evaluation.accuracy)),
          ("validationLoss", .number(evaluation.loss)), ("seconds", .number(tuner.seconds)),
        ]))
    } else {
      try say("validation accuracy \(percent(evaluation.accuracy)) after \(tuner.options.epochs) epoch\(tuner.options.epochs == 1 ? "" : "s"); \(folder.reportPath)")
    }
  }

  private func newModel(_ device: Device) throws -> (any ImageClassifier, ModelConfiguration) {
    var options = FineTuningOptions()
    if let epochs { options.epochs = epochs }
    if let batchSize { options.batchSize = batchSize }
    if let learningRate { options.learningRate = learningRate }
    if let imageSize { options.imageSize = imageSize }
    if let seed { options.seed = seed }
    options.fromScratch = fromScratch
    options.freezesBackbone = freezeBackbone
    options.skipsBadImages = skipBadImages
    // The folder is listed first: a wrong path should not wait for weights. It is read whole a moment later.
    let classes = try ImageDataset.classes(of: data!)
    var architecture = try Backbone(named: backbone ?? "mobilenet_v2_035")
    let file = fromScratch ? nil : try weights.map { try SafetensorsFile(path: $0) } ?? PretrainedWeights.file(for: architecture)
    if let file { architecture = architecture.matching(file) }
    var configuration = ModelConfiguration(
      architecture: architecture, classes: classes, training: options, data: data!,
      weights: fromScratch ? "from scratch" : weights ?? PretrainedWeights.name)
    configuration.command = typedCommand
    let model = architecture.makeModel(configuration.options, on: device)
    if let file {
      let notes = try model.load(file, by: architecture.publisher, replacesHead: true)
      // Everybody's classes are other than those of the built-in weights.
      if weights != nil { notes.forEach { complain("\($0)") } }
    }
    return (model, configuration)
  }

  /// What was given again must be what the run was started with.
  private func resumedModel(_ folder: RunFolder, _ device: Device) throws -> (any ImageClassifier, ModelConfiguration) {
    var configuration = try folder.configuration()
    let training = configuration.training
    let given: [(String, String?, String)] = [
      ("--backbone", backbone, configuration.architecture.name), ("--weights", weights, configuration.weights),
      ("--epochs", epochs.map(String.init), "\(training.epochs)"),
      ("--batch-size", batchSize.map(String.init), "\(training.batchSize)"),
      ("--learning-rate", learningRate.map { "\($0)" }, "\(training.learningRate)"),
      ("--image-size", imageSize.map(String.init), "\(training.imageSize)"), ("--seed", seed.map(String.init), "\(training.seed)"),
      ("--from-scratch", fromScratch ? "true" : nil, "\(training.fromScratch)"),
      ("--freeze-backbone", freezeBackbone ? "true" : nil, "\(training.freezesBackbone)"),
      ("--skip-bad-images", skipBadImages ? "true" : nil, "\(training.skipsBadImages)"),
    ]
    for (option, value, stored) in given {
      if let value, value != stored { throw ModelError.otherOption(path: folder.path, option: option, stored: stored, given: value) }
    }
    // The photos may have moved; that they are the same is checked by their names.
    if let data { configuration.data = data }
    let model = configuration.architecture.makeModel(configuration.options, on: device)
    return (model, configuration)
  }

  private func defaultRun() -> String {
    let name = URL(fileURLWithPath: data ?? "run").lastPathComponent
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "yyyyMMdd-HHmmss"
    return "runs/\(name)-\(formatter.string(from: Date()))"
  }
}

func percent(_ fraction: Double) -> String { String(format: "%.1f %%", fraction * 100) }
