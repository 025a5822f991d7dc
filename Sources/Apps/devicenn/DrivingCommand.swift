import ArgumentParser
import DeviceNN
import Foundation
import Kernels

/// What a car's camera sees: an app of a few lines on the library.
struct DrivingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "driving",
    abstract: "Finds objects, where they point and where the road is free, by one network; or names traffic signs.",
    subcommands: [DrivingTrainCommand.self, DrivingPredictCommand.self, DrivingDemoCommand.self])
}

/// What training has in common, whatever the data.
struct DrivingOptions: ParsableArguments {
  @Option(help: "Weights to start from: a file, a folder, or a name in the cache. (default: the built-in ones)") var weights: String?
  @Option(help: "A network, see 'devicenn models'. (default: what the weights are of)") var backbone: String?
  @Option(help: "Passes over the training pictures. (default: 40)") var epochs: Int?
  @Option(help: "Pictures are shown as squares of so many pixels, a multiple of 32. (default: 192)") var imageSize: Int?
  @Option(help: "Pictures a step. (default: 8)") var batchSize: Int?
  @Option(help: "The peak of the schedule; the backbone learns at a third of it, heads at three times. (default: 0.001)")
  var learningRate: Float?
  @Option(help: "Decides everything that is random. (default: 0)") var seed: UInt64?
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if let imageSize, imageSize <= 0 || imageSize % 32 != 0 || imageSize > 1024 {
      throw ValidationError("--image-size \(imageSize) is not a multiple of 32 up to 1024.")
    }
    let isPositive = (epochs ?? 1) > 0 && (batchSize ?? 1) > 0 && (learningRate ?? 1) > 0 && (learningRate ?? 1).isFinite
    guard isPositive else { throw ValidationError("--epochs, --batch-size and --learning-rate have to be positive.") }
  }

  /// Of a new run.
  var training: FineTuningOptions {
    var training = FineTuningOptions.scenes(epochs: epochs ?? 40, imageSize: imageSize ?? 192, seed: seed ?? 0)
    training.batchSize = batchSize ?? training.batchSize
    training.learningRate = learningRate ?? training.learningRate
    return training
  }

  /// Those that were given, beside those of a run.
  func given(beside stored: SceneConfiguration) -> [(option: String, stored: String, given: String?)] {
    let training = stored.training
    return [
      ("--weights", stored.weights, weights), ("--backbone", stored.architecture.name, backbone),
      ("--epochs", "\(training.epochs)", epochs.map { "\($0)" }),
      ("--image-size", "\(training.imageSize)", imageSize.map { "\($0)" }),
      ("--batch-size", "\(training.batchSize)", batchSize.map { "\($0)" }),
      ("--learning-rate", "\(training.learningRate)", learningRate.map { "\($0)" }),
      ("--seed", "\(training.seed)", seed.map { "\($0)" }),
    ]
  }

  /// The same as arguments.
  var arguments: [String] {
    let all = [
      ("--weights", weights), ("--backbone", backbone), ("--epochs", epochs.map { "\($0)" }),
      ("--image-size", imageSize.map { "\($0)" }), ("--batch-size", batchSize.map { "\($0)" }),
      ("--learning-rate", learningRate.map { "\($0)" }), ("--seed", seed.map { "\($0)" }), ("--device", device.name),
    ]
    return all.flatMap { name, value in value.map { [name, $0] } ?? [] }
  }
}

struct DrivingTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Learns from pictures with boxes, directions and regions, or from cut-out signs.",
    discussion: """
      Boxes are Pascal VOC's (a folder with JPEGImages, Annotations and perhaps SegmentationClass), whose field 'pose' is an \
      object's direction, or a CSV file with the columns image, xmin, ymin, xmax, ymax, class, and perhaps pose and split. \
      A folder with 'train' and 'test' is taken for signs of GTSRB.
      """)

  @Option(help: ArgumentHelp("The folder or CSV file.", valueName: "path")) var data: String?
  @Option(help: ArgumentHelp("A folder for the run.", valueName: "dir")) var out: String
  @Option(help: "Learn only one of the tasks: objects, poses, regions, or a question's name.") var only: String?
  @Flag(help: "Go on with the run in --out, with the options that it was started with.") var resume = false
  @OptionGroup var options: DrivingOptions

  func validate() throws {
    if !resume && data == nil { throw ValidationError("--data is missing: a folder or CSV file of pictures.") }
  }

  func run() throws {
    let (run, progress) = (RunFolder(out), ProgressBar())
    defer { progress.clear() }
    let signals = progress.sayHowToGoOn(with: run, command: "driving train", on: options.device)
    defer { signals.forEach { $0.cancel() } }
    if !resume { try run.requireFree() }
    let device = try resume ? options.device.open(for: run) : options.device.open()

    // Pictures, and what is known of them.
    let stored = resume ? try run.sceneConfiguration() : nil
    let task = only ?? stored.flatMap { $0.scene.names.count == 1 ? $0.scene.names[0] : nil }
    if let stored {
      try run.refuseOthers(
        than: options.given(beside: stored) + [("--only", stored.scene.names.joined(separator: ", "), only)])
    }
    var scenes = try SceneDataset(opening: data ?? stored!.data)
    for skipped in scenes.skipped { progress.print("left out: \(skipped)") }
    guard !scenes.tasks.names.isEmpty else {
      throw DataError.malformed(
        file: data ?? stored!.data, reason: "none of its pictures has a box, a region or an answer: there is nothing to learn")
    }
    if let task, stored?.scene != scenes.tasks {
      guard scenes.tasks.names.contains(task) else {
        throw ValidationError("--only \(task) is none of the tasks \(scenes.tasks.names.joined(separator: ", ")).")
      }
      scenes = scenes.only(task)
    }

    // A network with a head for each task.
    let pretrained = stored == nil ? try PretrainedModel(weights: options.weights, backbone: options.backbone) : nil
    var configuration = try stored ?? SceneConfiguration(pretrained!, scenes.tasks, training: options.training, data: scenes.path)
    configuration.command = stored?.command ?? typedCommand
    let model = configuration.makeModel(on: device)
    if let pretrained { try model.load(pretrained) }
    progress.print(
      "\(scenes.train.count) pictures to learn \(scenes.tasks.names.joined(separator: ", ")) from, \(scenes.validation.count) to "
        + "measure with; \(model.parameterCount) parameters on \(device.description.name)")

    // Training: it stores where it stands after each epoch.
    let trainer = try Trainer(model, configuration, data: scenes, run: run, on: device, isResumed: resume)
    try trainer.train(onProgress: { progress.update($0) }) { epoch in
      progress.print(epoch.sceneLine(epochs: configuration.training.epochs))
    }

    // What came of it.
    let report = try SceneReport(trainer, configuration)
    try report.write(to: run)
    progress.clear()
    try say("\(report.evaluation.text)\nthe report: \(run.reportPath)")
  }
}

struct DrivingPredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Says what a trained model sees in pictures, and draws it over them.")

  @Option(help: ArgumentHelp("The folder of a run.", valueName: "run")) var model: String
  @Option(
    help: ArgumentHelp(
      "A folder for the pictures with what was seen drawn over them; of equal names, later ones get -2, -3.", valueName: "dir"))
  var out: String?
  @Argument(help: ArgumentHelp("Pictures: JPEG, PNG or PPM files.", valueName: "image")) var images: [String]
  @OptionGroup var device: DeviceOption

  func run() throws {
    let device = try device.open()
    let (model, configuration) = try RunFolder(model).sceneModel(on: device)
    let places = out.map(drawings) ?? [:]
    try refuse(places.values, amongInputs: images)
    if let out { try AtomicFile.makeFolder(out) }
    try forEachFile(images) { try Image(contentsOf: $0) } answer: { path, image in
      let answer = try model.answers(
        to: configuration.transform.batch(of: image), leastScore: SceneEvaluation.leastScore, on: device)[0]
      try say(path + ": " + configuration.scene.text(of: answer))
      guard let drawing = places[path] else { return }
      try AtomicFile.write(Data(image.showing(answer, of: configuration.scene).jpegData()), to: drawing)
    }
  }

  /// Where each picture is drawn: by its name, a number behind those that earlier ones have.
  private func drawings(in out: String) -> [String: String] {
    var taken: Set<String> = []
    return Dictionary(images.map { path in
      let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
      let names = sequence(first: 1) { $0 + 1 }.lazy.map { $0 == 1 ? name : "\(name)-\($0)" }
      return (path, out + "/" + names.first { taken.insert($0).inserted }! + ".jpg")
    }) { first, _ in first }
  }
}

struct DrivingDemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Draws streets, and learns to find what is on them, which way signs point, and where the road is free.",
    discussion: "Needs no other files. An earlier demo in --out is replaced. Some pictures with what was seen in them are in OUT/seen.")

  @Option(help: ArgumentHelp("A folder for the drawings and the run.", valueName: "dir")) var out = "demo-driving"
  @Option(help: "Streets to learn from; three for each eight of them are drawn to measure with.") var pictures = 240
  @Option(help: "Decides what is drawn.") var drawingSeed: UInt64 = 0
  @Flag(help: "Only draw.") var onlyDraw = false
  @OptionGroup var options: DrivingOptions

  func validate() throws {
    if pictures < 3 { throw ValidationError("--pictures \(pictures) leave none to measure with: draw 3 or more.") }
  }

  func run() throws {
    try removeEarlierDemo(out, made: ["streets", "run", "seen"])
    let (streets, run, held) = (out + "/streets", out + "/run", pictures * 3 / 8)
    try drawStreets(to: streets, train: pictures, val: held, seed: drawingSeed)
    try say("Drew \(pictures) streets to learn from and \(held) to measure with into \(streets).")
    if onlyDraw { return }
    var options = options
    options.epochs = options.epochs ?? 16
    try runShown(DrivingTrainCommand.self, "driving train", ["--data", streets, "--out", run] + options.arguments)
    let shown = try SceneDataset(opening: streets).validation
    let paths = (0..<min(6, shown.count)).map { shown.pictures.path(at: $0) }
    let device = options.device.name.map { ["--device", $0] } ?? []
    try runShown(DrivingPredictCommand.self, "driving predict", ["--model", run, "--out", out + "/seen"] + device + paths)
  }
}
