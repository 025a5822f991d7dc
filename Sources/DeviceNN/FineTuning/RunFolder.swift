// The files of a run: what it is (config.json), what it learnt (model.safetensors), how it went (metrics.jsonl,
// report.html, report.json), and where it stands (checkpoint.safetensors).
internal import Foundation
public import Kernels

/// What config.json says of a run: enough to make its model again.
protocol RunConfiguration: Codable {
  /// The first field, if any, that would stop a program which trusts it: a file may be damaged, or edited by hand.
  var impossibleField: String? { get }
}

/// What a trained model is, apart from its weights: enough to use it, and to train on.
public struct ModelConfiguration: RunConfiguration, Codable, Sendable, Equatable {
  public var architecture: Backbone
  public var classes: [String]
  /// That of `training`, for programs that read config.json.
  public private(set) var imageSize: Int
  public var mean: [Float]
  public var deviation: [Float]
  public var training: FineTuningOptions { didSet { imageSize = training.imageSize } }
  /// Where the pictures were.
  public var data: String
  /// Where the first weights came from.
  public var weights: String
  /// Why the recipe was taken, where nobody chose it.
  public var reason = ""
  /// What the finished model's probabilities are worth.
  public var calibration: Calibration?
  /// The command that started the run, for its report.
  public var command = ""

  public init(
    architecture: Backbone, classes: [String], normalization: Normalization? = nil, training: FineTuningOptions,
    data: String, weights: String
  ) {
    let normalization = normalization ?? architecture.normalization
    self.architecture = architecture
    self.classes = classes
    self.imageSize = training.imageSize
    self.mean = (0..<3).map { normalization.mean[$0] }
    self.deviation = (0..<3).map { normalization.deviation[$0] }
    self.training = training
    self.data = data
    self.weights = weights
  }

  /// What the network is made for.
  public var options: ClassifierOptions {
    ClassifierOptions(classes: classes.count, imageSize: imageSize, seed: training.seed)
  }

  /// What logits are divided by, so that probabilities are what they say.
  public var temperature: Double { calibration?.temperature ?? 1 }

  /// How a picture is shown to the model when it is not trained.
  public var transform: ImageTransform {
    ImageTransform(
      size: imageSize,
      normalization: Normalization(
        mean: SIMD3(mean[0], mean[1], mean[2]), deviation: SIMD3(deviation[0], deviation[1], deviation[2])))
  }

  var impossibleField: String? {
    let checks: [(String, Bool)] = [
      ("classes", classes.count > 1 && Set(classes).count == classes.count), ("mean", mean.count == 3),
      ("deviation", deviation.count == 3 && deviation.allSatisfy { $0 > 0 }), ("imageSize", imageSize == training.imageSize),
      ("calibration", calibration.map { $0.temperature > 0 } ?? true),
    ]
    return checks.first { !$0.1 }?.0 ?? training.impossibleField
  }
}

extension FineTuningOptions {
  /// As in `RunConfiguration`.
  var impossibleField: String? {
    let checks: [(String, Bool)] = [
      ("imageSize", (1...4096).contains(imageSize)), ("epochs", (1...1_000_000).contains(epochs)),
      ("batchSize", (1...1_000_000).contains(batchSize)), ("learningRate", learningRate > 0),
      ("accumulation", accumulation > 0), ("views", (1...1000).contains(views)), ("rank", (1...4096).contains(rank)),
    ]
    return checks.first { !$0.1 }.map { "training." + $0.0 }
  }
}

public struct RunFolder: Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  public var configurationPath: String { path + "/config.json" }
  public var modelPath: String { path + "/model.safetensors" }
  public var checkpointPath: String { path + "/checkpoint.safetensors" }
  public var metricsPath: String { path + "/metrics.jsonl" }
  public var reportPath: String { path + "/report.html" }
  /// The report's numbers, for programs.
  public var numbersPath: String { path + "/report.json" }
  /// While a frozen backbone's features are needed.
  var featuresPath: String { path + "/features.safetensors" }

  /// Whether there is something in the folder that a new run must not overwrite.
  public var isRun: Bool { [configurationPath, modelPath].contains(where: FileManager.default.fileExists) }

  /// Whether the folder is, or would be, inside another.
  public func lies(within folder: String) -> Bool {
    func place(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path }
    return (place(path) + "/").hasPrefix(place(folder) + "/")
  }

  /// - Throws: where a new run would write over another one, or over a file that is somebody's.
  public func requireFree() throws {
    if isRun { throw ModelError.alreadyARun(path: path) }
    // A run that was killed before it had a description left an empty log and a checkpoint.
    let files = FileManager.default
    var foreign = [reportPath, numbersPath].filter(files.fileExists)
    if files.contents(atPath: metricsPath)?.isEmpty == false { foreign.append(metricsPath) }
    if files.fileExists(atPath: checkpointPath), device == nil { foreign.append(checkpointPath) }
    if let file = foreign.first {
      throw FileError.unwritable(path: file, reason: "it is there already, and no run's: name another folder with --out")
    }
  }

  func createFolder() throws(FileError) { try AtomicFile.makeFolder(path) }

  /// Writes what the run is. From then on the folder is a run, so that everything else comes before it.
  func write(_ configuration: some Encodable) throws(FileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let json = try? encoder.encode(configuration) else {
      throw .unwritable(path: configurationPath, reason: "an option is not a finite number")
    }
    try AtomicFile.write(json, to: configurationPath)
  }

  /// Takes back a run that failed before it came to anything; files of others stay, and so does the folder around them.
  func remove() {
    for file in [configurationPath, modelPath, checkpointPath, metricsPath, reportPath, numbersPath, featuresPath] { unlink(file) }
    rmdir(path)
  }

  /// The device that the run was trained on last, by its identifier: another gives other bits. Nil where there is no
  /// checkpoint.
  public var device: String? { (try? SafetensorsFile(path: checkpointPath))?.metadata["device"] }

  func removeFeatures() { unlink(featuresPath) }

  public func configuration() throws(ModelError) -> ModelConfiguration {
    if isMultiTask {
      throw .otherRun(path: path, reason: "its model answers several questions, and one with classes was wanted")
    }
    return try configuration(of: ModelConfiguration.self)
  }

  func configuration<Configuration: RunConfiguration>(of type: Configuration.Type) throws(ModelError) -> Configuration {
    guard FileManager.default.fileExists(atPath: path) else { throw .notARun(path: path, reason: "there is no such folder") }
    guard let json = FileManager.default.contents(atPath: configurationPath) else {
      throw .notARun(path: path, reason: "it has no config.json")
    }
    let configuration: Configuration
    do { configuration = try JSONDecoder().decode(type, from: json) } catch {
      throw .notARun(path: path, reason: "config.json does not describe a model: \(decodingFault(error))")
    }
    if let field = configuration.impossibleField {
      throw .notARun(path: path, reason: "config.json gives '\(field)' a value that no run has")
    }
    return configuration
  }

  /// The trained model, ready to answer.
  public func model(on device: Device) throws -> (model: any ImageClassifier, configuration: ModelConfiguration) {
    let configuration = try configuration()
    try requireModel()
    let backbone = configuration.architecture
    let model = backbone.makeModel(configuration.options, on: device)
    try model.load(SafetensorsFile(path: modelPath), by: backbone.publisher)
    model.evaluate()
    return (model, configuration)
  }

  /// A model of any other kind with the weights that the run kept, ready to answer.
  func trained<Model: Module>(_ makeModel: () -> Model) throws -> Model {
    try requireModel()
    let model = makeModel()
    try model.load(SafetensorsFile(path: modelPath))
    model.evaluate()
    return model
  }

  private func requireModel() throws(ModelError) {
    guard FileManager.default.fileExists(atPath: modelPath) else {
      throw .notARun(path: path, reason: "it has no model.safetensors yet; --resume the run")
    }
  }
}
