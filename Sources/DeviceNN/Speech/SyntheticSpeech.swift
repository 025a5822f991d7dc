internal import Foundation

/// Words spoken by the program `espeak-ng`, in voices, pitches and speeds that stand for calm, excited and sad.
public struct SyntheticSpeech: Sendable {
  public var words = [
    "start", "stop", "left", "right", "open", "close", "louder", "softer", "hello", "thank you", "good morning",
    "good night",
  ]
  /// Variants of one voice: men's and women's.
  public var voices = ["m1", "m2", "m3", "m4", "m5", "m6", "f1", "f2", "f3", "f4"]
  /// Kept for the test.
  public var testVoices: Set<String> = ["m6", "f4"]
  /// Pitch (of 100) and words a minute.
  public var emotions: [(name: String, pitch: Int, speed: Int)] = [
    ("calm", 45, 150), ("excited", 85, 200), ("sad", 20, 110),
  ]

  public init() {}

  /// Writes WAV files and `speech.csv` into a folder; what is there already from an earlier time is kept.
  ///
  /// - Returns: how many recordings there are.
  public func record(to folder: String) throws -> Int {
    guard let program = Self.program else { throw SpeechError.noSynthesizer }
    try AtomicFile.makeFolder(folder)
    let all = words.flatMap { word in voices.flatMap { voice in emotions.map { (word, voice, $0) } } }
    let rows = all.map { word, voice, emotion in
      (file: "\(word.replacing(" ", with: "_"))-\(voice)-\(emotion.name).wav", word: word, voice: voice, emotion: emotion)
    }
    let failures = concurrentMap(rows.count) { i -> (any Error)? in
      let (row, path) = (rows[i], "\(folder)/\(rows[i].file)")
      guard !FileManager.default.fileExists(atPath: path) else { return nil }
      return Result { try speak(row.word, row.voice, row.emotion.pitch, row.emotion.speed, program, to: path) }.failure
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
    let lines = rows.map { row in
      let part = testVoices.contains(row.voice) ? "test" : "train"
      return "\(row.file),\(row.word),\(row.emotion.name),\(row.voice.hasPrefix("m") ? "male" : "female"),\(part)"
    }
    let table = (["file,text,emotion,gender,split"] + lines).joined(separator: "\n") + "\n"
    try AtomicFile.write(table, to: folder + "/speech.csv")
    return rows.count
  }

  private func speak(
    _ word: String, _ voice: String, _ pitch: Int, _ speed: Int, _ program: String, to path: String
  ) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    let partial = path + ".partial"
    process.arguments = ["-v", "en+\(voice)", "-p", "\(pitch)", "-s", "\(speed)", "-w", partial, word]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0, rename(partial, path) == 0 else {
      unlink(partial)
      throw SpeechError.synthesizerFailed(program: program, status: Int(process.terminationStatus))
    }
  }

  /// Where the program is, if it is anywhere.
  private static var program: String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    return (folders + ["/opt/homebrew/bin"]).map { $0 + "/espeak-ng" }.first(where: FileManager.default.isExecutableFile)
  }
}

extension Result {
  fileprivate var failure: (any Error)? {
    if case .failure(let error) = self { return error }
    return nil
  }
}

public enum SpeechError: Error, Equatable, Sendable {
  case noSynthesizer
  case synthesizerFailed(program: String, status: Int)
}

extension SpeechError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSynthesizer:
      "the program espeak-ng is not here, which is to speak: install it with 'apt-get install espeak-ng' or "
        + "'brew install espeak-ng'"
    case .synthesizerFailed(let program, let status): "\(program) ended with status \(status) and no recording"
    }
  }
}
