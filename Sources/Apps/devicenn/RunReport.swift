import DeviceNN
import Foundation
import Kernels

/// Makes report.html of a run that is done.
struct RunReport {
  private let tuner: FineTuner
  private let evaluation: Evaluation
  private var configuration: ModelConfiguration { tuner.configuration }

  init(_ tuner: FineTuner, _ evaluation: Evaluation) {
    self.tuner = tuner
    self.evaluation = evaluation
  }

  /// Writes the page, and its numbers for programs beside it.
  func write() throws {
    let report = try report()
    try AtomicFile.write(report.html(), to: tuner.run.reportPath)
    try AtomicFile.write(report.json, to: tuner.run.numbersPath)
  }

  private func report() throws -> Report {
    let options = tuner.options
    return Report(
      title: URL(fileURLWithPath: configuration.data).lastPathComponent, command: configuration.command,
      device: tuner.device.description.name, backbone: "\(configuration.architecture.name), \(configuration.weights)",
      date: Date().formatted(.iso8601.year().month().day().dateSeparator(.dash)),
      trainImages: tuner.data.train.count, validationImages: tuner.data.validation.count, seconds: tuner.seconds,
      epochs: try tuner.epochs, bestEpoch: options.patience == nil ? nil : try tuner.bestEpoch,
      confusion: evaluation.confusion(classes: configuration.classes),
      loss: evaluation.loss, mistakes: try evaluation.mistakes.prefix(12).map(mistake),
      reliability: configuration.calibration.map { Reliability(evaluation, $0) }, rocCurve: evaluation.rocCurve,
      training: .init(
        recipe: options.recipe.rawValue, explanation: explanation, reason: configuration.reason,
        trainedParameters: tuner.trainedCount, parameters: tuner.model.parameterCount),
      phases: RunPhase.allCases.compactMap { phase in
        tuner.phases[phase].map { Report.Phase(name(of: phase), seconds: $0) }
      },
      details: [
        .init("answers", views), .init("image size", "\(options.imageSize)"), .init("batch size", "\(options.batchSize)"),
        .init("learning rate", "\(options.learningRate)"), .init("weight decay", "\(options.weightDecay)"),
        .init("label smoothing", "\(options.labelSmoothing)"), .init("augmentation", options.augmentation.rawValue),
        .init("seed", "\(options.seed)"), .init("photos skipped", "\(tuner.data.skipped.count)"),
      ] + furtherOptions.map { .init($0.name, $0.value) })
  }

  /// What was chosen besides, and is not what it is by default.
  private var furtherOptions: [(name: String, value: String)] {
    let names = ["--accumulate", "--average", "--balance", "--clip-norm", "--cutmix", "--few-shot", "--head-warm-up", "--layer-decay", "--mixup", "--patience", "--schedule", "--training-size"]
    let (usual, chosen) = (FineTuningOptions().named, tuner.options.named)
    return names.compactMap { name in chosen[name].flatMap { $0 == usual[name] ? nil : (String(name.dropFirst(2)), $0) } }
  }

  private var explanation: String {
    switch tuner.options.recipe {
    case .head: "a new head learnt; the backbone was frozen, its statistics too"
    case .full: "everything learnt"
    case .gradual:
      "the head learnt from the start; of \(tuner.model.stages.count) stages, the last before the first, "
        + tuner.model.thawing(epochs: tuner.options.epochs)
    case .lora: "the head, scales and biases learnt, and a change of rank \(tuner.options.rank) of each weight matrix; the rest was frozen"
    }
  }

  /// How photos are looked at when they are answered about.
  private var views: String {
    let views = tuner.options.answerViews
    if views == AnswerViews() { return "of one look at the photo" }
    let sizes = views.sizes.map { "\($0)" }.joined(separator: " and ")
    return "means over the photo" + (views.isMirrored ? " and its mirror image" : "") + (sizes.isEmpty ? "" : ", at \(sizes) pixels")
  }

  private func name(of phase: RunPhase) -> String {
    switch phase {
    case .features: "features, backbone frozen"
    case .head: "the head's first weights"
    case .training: "training"
    case .validation: "validation"
    }
  }

  /// The photo as the network saw it, and where the network looked; both no larger than the page shows them.
  private func mistake(_ prediction: Prediction) throws -> Report.Mistake {
    let source = tuner.data.validation
    var (photo, heat) = (Data(), Data())
    // What was read a moment ago may be gone; the numbers are worth a report all the same.
    if let image = try? source.image(at: prediction.index, atLeast: configuration.imageSize) {
      let batch = configuration.transform.batch(of: image)
      let seen = Image(width: batch.size, height: batch.size, pixels: batch.pixels)
      let side = min(batch.size, 224)
      let small = seen.resized(width: side, height: side)
      photo = Data(small.jpegData(quality: 85))
      if let map = try tuner.model.heatMap(of: batch.images(on: tuner.device), label: prediction.predicted) {
        heat = Data(map.drawn(over: small).jpegData(quality: 85))
      }
    }
    return Report.Mistake(
      name: source.name(at: prediction.index), actual: configuration.classes[prediction.label],
      predicted: configuration.classes[prediction.predicted],
      probability: prediction.probabilities[prediction.predicted],
      actualProbability: prediction.probabilities[prediction.label], photo: photo, heat: heat)
  }
}

/// The command as it was typed, with quotes where a shell would need them.
var typedCommand: String { (["devicenn"] + CommandLine.arguments.dropFirst()).map(quoted).joined(separator: " ") }

/// A word as a shell takes it.
func quoted(_ word: String) -> String {
  let plain = CharacterSet(charactersIn: "_-./=:,+@%").union(.alphanumerics)
  return !word.isEmpty && word.unicodeScalars.allSatisfy(plain.contains) ? word : "'" + word.replacing("'", with: "'\\''") + "'"
}
