import DeviceNN
import Foundation
import Testing

/// Speech through the command, on a few whistles.
@Suite struct SpeechTests {
  let folder = try! TemporaryFolder()

  private func whistles() throws -> String {
    var lines = ["file,text,mood,split"]
    for i in 0..<6 {
      let tone = (0..<1200).map { Float(0.3 * sin(Double($0) * (i % 2 == 0 ? 1.9 : 0.4) + Double(i))) }
      let clip = AudioClip(samples: tone, sampleRate: 8000)
      try folder.write(Array(clip.wavData()), "whistles/\(i).wav")
      lines.append("\(i).wav,\(i % 2 == 0 ? "hi" : "lo"),\(i % 2 == 0 ? "glad" : "sad"),\(i < 4 ? "train" : "test")")
    }
    try folder.write(Array(lines.joined(separator: "\n").utf8), "whistles/speech.csv")
    return folder.path(of: "whistles")
  }

  @Test func aRunIsTrainedResumedAndAsked() async throws {
    let (data, run) = (try whistles(), folder.path(of: "run"))
    let training = ["speech", "train", "--data", data, "--epochs", "2", "--out", run, "--device", "cpu"]
    let outcome = try await devicenn(training)
    #expect(outcome.status == 0 && outcome.output.contains("character errors"), "\(outcome.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: run).sorted()
    #expect(names == ["checkpoint.safetensors", "config.json", "metrics.jsonl", "model.safetensors", "report.html", "report.json"])
    let again = try await devicenn(training)
    #expect(again.status == 1 && again.errors.contains("already holds a run"))
    #expect(try await devicenn("speech", "train", "--resume", "--out", run, "--device", "cpu").output == outcome.output)
    let other = try await devicenn("speech", "train", "--resume", "--epochs", "3", "--out", run, "--device", "cpu")
    #expect(other.status == 1 && other.errors.contains("--epochs"))
    let seed = try await devicenn("speech", "train", "--resume", "--seed", "1", "--out", run, "--device", "cpu")
    expectRefusal(seed, "was started with --seed 0 and can't be resumed with 1")

    try folder.write([1, 2, 3], "damaged.wav")
    let picture = folder.path(of: "heard.png")
    let answers = try await devicenn(
      "speech", "predict", "--model", run, folder.path(of: "damaged.wav"), data + "/5.wav", "--picture", picture,
      "--device", "cpu")
    #expect(answers.status == 1 && answers.errors.contains("damaged.wav is no RIFF file of WAVE"))
    #expect(answers.output.contains("5.wav: \"") && answers.output.contains("mood "))
    #expect(try Image(contentsOf: picture).height > 100)
    try await oddSoundsHaveAnAnswer(run)
    let json = try await devicenn("speech", "predict", "--model", run, "--json", data + "/5.wav", "--device", "cpu")
    #expect(json.output.contains("\"text\":") && json.output.contains("\"mood\":{\"glad\":"))
  }

  /// Silence, a clip of one sample and one that is cut off at full scale are heard as something; no sound at all is refused.
  private func oddSoundsHaveAnAnswer(_ run: String) async throws {
    let sounds: [(String, [Float])] = [
      ("silent", [Float](repeating: 0, count: 4000)), ("short", [0.5]),
      ("clipped", (0..<4000).map { sin(Float($0)) > 0 ? 1 : -1 }), ("empty", []),
    ]
    for (name, samples) in sounds {
      try folder.write(Array(AudioClip(samples: samples, sampleRate: 8000).wavData()), name + ".wav")
    }
    let answers = try await devicenn(
      ["speech", "predict", "--model", run, "--device", "cpu"] + sounds.map { folder.path(of: $0.0 + ".wav") })
    #expect(answers.status == 1 && answers.errors.contains("empty.wav holds no sound"), "\(answers.errors)")
    for name in ["silent", "short", "clipped"] { #expect(answers.output.contains(name + ".wav: \""), "\(answers.output)") }
    #expect(!answers.output.contains("nan"))
  }

  @Test func whatIsNoRunOrNoDataIsRefused() async throws {
    expectRefusal(try await devicenn("speech", "predict", "--model", "nowhere", "a.wav"), "nowhere", "no such folder")
    expectRefusal(
      try await devicenn("speech", "train", "--data", "nowhere", "--out", folder.path(of: "run")), "there is no folder nowhere")
    let demo = try await devicenn(
      ["speech", "demo", "--out", folder.path(of: "demo")], environment: ["PATH": "/nonexistent"])
    // Where Homebrew is, the program may be there all the same.
    if !FileManager.default.fileExists(atPath: "/opt/homebrew/bin/espeak-ng") { expectRefusal(demo, "espeak-ng", "install it") }
  }
}
