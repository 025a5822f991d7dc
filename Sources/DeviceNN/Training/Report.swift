// report.html: what a run came to, for a person.
public import Foundation

/// Everything that the report of a run shows, as a plain value: whoever has it can also write it as JSON.
public struct Report: Codable, Sendable, Equatable {
  /// What the report is about, such as the name of the data set.
  public var title: String
  /// The command that made the run, as it was typed.
  public var command: String
  public var device: String
  public var backbone: String
  /// When the run ended, as it is to be read.
  public var date: String
  public var trainImages: Int
  public var validationImages: Int
  /// Of the whole run, resumed parts included.
  public var seconds: Double
  public var epochs: [EpochMetrics]
  /// The epoch whose weights were kept, where that is not the last.
  public var bestEpoch: Int?
  /// Of the kept weights, over the validation images.
  public var confusion: ConfusionMatrix
  /// The mean cross-entropy of the same answers; nil where only the epochs' are known.
  public var loss: Double?
  /// The highest losses, worst first.
  public var mistakes: [Mistake]
  /// Nil where nothing is known of the probabilities.
  public var reliability: Reliability?
  /// Of two classes only.
  public var rocCurve: ROCCurve?
  public var training: Training?
  /// What took how long, in the order of the phases.
  public var phases: [Phase]
  /// Whatever else is worth knowing: image size, batch size, seed, skipped images.
  public var details: [Detail]

  public init(
    title: String, command: String, device: String, backbone: String, date: String, trainImages: Int,
    validationImages: Int, seconds: Double, epochs: [EpochMetrics], bestEpoch: Int? = nil, confusion: ConfusionMatrix,
    loss: Double? = nil, mistakes: [Mistake] = [], reliability: Reliability? = nil, rocCurve: ROCCurve? = nil, training: Training? = nil,
    phases: [Phase] = [], details: [Detail] = []
  ) {
    self.title = title
    self.command = command
    self.device = device
    self.backbone = backbone
    self.date = date
    self.trainImages = trainImages
    self.validationImages = validationImages
    self.seconds = seconds
    self.epochs = epochs
    self.bestEpoch = bestEpoch
    self.confusion = confusion
    self.loss = loss
    self.mistakes = mistakes
    self.reliability = reliability
    self.rocCurve = rocCurve
    self.training = training
    self.phases = phases
    self.details = details
  }

  /// An image that was taken for another class.
  public struct Mistake: Codable, Sendable, Equatable {
    public var name: String
    public var actual: String
    public var predicted: String
    /// Of the predicted class, from 0 to 1.
    public var probability: Double
    /// Of the right class, from 0 to 1.
    public var actualProbability: Double
    /// The file's bytes, JPEG or PNG; the report shows a blank where they are neither.
    public var photo: Data
    /// The same for what the network saw, with what spoke for its answer; empty where that is not known.
    public var heat: Data

    public init(
      name: String, actual: String, predicted: String, probability: Double, actualProbability: Double, photo: Data,
      heat: Data = Data()
    ) {
      self.name = name
      self.actual = actual
      self.predicted = predicted
      self.probability = probability
      self.actualProbability = actualProbability
      self.photo = photo
      self.heat = heat
    }

    /// The cross-entropy of the answer.
    public var loss: Double { -log(max(actualProbability, 1e-30)) }
  }

  /// What of the network learnt.
  public struct Training: Codable, Sendable, Equatable {
    public var recipe: String
    /// What the recipe does, in words.
    public var explanation: String
    /// Why it was taken; empty where somebody chose it.
    public var reason: String
    public var trainedParameters: Int
    /// Of the network, frozen ones included.
    public var parameters: Int

    public init(recipe: String, explanation: String, reason: String, trainedParameters: Int, parameters: Int) {
      self.recipe = recipe
      self.explanation = explanation
      self.reason = reason
      self.trainedParameters = trainedParameters
      self.parameters = parameters
    }
  }

  public struct Phase: Codable, Sendable, Equatable {
    public var name: String
    public var seconds: Double

    public init(_ name: String, seconds: Double) {
      self.name = name
      self.seconds = seconds
    }
  }

  public struct Detail: Codable, Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }
}

extension Report {
  /// All numbers without the pictures, as one line of JSON for programs.
  public var json: Data {
    get throws {
      var report = self
      for index in report.mistakes.indices { (report.mistakes[index].photo, report.mistakes[index].heat) = (Data(), Data()) }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(report)
    }
  }

  /// The metrics of the kept weights.
  var kept: EpochMetrics? { epochs.first { $0.epoch == bestEpoch } ?? epochs.last }
}
