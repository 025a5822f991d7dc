import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct RateFinderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lr-find",
    abstract: "Suggests a learning rate: trains with a rate that rises from step to step, and draws the loss.",
    discussion: """
      Photos are shown as finetune would show them while it trains by the same recipe. finetune --recipe auto looks at a shorter \
      sweep, and keeps its usual rate where that is less than three times off.
      """)

  @Option(help: ArgumentHelp("The folder of photos.", valueName: "dir")) var data: String
  @Option(help: ArgumentHelp("The network, see 'devicenn models'.", valueName: "name")) var backbone: String?
  @Option(help: ArgumentHelp("Pretrained weights, as finetune takes them.", valueName: "weights")) var weights: String?
  @OptionGroup var training: TrainingOptions
  @Option(help: "Steps, each with one batch.") var steps = 100
  @Option(help: "The first rate.") var from: Float = 1e-6
  @Option(help: "The last rate.") var to: Float = 1
  @Option(help: ArgumentHelp("Where the curve is drawn.", valueName: "file")) var out = "lr-find.svg"
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if !(3...100_000).contains(steps) { throw ValidationError("--steps \(steps) is not in 3 … 100000.") }
    if !(from > 0 && to > from && to.isFinite) { throw ValidationError("--from \(from) and --to \(to) are no rising rates.") }
  }

  func run() throws {
    try AtomicFile.makeFolder(around: out)
    let progress = ProgressBar()
    defer { progress.clear() }
    let device = try device.open()
    let pretrained = try PretrainedModel(weights: weights, backbone: backbone)
    let given = training.applied(to: FineTuningOptions())
    let data = try ImageDataset(
      path: data, parts: [.train, .validation], seed: given.seed, fewShot: given.fewShot, labelColumn: given.labelColumn)
    var configuration = pretrained.configuration(classes: data.classes, training: given, data: data.path)
    let (model, _) = try pretrained.makeModel(configuration, on: device)
    configuration.take(training.recipe?.recipe ?? .full, for: model, data)
    configuration.training = training.applied(to: configuration.training)
    let options = configuration.training
    let idle = training.unheeded(by: options.recipe, inSweep: true)
    if !idle.isEmpty { progress.print("a sweep by recipe \(options.recipe.rawValue) does not heed \(idle.joined(separator: ", "))") }
    let sweep = try FineTuner.sweep(
      model, options, data: data, transform: options.trainingTransform(configuration.transform, networkSize: model.imageSize),
      rates: from...to, steps: steps,
      batchSize: min(options.batchSize, data.train.count), on: device
    ) { step, _, loss in
      progress.update(TrainingProgress(epoch: 1, epochs: 1, batch: step + 1, batches: steps, loss: loss))
    }
    try AtomicFile.write(sweep.svg, to: out)
    let suggestion = sweep.suggestion
    if json {
      let rates = sweep.rates.map { JSONValue.number(Double($0)) }
      let losses = sweep.losses.map { JSONValue.number($0) }
      let best = suggestion.map { JSONValue.number(Double($0)) } ?? .null
      try say(jsonObject([("suggestion", best), ("rates", .list(rates)), ("losses", .list(losses))]))
    } else {
      try say(suggestion.map { "--learning-rate \(String(format: "%.2g", $0))" } ?? "the loss never falls: no rate is suggested")
      if sweep.isStillFalling { try say("the loss still falls at the last rate: a larger --to may show a better one") }
      try say("the curve: \(out)")
    }
  }
}
