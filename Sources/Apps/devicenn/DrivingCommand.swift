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
  @Option(help: "Passes over the training pictures.") var epochs = 40
  @Option(help: "Pictures are shown as squares of so many pixels, a multiple of 32.") var imageSize = 192
  @Option(help: "Pictures a step.") var batchSize = 16
  @Option(help: "The peak of the schedule; the backbone learns at a third of it, heads at three times.") var learningRate: Float = 0.001
  @Option(help: "Decides everything that is random.") var seed: UInt64 = 0
  @OptionGroup var device: DeviceOption

  func validate() throws {
    guard imageSize > 0, imageSize % 32 == 0, imageSize <= 1024 else {
      throw ValidationError("--image-size \(imageSize) is not a multiple of 32 up to 1024.")
    }
    guard epochs > 0, batchSize > 0, learningRate > 0, learningRate.isFinite else {
      throw ValidationError("--epochs, --batch-size and --learning-rate have to be positive.")
    }
  }

  /// Trains a model for the data's tasks into `out`, and says how each epoch went.
  func train(_ data: SceneDataset, out: String, resume: Bool = false) throws -> SceneEvaluation {
    let (device, run) = (try device.open(), RunFolder(out))
    var training = FineTuningOptions.scenes(epochs: epochs, imageSize: imageSize, seed: seed)
    (training.batchSize, training.learningRate) = (batchSize, learningRate)
    let pretrained = try PretrainedModel(weights: weights, backbone: backbone)
    let configuration = try resume
      ? run.sceneConfiguration() : SceneConfiguration(pretrained, data.tasks, training: training, data: data.path)
    let model = configuration.makeModel(on: device)
    if !resume { try model.load(pretrained) }
    let trainer = try Trainer(model, configuration, data: data, run: run, on: device, isResumed: resume)
    let bar = ProgressBar()
    defer { bar.clear() }
    try trainer.train(onProgress: { bar.update($0) }) { epoch in
      bar.print(epoch.sceneLine(epochs: configuration.training.epochs))
    }
    bar.clear()
    return try trainer.problem.finalEvaluation()
  }
}

struct DrivingTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Learns from pictures with boxes, directions and regions, or from cut-out signs.",
    discussion: """
      Resumed, a run goes on with the options that it was started with. Boxes are Pascal VOC's (a folder with JPEGImages, Annotations and perhaps SegmentationClass), whose field 'pose' is an \
      object's direction, or a CSV file with the columns image, xmin, ymin, xmax, ymax, class, and perhaps pose and split. \
      A folder with 'train' and 'test' is taken for signs of GTSRB.
      """)

  @Option(help: ArgumentHelp("The folder or CSV file.", valueName: "path")) var data: String
  @Option(help: ArgumentHelp("A folder for the run.", valueName: "dir")) var out: String
  @Option(help: "Learn only one of the tasks: objects, poses, regions, or a question's name.") var only: String?
  @Flag(help: "Go on with the run in --out, to the same bits.") var resume = false
  @OptionGroup var options: DrivingOptions

  func run() throws {
    var data = try SceneDataset(opening: data)
    for skipped in data.skipped { complain("Left out: \(skipped)") }
    if let only {
      guard data.tasks.names.contains(only) else {
        throw ValidationError("--only \(only) is none of the tasks \(data.tasks.names.joined(separator: ", ")).")
      }
      data = data.only(only)
    }
    try say("\(data.train.count) pictures to learn \(data.tasks.names.joined(separator: ", ")) from, \(data.validation.count) to measure with.")
    let evaluation = try options.train(data, out: out, resume: resume)
    try say(evaluation.text)
  }
}

struct DrivingPredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Says what a trained model sees in pictures, and draws it over them.")

  @Option(help: ArgumentHelp("The folder of a run.", valueName: "run")) var model: String
  @Option(help: ArgumentHelp("A folder for the pictures with what was seen drawn over them.", valueName: "dir")) var out: String?
  @Argument(help: ArgumentHelp("Pictures: JPEG, PNG or PPM files.", valueName: "image")) var images: [String]
  @OptionGroup var device: DeviceOption

  func run() throws {
    let device = try device.open()
    let (model, configuration) = try RunFolder(model).sceneModel(on: device)
    try forEachFile(images) { try Image(contentsOf: $0) } answer: { path, image in
      let answer = try model.answers(
        to: configuration.transform.batch(of: image), leastScore: SceneEvaluation.leastScore, on: device)[0]
      try say(path + ": " + configuration.scene.text(of: answer))
      guard let out else { return }
      try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
      let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
      try AtomicFile.write(Data(image.showing(answer, of: configuration.scene).jpegData()), to: "\(out)/\(name).jpg")
    }
  }
}

struct DrivingDemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Draws streets, and learns to find what is on them, which way signs point, and where the road is free.",
    discussion: "Needs no other files. Some pictures with what was seen in them are in OUT/seen.")

  @Option(help: ArgumentHelp("A folder for the drawings and the run.", valueName: "dir")) var out = "demo-driving"
  @Option(help: "Streets to learn from.") var pictures = 600
  @Option(help: "Decides what is drawn.") var drawingSeed: UInt64 = 0
  @Flag(help: "Only draw.") var onlyDraw = false
  @OptionGroup var options: DrivingOptions

  func run() throws {
    let streets = out + "/streets"
    try drawStreets(to: streets, train: pictures, val: 150, seed: drawingSeed)
    try say("Drew \(pictures) streets to learn from and 150 to measure with into \(streets).")
    if onlyDraw { return }
    let data = try SceneDataset(opening: streets)
    try say(try options.train(data, out: out + "/run").text)
    let shown = (0..<6).map { data.validation.pictures.path(at: $0) }
    var predict = try DrivingPredictCommand.parse(["--model", out + "/run", "--out", out + "/seen"] + shown)
    predict.device = options.device
    try predict.run()
  }
}
