internal import Foundation
public import Kernels

/// How a speech model is trained.
public struct SpeechOptions: Codable, Sendable, Equatable {
  public var epochs = 45
  public var learningRate: Float = 3e-3
  public var weightDecay: Float = 1e-2
  public var dropout: Float = 0.1
  /// What the loss of the text counts for beside 1 for each question: it is the hardest to learn.
  public var textWeight = 3.0
  /// Frames that a batch has room for, about, of at most 16 clips.
  public var framesPerBatch = 1200
  /// Each clip is heard at one of these speeds, drawn anew in each epoch.
  public var speeds: [Float] = [1, 0.9, 1.1]
  public var specAugment = SpecAugment()
  public var seed: UInt64 = 0

  public init() {}
}

/// What a trained speech model is, apart from its weights: enough to use it, and to train on.
public struct SpeechConfiguration: RunConfiguration, Codable, Sendable, Equatable {
  public var spectrogram = LogMelSettings()
  /// The characters that it writes.
  public var alphabet: String
  /// What it answers about a whole clip.
  public var questions: [SpeechQuestion]
  public var options: SpeechOptions
  /// The folders of recordings.
  public var data: [String]
  /// The command that started the run, for its report.
  public var command = ""

  public init(_ data: SpeechDataset, options: SpeechOptions = SpeechOptions()) {
    (alphabet, questions, self.options, self.data) = (String(data.alphabet), data.questions, options, data.paths)
  }

  /// The network with random weights.
  public func makeModel(on device: Device) -> SpeechModel {
    SpeechModel(
      bands: spectrogram.bands, characters: alphabet.count, questions: questions, dropout: options.dropout,
      seed: options.seed, on: device)
  }

  public var decoder: CTCDecoder { CTCDecoder(alphabet: Array(alphabet)) }

  var impossibleField: String? {
    let names = questions.map(\.name)
    let checks: [(String, Bool)] = [
      ("spectrogram", spectrogram.isPossible && spectrogram.bands % 4 == 0),
      ("alphabet", Set(alphabet).count == alphabet.count),
      ("questions", Set(names).count == names.count && questions.allSatisfy { !$0.classes.isEmpty }),
      ("options.epochs", options.epochs > 0), ("options.learningRate", options.learningRate > 0),
      ("options.textWeight", options.textWeight > 0),
      ("options.framesPerBatch", options.framesPerBatch > 0), ("options.dropout", (0..<1).contains(options.dropout)),
      ("options.speeds", !options.speeds.isEmpty && options.speeds.allSatisfy { (0.5...2).contains($0) }),
    ]
    return checks.first { !$0.1 }?.0
  }
}

extension RunFolder {
  public func speechConfiguration() throws(ModelError) -> SpeechConfiguration {
    try configuration(of: SpeechConfiguration.self)
  }
}
