import ArgumentParser
import DeviceNN
import Kernels

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Says what a trained model sees in photos: the five likeliest classes of each, or its answers to several questions.",
    discussion: "A photo that can't be read is named on standard error; the others are answered, and the command fails.")

  @Option(help: ArgumentHelp("The folder of a run.", valueName: "run")) var model: String
  @Argument(help: ArgumentHelp("Photos: JPEG, PNG or PPM files.", valueName: "image")) var images: [String]
  @Flag(help: "Print one JSON object a photo.") var json = false
  @OptionGroup var device: DeviceOption

  func run() throws {
    let device = try device.open()
    let run = RunFolder(model)
    try run.isMultiTask ? answerAll(run, device) : classify(run, device)
  }

  private func classify(_ run: RunFolder, _ device: Device) throws {
    let (model, configuration) = try run.model(on: device)
    let largest = configuration.training.answerViews.transforms(configuration.transform).map(\.size).max()!
    try forEachImage(atLeast: largest) { path, image in
      let probabilities = try model.probabilities(of: image, configuration, on: device)
      let best = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }.prefix(5)
      if json {
        let answers = best.map {
          JSONValue.object([("class", .text(configuration.classes[$0])), ("probability", .number(probabilities[$0]))])
        }
        try say(jsonObject([("image", .text(path)), ("predictions", .list(answers))]))
      } else {
        try say(path + ": " + best.map { "\(configuration.classes[$0]) \(percent(probabilities[$0]))" }.joined(separator: ", "))
      }
    }
  }

  /// All answers of a model that was trained for several tasks.
  private func answerAll(_ run: RunFolder, _ device: Device) throws {
    let (model, configuration) = try run.multiTaskModel(on: device)
    try forEachImage(atLeast: configuration.transform.size) { path, image in
      let answers = try model.answers(
        to: configuration.transform.batch(of: image), mirrored: configuration.training.testTimeAugmentation, on: device)[0]
      let named = zip(configuration.tasks, answers)
      if json {
        try say(jsonObject([("image", .text(path)), ("answers", .object(named.map { ($0.name, $0.json(of: $1)) }))]))
      } else {
        try say(path + ": " + named.map { "\($0.name) \($0.text(of: $1))" }.joined(separator: ", "))
      }
    }
  }

  private func forEachImage(atLeast size: Int, _ answer: (String, Image) throws -> Void) throws {
    try forEachFile(images, read: { try Image(contentsOf: $0, atLeast: size) }, answer: answer) { path, error in
      if json { try say(jsonObject([("image", .text(path)), ("error", .text("\(error)"))])) }
    }
  }
}
