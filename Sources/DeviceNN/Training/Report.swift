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
  /// The most confident mistakes, worst first.
  public var mistakes: [Mistake]
  /// Whatever else is worth knowing: image size, batch size, seed, skipped images.
  public var details: [Detail]

  public init(
    title: String, command: String, device: String, backbone: String, date: String, trainImages: Int,
    validationImages: Int, seconds: Double, epochs: [EpochMetrics], bestEpoch: Int? = nil, confusion: ConfusionMatrix,
    mistakes: [Mistake] = [], details: [Detail] = []
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
    self.mistakes = mistakes
    self.details = details
  }

  /// An image that was taken for another class.
  public struct Mistake: Codable, Sendable, Equatable {
    public var name: String
    public var actual: String
    public var predicted: String
    /// Of the predicted class, from 0 to 1.
    public var probability: Double
    /// The file's bytes, JPEG or PNG; the report shows a blank where they are neither.
    public var photo: Data

    public init(name: String, actual: String, predicted: String, probability: Double, photo: Data) {
      self.name = name
      self.actual = actual
      self.predicted = predicted
      self.probability = probability
      self.photo = photo
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
  /// The metrics of the kept weights.
  var kept: EpochMetrics? { epochs.first { $0.epoch == bestEpoch } ?? epochs.last }
}
