import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Measures a trained model on the validation or test photos of a data set.")

  @Option(help: ArgumentHelp("The folder of a run.", valueName: "run")) var model: String
  @Option(help: ArgumentHelp("The photos, as finetune takes them; for a run of several tasks a list as multitask takes it.", valueName: "path")) var data: String
  @Option(help: "Which part of them: val, test, or all photos whatever they are for.") var split = Split.val
  @Option(help: ArgumentHelp("The column with the classes, where a CSV file has several. (default: the run's)", valueName: "name"))
  var labelColumn: String?
  @Option(help: "Photos a batch.") var batchSize = 32
  @Flag(help: "Leave out photos that can't be read, and say which.") var skipBadImages = false
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var device: DeviceOption

  enum Split: String, ExpressibleByArgument, CaseIterable {
    case val, test, all

    /// nil for all of them.
    var part: DataPart? {
      switch self {
      case .val: .validation
      case .test: .test
      case .all: nil
      }
    }
  }

  func validate() throws {
    if batchSize < 1 { throw ValidationError("--batch-size \(batchSize) is not a positive number.") }
  }

  func run() throws {
    let device = try device.open()
    let run = RunFolder(model)
    guard run.isMultiTask else { return try evaluateClasses(run, device) }
    if labelColumn != nil {
      throw ValidationError("--label-column is for a run of one question; this one's questions are columns by their names.")
    }
    guard let part = split.part else { throw ValidationError("--split all is for a run of one question.") }
    try evaluateTasks(run, part, device)
  }

  /// The answers to several questions.
  private func evaluateTasks(_ run: RunFolder, _ part: DataPart, _ device: Device) throws {
    let (model, configuration) = try run.multiTaskModel(on: device)
    let data = try TaskDataset(
      path: data, tasks: configuration.tasks, skippingBad: skipBadImages, parts: [part], seed: configuration.training.seed)
    for bad in data.skipped { complain("skipped \(bad.error)") }
    let photos = try data.pictures(part)
    let evaluations = try model.evaluation(
      of: photos, BatchLoader(photos.source, transform: configuration.transform, batchSize: batchSize),
      mirrored: configuration.training.testTimeAugmentation, on: device)
    if json {
      try say(jsonObject([("photos", .number(Double(photos.count))), ("tasks", .object(evaluations.map(\.json)))]))
    } else {
      try say("\(photos.count) photos")
      try evaluations.forEach { try say($0.line) }
    }
  }

  private func evaluateClasses(_ run: RunFolder, _ device: Device) throws {
    let (model, configuration) = try run.model(on: device)
    let data = try ImageDataset(
      path: data, skippingBad: skipBadImages, parts: split.part.map { [$0] } ?? [.validation, .test, .train],
      seed: configuration.training.seed, labelColumn: labelColumn ?? configuration.training.labelColumn)
    for bad in data.skipped { complain("skipped \(bad.error)") }
    let photos = try RelabelledSource(data, split.part, classes: configuration.classes)
    let loader = BatchLoader(photos, transform: configuration.transform, batchSize: batchSize)
    let evaluation = try model.evaluation(
      of: loader, by: configuration.training.answerViews, on: device
    ).scaled(temperature: configuration.temperature)
    let confusion = evaluation.confusion(classes: configuration.classes)
    let area = evaluation.rocCurve?.area
    if json {
      let classes = configuration.classes.indices.map { i in
        JSONValue.object([
          ("class", .text(configuration.classes[i])), ("photos", .number(Double(confusion.support(of: i)))),
          ("precision", .number(confusion.precision(of: i) ?? .nan)), ("recall", .number(confusion.recall(of: i) ?? .nan)),
        ])
      }
      try say(
        jsonObject([
          ("accuracy", .number(evaluation.accuracy)), ("loss", .number(evaluation.loss)),
          ("auc", area.map(JSONValue.number) ?? .null), ("macroF1", .number(confusion.macroF1 ?? .nan)),
          ("calibrationError", .number(evaluation.calibrationError())),
          ("photos", .number(Double(evaluation.predictions.count))), ("classes", .list(classes)),
        ]))
    } else {
      let missing = configuration.classes.count == 2 ? ", no AUC as all are of one class" : ""
      let area = area.map { String(format: ", AUC %.4f", $0) } ?? missing
      try say(
        "accuracy \(percent(evaluation.accuracy))\(area), calibration error \(percent(evaluation.calibrationError())) on "
          + "\(evaluation.predictions.count) photos\(split == .val && data.isHeldOut ? ", a fifth that is set aside (--split all measures all)" : "")\n")
      try say(confusion.text())
    }
  }
}

/// A part of a data set with the numbers that a model gives their classes: the folder may lack some classes.
private struct RelabelledSource: ImageSource {
  private let source: any ImageSource
  private let numbers: [Int32]

  /// - Parameter part: nil takes all.
  init(_ data: ImageDataset, _ part: DataPart?, classes: [String]) throws {
    let unknown = data.classes.filter { !classes.contains($0) }
    guard unknown.isEmpty else { throw ModelError.otherClasses(path: data.path, unknown: unknown, known: classes) }
    source = try part.map(data.source) ?? JoinedSources([data.train, data.validation] + (data.test.map { [$0] } ?? []))
    guard source.count > 0 else { throw DataError.nothingToMeasure(path: data.path, part: part) }
    numbers = data.classes.map { Int32(classes.firstIndex(of: $0)!) }
  }

  var count: Int { source.count }
  func label(at index: Int) -> Int32 { numbers[Int(source.label(at: index))] }
  func name(at index: Int) -> String { source.name(at: index) }
  func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image { try source.image(at: index, atLeast: atLeast) }
}

/// The pictures of several sources, one after the other.
private struct JoinedSources: ImageSource {
  private let places: [(source: any ImageSource, index: Int)]

  init(_ sources: [any ImageSource]) { places = sources.flatMap { source in (0..<source.count).map { (source, $0) } } }

  var count: Int { places.count }
  func label(at index: Int) -> Int32 { places[index].source.label(at: places[index].index) }
  func name(at index: Int) -> String { places[index].source.name(at: places[index].index) }
  func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image {
    try places[index].source.image(at: places[index].index, atLeast: atLeast)
  }
}
