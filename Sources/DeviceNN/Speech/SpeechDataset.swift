internal import Foundation

/// A recording, with what is known of it.
public struct Utterance: Sendable, Equatable {
  public var file: String
  /// What is said, in small letters; nil where nobody wrote it down.
  public var text: String?
  /// Answers by the names of their questions; a question that is missing has no known answer.
  public var answers: [String: String]
  public var isTest: Bool
  /// The folder it came from, by its place among those that were given.
  public var source = 0
}

/// Recordings of one or several folders, which need not answer the same questions.
public struct SpeechDataset: Sendable {
  public let paths: [String]
  public let train: [Utterance]
  public let test: [Utterance]
  /// All characters of the training texts, in order.
  public let alphabet: [Character]
  /// All questions that some training recording answers, in order.
  public let questions: [SpeechQuestion]

  /// Reads folders that hold `speech.csv` (columns `file`, `text`, `split` with train or test, and one for each question;
  /// what is unknown is empty), or recordings that are named as those of FSDD (`7_jackson_32.wav`; 0 to 4 are its test) or
  /// RAVDESS (`03-01-05-01-02-01-12.wav`; actors 21 to 24 are kept for the test).
  public init(paths: [String]) throws {
    var all: [Utterance] = []
    for (source, path) in paths.enumerated() {
      let found = try Self.utterances(in: path)
      guard found.contains(where: { !$0.isTest }), found.contains(where: \.isTest) else {
        throw DataError.malformed(file: path, reason: "it holds no recordings for training, or none for the test")
      }
      all += found.map { utterance in
        var utterance = utterance
        utterance.source = source
        return utterance
      }
    }
    self.init(all, paths: paths)
  }

  init(_ utterances: [Utterance], paths: [String]) {
    self.paths = paths
    train = utterances.filter { !$0.isTest }
    test = utterances.filter(\.isTest)
    alphabet = Set(train.compactMap(\.text).joined()).sorted()
    var classes: [String: Set<String>] = [:]
    for (question, answer) in train.flatMap(\.answers) { classes[question, default: []].insert(answer) }
    questions = classes.sorted { $0.key < $1.key }.map { SpeechQuestion($0.key, classes: $0.value.sorted()) }
  }

  /// What two runs must agree on to be of the same recordings.
  var fingerprint: String {
    var fingerprint = Fingerprint()
    for utterance in train + test {
      let answers = utterance.answers.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      let name = URL(fileURLWithPath: utterance.file).lastPathComponent
      fingerprint.add("\(name)\t\(utterance.text ?? "")\t\(utterance.isTest)\t\(answers.joined(separator: "\t"))\n")
    }
    return fingerprint.text
  }

  private static func utterances(in path: String) throws -> [Utterance] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DataError.noSuchFolder(path: path)
    }
    guard isFolder.boolValue else {
      throw DataError.malformed(file: path, reason: "it is a file, but a folder of recordings was wanted")
    }
    let table = path + "/speech.csv"
    if FileManager.default.fileExists(atPath: table) { return try utterances(table: CSVTable(path: table), folder: path) }
    let files = (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).sorted()
      .filter { $0.lowercased().hasSuffix(".wav") }
    guard !files.isEmpty else { throw DataError.malformed(file: path, reason: "it holds neither speech.csv nor WAV files") }
    return try files.map { file in
      guard let utterance = spokenDigit(path + "/" + file) ?? actedSentence(path + "/" + file) else {
        throw DataError.malformed(
          file: path + "/" + file,
          reason: "its name tells nothing, as those of FSDD and RAVDESS would; list the recordings in speech.csv")
      }
      return utterance
    }
  }

  private static func utterances(table: CSVTable, folder: String) throws -> [Utterance] {
    let (fileColumn, splitColumn) = (try table.place(of: "file"), try table.place(of: "split"))
    return try table.rows.map { row in
      guard ["train", "test"].contains(row.fields[splitColumn]) else {
        throw DataError.malformedLine(
          file: table.path, line: row.line, reason: "the split '\(row.fields[splitColumn])' is neither train nor test")
      }
      var answers: [String: String] = [:]
      for (column, field) in zip(table.columns, row.fields) where !field.isEmpty { answers[column] = field }
      let text = answers.removeValue(forKey: "text")?.lowercased()
      for column in ["file", "split"] { answers[column] = nil }
      return Utterance(
        file: folder + "/" + row.fields[fileColumn], text: text, answers: answers, isTest: row.fields[splitColumn] == "test")
    }
  }

  /// Of the Free Spoken Digit Dataset: digit, speaker, number.
  private static func spokenDigit(_ file: String) -> Utterance? {
    let parts = name(file).split(separator: "_")
    guard parts.count == 3, let digit = Int(parts[0]), (0...9).contains(digit), let index = Int(parts[2]) else { return nil }
    let words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return Utterance(file: file, text: words[digit], answers: ["speaker": String(parts[1])], isTest: index < 5)
  }

  /// Of the Ryerson Audio-Visual Database of Emotional Speech and Song (Livingstone and Russo 2018): modality, channel,
  /// emotion, intensity, sentence, repetition, actor. Who speaks is no question: those of the test are strangers.
  private static func actedSentence(_ file: String) -> Utterance? {
    let parts = name(file).split(separator: "-").map { Int($0) ?? 0 }
    guard parts.count == 7, (1...8).contains(parts[2]), (1...2).contains(parts[4]), (1...24).contains(parts[6]) else {
      return nil
    }
    let emotions = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
    let sentences = ["kids are talking by the door", "dogs are sitting by the door"]
    return Utterance(
      file: file, text: sentences[parts[4] - 1],
      answers: ["emotion": emotions[parts[2] - 1], "gender": parts[6] % 2 == 0 ? "female" : "male"], isTest: parts[6] > 20)
  }

  private static func name(_ file: String) -> String { URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent }
}
