import Foundation
import Kernels
import Testing

@testable import DeviceNN

/// Two sets of whistles which answer different questions.
@Suite struct SpeechTrainingTests {
  private let folder = try! TemporaryFolder()

  private struct Stopped: Error {}

  /// High tones are "hi", low ones "lo"; the first set knows the mood, the second the speaker.
  private func dataset() throws -> SpeechDataset {
    for (set, question) in [("one", "mood"), ("two", "speaker")] {
      try FileManager.default.createDirectory(atPath: folder.path(of: set), withIntermediateDirectories: true)
      var lines = ["file,text,\(question),split"]
      for i in 0..<10 {
        let noise = GoldenNumbers.signed("\(set) \(i)", count: 1200 + i * 60)
        let tone = noise.indices.map { Float(0.3 * sin(Double($0) * (i % 2 == 0 ? 1.9 : 0.4))) + 0.02 * noise[$0] }
        try AudioClip(samples: tone, sampleRate: 8000).write(to: folder.path(of: "\(set)/\(i).wav"))
        lines.append("\(i).wav,\(i == 3 ? "" : i % 2 == 0 ? "hi" : "lo"),\(i % 4 < 2 ? "ann" : "bob"),\(i < 8 ? "train" : "test")")
      }
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: folder.path(of: "\(set)/speech.csv")))
    }
    return try SpeechDataset(paths: [folder.path(of: "one"), folder.path(of: "two")])
  }

  private func trainer(
    _ name: String, _ data: SpeechDataset, epochs: Int = 3, isResumed: Bool = false
  ) throws -> Trainer<SpeechProblem> {
    var options = SpeechOptions()
    (options.epochs, options.framesPerBatch, options.seed) = (epochs, 80, 7)
    var configuration = SpeechConfiguration(data, options: options)
    configuration.spectrogram.bands = 8
    let device = TestDevice.cpu
    return try Trainer(
      configuration.makeModel(on: device), configuration, data: data, run: RunFolder(folder.path(of: name)), on: device,
      isResumed: isResumed)
  }

  @Test func aStoppedRunEndsLikeAWholeOne() throws {
    let data = try dataset()
    try trainer("whole", data).train()
    #expect(throws: Stopped.self) {
      try trainer("stopped", data).train(onEpoch: { if $0.epoch == 2 { throw Stopped() } })
    }
    try trainer("stopped", data, isResumed: true).train()
    let files = ["whole", "stopped"].map { RunFolder(folder.path(of: $0)) }
    let models = files.map { FileManager.default.contents(atPath: $0.modelPath) }
    #expect(models[0] != nil && models[0] == models[1])
    let losses = try files.map { try EpochLog<EpochNumbers>.read($0.metricsPath).map { $0["loss"] } }
    #expect(losses[0] == losses[1] && losses[0].count == 3)
  }

  @Test func setsTeachWhatTheyKnow() throws {
    let data = try dataset()
    #expect(data.alphabet == ["h", "i", "l", "o"])
    #expect(data.questions == [SpeechQuestion("mood", classes: ["ann", "bob"]), SpeechQuestion("speaker", classes: ["ann", "bob"])])
    let problem = try trainer("run", data).problem
    #expect(problem.tasks == ["text", "mood", "speaker"])
    let next = problem.batches(ofEpoch: 0)
    var (count, missing) = (0, Set<Int>())
    while let batch = try next() {
      count += 1
      let losses = problem.forward(batch).losses
      // Each batch is of one set, and has no loss for the other's question.
      #expect(losses[0] != nil && (losses[1] == nil) != (losses[2] == nil))
      missing.insert(losses[1] == nil ? 1 : 2)
    }
    #expect(count == problem.batchesPerEpoch && missing == [1, 2])
  }

  @Test func whistlesAreLearnt() throws {
    let data = try dataset()
    let trainer = try trainer("run", data, epochs: 30)
    try trainer.train()
    let scores = SpeechScores(try trainer.problem.hear(), data.questions)
    #expect(scores.exactShare == 1, "\(scores.text)")
    // The run's folder is enough to hear a clip, in a file of another rate.
    let recognizer = try SpeechRecognizer(trainer.run, on: TestDevice.cpu)
    let clip = try AudioClip(contentsOf: folder.path(of: "one/8.wav"))
    #expect(try recognizer(clip.resampled(to: 16000)).text == "hi")
    #expect(try recognizer(AudioClip(samples: [0], sampleRate: 8000)).text.count <= 1)
    // Silence, what was clipped, and the loudest that a file may hold, have an answer.
    let tone = clip.samples.map { $0 > 0 ? Float(1) : -1 }
    for samples in [[Float](repeating: 0, count: 4000), tone, tone.map { $0 * 0x1p31 }] {
      let heard = try recognizer(AudioClip(samples: samples, sampleRate: 8000))
      #expect(heard.probabilities.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-4 }, "\(heard.probabilities)")
    }
  }

  @Test func reportsShowWhatWasHeard() throws {
    let data = try dataset()
    let trainer = try trainer("run", data, epochs: 1)
    try trainer.train()
    let report = SpeechReport(
      configuration: SpeechConfiguration(data), device: "<cpu>", epochs: try trainer.epochs, seconds: 1,
      heard: try trainer.problem.hear())
    let html = report.html()
    #expect(html.contains("data:image/png;base64,") && html.contains("&lt;cpu&gt;") && html.contains("mood: what was taken for what"))
    try report.write(to: trainer.run)
    let json = try #require(FileManager.default.contents(atPath: trainer.run.numbersPath))
    #expect(try JSONSerialization.jsonObject(with: json) is [String: Any])
  }

  // MARK: Data

  @Test func namesOfPublishedSetsAreRead() throws {
    for name in ["7_jackson_3.wav", "7_jackson_32.wav", "0_theo_10.wav"] { try folder.write([], "digits/" + name) }
    for name in ["03-01-05-01-02-01-12.wav", "03-01-02-01-01-01-21.wav", "03-01-02-01-01-01-03.wav"] { try folder.write([], "acted/" + name) }
    let data = try SpeechDataset(paths: [folder.path(of: "digits"), folder.path(of: "acted")])
    #expect(data.test.map(\.text) == ["seven", "kids are talking by the door"])
    #expect(data.test.map(\.answers) == [["speaker": "jackson"], ["emotion": "calm", "gender": "male"]])
    #expect(data.train.last?.answers == ["emotion": "angry", "gender": "female"])
    #expect(data.train.map(\.source) == [0, 0, 1, 1])
    #expect(data.questions.map(\.name) == ["emotion", "gender", "speaker"])
  }

  @Test func badFoldersAreRefused() throws {
    func refusal(_ path: String) -> String {
      do {
        _ = try SpeechDataset(paths: [path])
        return "none"
      } catch { return "\(error)" }
    }
    #expect(refusal(folder.path(of: "nowhere")).contains("there is no folder"))
    try folder.write([], "empty/readme.txt")
    #expect(refusal(folder.path(of: "empty")).contains("neither speech.csv nor WAV files"))
    try folder.write([], "odd/hello.wav")
    #expect(refusal(folder.path(of: "odd")).contains("hello.wav") && refusal(folder.path(of: "odd")).contains("its name tells nothing"))
    try folder.write([], "half/7_jackson_32.wav")
    #expect(refusal(folder.path(of: "half")).contains("none for the test"))
    try folder.write(Array("file,text\na.wav,x\n".utf8), "columns/speech.csv")
    #expect(refusal(folder.path(of: "columns")).contains("no column 'split'; it has file, text"))
    try folder.write(Array("file,split\na.wav,train\nb.wav,later\n".utf8), "split/speech.csv")
    #expect(refusal(folder.path(of: "split")).contains("line 3") && refusal(folder.path(of: "split")).contains("'later'"))
    try folder.write(Array("file,split,text\na.wav,train,x\nb.wav,test,y\n".utf8), "files/speech.csv")
    let data = try SpeechDataset(paths: [folder.path(of: "files")])
    #expect(throws: AudioError.unreadable(file: folder.path(of: "files") + "/a.wav", reason: "there is no such file")) {
      try trainer("run", data)
    }
  }
}
