import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct SpeechBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speech", abstract: "Measures how long a trained model takes to hear one second.",
    discussion: "From samples to text and answers, as 'speech predict' does it; medians of 30. DEVICENN_THREADS=1 takes one core.")

  @Option(help: ArgumentHelp("The folder of a run.", valueName: "run")) var model: String
  @Argument(help: ArgumentHelp("A WAV file, of which a second is heard, again and again where it is shorter.", valueName: "wav"))
  var file: String
  @OptionGroup var device: DeviceOption

  func run() throws {
    let device = try device.open()
    let recognizer = try SpeechRecognizer(RunFolder(model), on: device)
    let whole = try AudioClip(contentsOf: file)
    let clip = AudioClip(
      samples: (0..<whole.sampleRate).map { whole.samples[$0 % whole.samples.count] }, sampleRate: whole.sampleRate)
    let heard = try recognizer(clip)
    let decoder = recognizer.configuration.decoder
    let all = try milliseconds { _ = try recognizer(clip) }
    let greedy = milliseconds { _ = decoder.greedy(heard.logProbabilities) }
    let beam = milliseconds { _ = decoder.beam(heard.logProbabilities, width: SpeechRecognition.beamWidth) }
    func line(_ name: String, _ time: Double) throws { try say("\(name) \(String(format: "%.2f", time)) ms") }
    try say("One second of \(file) on \(device.description.name): \"\(heard.text)\"")
    try line("all, with a search of \(SpeechRecognition.beamWidth) beams:", all)
    try line("of that the search:", beam)
    try line("all, with the likeliest character of each step instead:", all - beam)
    try line("of that the characters:", greedy)
  }

  private func milliseconds(_ work: () throws -> Void) rethrows -> Double {
    let times = try (0..<30).map { _ in try ContinuousClock().measure { try work() } / .milliseconds(1) }
    return times.sorted()[15]
  }
}
