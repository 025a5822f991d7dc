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

  func write() throws {
    let options = tuner.options
    let report = Report(
      title: URL(fileURLWithPath: configuration.data).lastPathComponent, command: configuration.command,
      device: tuner.device.description.name, backbone: "\(configuration.architecture.name), \(configuration.weights)",
      date: Date().formatted(.iso8601.year().month().day().dateSeparator(.dash)),
      trainImages: tuner.data.train.count, validationImages: tuner.data.validation.count, seconds: tuner.seconds,
      epochs: try tuner.epochs, confusion: evaluation.confusion(classes: configuration.classes),
      mistakes: evaluation.mistakes.prefix(12).map(mistake),
      details: [
        .init("image size", "\(options.imageSize)"), .init("batch size", "\(options.batchSize)"),
        .init("learning rate", "\(options.learningRate)"), .init("weight decay", "\(options.weightDecay)"),
        .init("label smoothing", "\(options.labelSmoothing)"),
        .init("trained", "\(options.recipe.rawValue), \(tuner.trainedCount) parameters"), .init("seed", "\(options.seed)"),
        .init("parameters", "\(tuner.model.parameterCount)"), .init("photos skipped", "\(tuner.data.skipped.count)"),
      ])
    try AtomicFile.write(report.html(), to: tuner.run.reportPath)
  }

  /// The photo as small as the page shows it.
  private func mistake(_ prediction: Prediction) -> Report.Mistake {
    let source = tuner.data.validation
    let photo = (try? source.image(at: prediction.index, atLeast: 224)).map { image in
      let scale = min(1, 224 / Float(max(image.width, image.height)))
      let small = image.resized(
        width: max(1, Int(Float(image.width) * scale)), height: max(1, Int(Float(image.height) * scale)))
      return Data(small.jpegData(quality: 85))
    }
    return Report.Mistake(
      name: source.name(at: prediction.index), actual: configuration.classes[prediction.label],
      predicted: configuration.classes[prediction.predicted],
      probability: prediction.probabilities[prediction.predicted], photo: photo ?? Data())
  }

}

/// The command as it was typed, with quotes where a shell would need them.
var typedCommand: String { (["devicenn"] + CommandLine.arguments.dropFirst()).map(quoted).joined(separator: " ") }

/// A word as a shell takes it.
func quoted(_ word: String) -> String {
  let plain = CharacterSet(charactersIn: "_-./=:,+@%").union(.alphanumerics)
  return !word.isEmpty && word.unicodeScalars.allSatisfy(plain.contains) ? word : "'" + word.replacing("'", with: "'\\''") + "'"
}
