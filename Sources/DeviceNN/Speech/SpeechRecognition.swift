public import Kernels

/// A character, and the step of two frames at which it begins.
public struct TimedCharacter: Sendable, Equatable {
  public var character: Character
  public var step: Int
}

/// What a model hears in a clip.
public struct SpeechRecognition: Sendable, Equatable {
  public var text: String
  /// The likeliest character of each step of two frames, where one begins.
  public var characters: [TimedCharacter]
  /// A probability for each class of each question.
  public var probabilities: [[Float]]
  /// The logarithms of the probabilities of each step's classes, as `CTCDecoder` takes them.
  public var logProbabilities: [Float]
  /// The spectrogram that it was heard in, without the quiet at its ends.
  public var features: SpeechFeatures

  /// The likeliest class of each question.
  public var best: [Int] { probabilities.map { row in row.indices.max { (row[$0], $1) < (row[$1], $0) }! } }

  /// Of the search for the likeliest text.
  public static let beamWidth = 8

  /// The text whose ways to be said have the largest probability together.
  func likeliestText(_ decoder: CTCDecoder) -> String { decoder.beam(logProbabilities, width: Self.beamWidth)[0].text }

  /// The likeliest class of each question with its name, as lines say it.
  public func answers(to questions: [SpeechQuestion]) -> [String] {
    zip(questions, zip(best, probabilities)).map { question, answer in
      "\(question.name) \(question.classes[answer.0]) \(percent(Double(answer.1[answer.0])))"
    }
  }
}

extension SpeechModel.Answer {
  /// What each clip of the batch is heard as, step by step.
  func recognitions(
    of batch: SpeechBatch, _ decoder: CTCDecoder, _ questions: [SpeechQuestion]
  ) throws(DeviceError) -> [SpeechRecognition] {
    let (n, classes) = (steps.count, decoder.classes)
    let logs = try logProbabilities.transposed([1, 0, 2]).scalars()
    let longest = logProbabilities.shape[0]
    var rows: [[Float]] = []
    for logits in logits { rows.append(try logits.softmax().scalars()) }
    return (0..<n).map { clip in
      let own = Array(logs[clip * longest * classes..<(clip * longest + steps[clip]) * classes])
      let heard = decoder.greedy(own)
      return SpeechRecognition(
        text: String(heard.map(\.character)), characters: heard,
        probabilities: zip(questions, rows).map { question, row in
          Array(row[clip * question.classes.count..<(clip + 1) * question.classes.count])
        }, logProbabilities: own, features: batch.features[clip])
    }
  }
}

/// A trained model that hears clips.
///
///     let recognizer = try SpeechRecognizer(RunFolder("runs/speech"), on: device)
///     let heard = try recognizer(AudioClip(contentsOf: "question.wav"))
///     print(heard.text, recognizer.configuration.questions[0].classes[heard.best[0]])
public final class SpeechRecognizer {
  public let configuration: SpeechConfiguration
  public let model: SpeechModel
  private let device: Device
  public let spectrogram: LogMelSpectrogram
  private let decoder: CTCDecoder

  public init(_ run: RunFolder, on device: Device) throws {
    let configuration = try run.speechConfiguration()
    model = try run.trained { configuration.makeModel(on: device) }
    self.configuration = configuration
    self.device = device
    spectrogram = LogMelSpectrogram(configuration.spectrogram, on: device)
    decoder = configuration.decoder
  }

  /// What is said in a clip of any rate, by a search for the likeliest text.
  public func callAsFunction(_ clip: AudioClip) throws(DeviceError) -> SpeechRecognition {
    let batch = SpeechBatch(items: [0], features: [try SpeechFeatures(clip, spectrogram)])
    let answer = withoutGradients { batch.answer(of: model, on: device) }
    var heard = try answer.recognitions(of: batch, decoder, configuration.questions)[0]
    heard.text = heard.likeliestText(decoder)
    return heard
  }
}
