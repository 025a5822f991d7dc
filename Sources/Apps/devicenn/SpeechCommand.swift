// What a spoken sentence says, and who says it how: one network, several questions, data sets that answer different ones.
import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct SpeechCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speech", abstract: "Transcribes speech, and tells emotion, speaker or whatever else the data answers.",
    subcommands: [SpeechTrainCommand.self, SpeechPredictCommand.self, SpeechDemoCommand.self])
}

struct SpeechTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Trains one network on one or several folders of recordings.",
    discussion: """
      A folder holds speech.csv (columns file, text, split with train or test, and one for each question; what is unknown \
      is empty) and WAV files, or the recordings of FSDD or RAVDESS. Folders need not answer the same questions.
      """)

  @Option(help: ArgumentHelp("A folder of recordings; may be given several times.", valueName: "dir"))
  var data: [String] = []
  @Option(help: "Passes over the data. (default: 45)") var epochs: Int?
  @Option(help: "Decides the first weights and all that is drawn while training. (default: 0)") var seed: UInt64?
  @Option(help: ArgumentHelp("The run's folder.", valueName: "run")) var out: String
  @Flag(help: "Continue the run in --out, with the options that it was started with.") var resume = false
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if !resume && data.isEmpty { throw ValidationError("--data is missing: a folder of recordings.") }
    if let epochs, epochs < 1 { throw ValidationError("--epochs must be 1 or more.") }
  }

  func run() throws {
    let (run, progress) = (RunFolder(out), ProgressBar())
    defer { progress.clear() }
    let signals = progress.sayHowToGoOn(with: run, command: "speech train", on: device)
    defer { signals.forEach { $0.cancel() } }
    if !resume { try run.requireFree() }
    let device = try resume ? device.open(for: run) : device.open()

    // Recordings, and what is known of them.
    var stored: SpeechConfiguration?
    if resume { stored = try run.speechConfiguration() }
    if let options = stored?.options {
      try run.refuseOthers(than: [
        ("--epochs", "\(options.epochs)", epochs.map { "\($0)" }), ("--seed", "\(options.seed)", seed.map { "\($0)" }),
      ])
    }
    let speech = try SpeechDataset(paths: data.isEmpty ? stored!.data : data)
    guard !speech.alphabet.isEmpty || !speech.questions.isEmpty else {
      throw DataError.malformed(
        file: speech.paths.joined(separator: ", "),
        reason: "no recording for training has a text or an answer: there is nothing to learn")
    }
    for question in speech.questions { progress.print("\(question.name): \(question.classes.joined(separator: ", "))") }

    // A network for their alphabet and questions.
    var options = SpeechOptions()
    options.epochs = epochs ?? options.epochs
    options.seed = seed ?? options.seed
    var configuration = stored ?? SpeechConfiguration(speech, options: options)
    configuration.command = stored?.command ?? typedCommand
    let model = configuration.makeModel(on: device)
    progress.print(
      "\(speech.train.count) recordings to learn from, \(speech.test.count) for the test; "
        + "\(model.parameterCount) parameters on \(device.description.name)")

    // Training: it stores where it stands after each epoch.
    let trainer = try Trainer(model, configuration, data: speech, run: run, on: device, isResumed: resume)
    try trainer.train(onProgress: progress.update) { epoch in
      progress.print("epoch \(epoch.epoch)/\(configuration.options.epochs)  \(epoch.speechLine)")
    }

    // What came of it.
    let heard = try trainer.problem.hear()
    for source in speech.paths.indices {
      let scores = SpeechScores(heard.filter { $0.utterance.source == source }, speech.questions)
      try say("\(speech.paths[source]): \(scores.text)")
    }
    try SpeechReport(
      configuration: configuration, device: device.description.name, epochs: try trainer.epochs, seconds: trainer.seconds,
      heard: heard
    ).write(to: run)
    try say("the report: \(run.reportPath)")
  }
}

struct SpeechPredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Says what a trained model hears in WAV files.",
    discussion: "A file that can't be read is named on standard error; the others are answered, and the command fails.")

  @Option(help: ArgumentHelp("The folder of a run.", valueName: "run")) var model: String
  @Argument(help: ArgumentHelp("WAV files of 8 to 48 kHz.", valueName: "wav")) var files: [String]
  @Option(help: ArgumentHelp("Where the spectrogram of the last file, with what was heard, is drawn.", valueName: "file.png"))
  var picture: String?
  @Flag(help: "Print one JSON object a file.") var json = false
  @OptionGroup var device: DeviceOption

  func run() throws {
    if let picture { try refuse([picture], amongInputs: files) }
    let recognizer = try SpeechRecognizer(RunFolder(model), on: device.open())
    let questions = recognizer.configuration.questions
    try forEachFile(files) { try AudioClip(contentsOf: $0) } answer: { file, clip in
      let heard = try recognizer(clip)
      if json {
        let answers = zip(questions, heard.probabilities).map { question, probabilities in
          (question.name, JSONValue.object(zip(question.classes, probabilities).map { ($0, .number(Double($1))) }))
        }
        try say(jsonObject([("file", .text(file)), ("text", .text(heard.text))] + answers))
      } else {
        try say("\(file): \"\(heard.text)\"" + heard.answers(to: questions).map { ", " + $0 }.joined())
      }
      if let picture {
        let image = SpectrogramPicture(heard, answers: heard.answers(to: questions)).image()
        try AtomicFile.write(Data(image.pngData()), to: picture)
      }
    }
  }
}

struct SpeechDemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Has words spoken by espeak-ng, calmly, excitedly and sadly, and learns to understand them.",
    discussion: "Two of ten voices are kept for the test. Needs the program espeak-ng, which most systems have a package of.")

  @Option(help: ArgumentHelp("A folder for the recordings and the run.", valueName: "dir")) var out = "demo-speech"
  @Option(help: "Passes over the recordings.") var epochs = 30
  @Option(help: "Decides how training goes.") var seed: UInt64 = 0
  @OptionGroup var device: DeviceOption

  func run() throws {
    let (recordings, run) = (out + "/recordings", out + "/run")
    let count = try SyntheticSpeech().record(to: recordings)
    try say("espeak-ng spoke \(count) recordings into \(recordings).")
    let device = device.name.map { ["--device", $0] } ?? []
    let arguments = ["--data", recordings, "--epochs", "\(epochs)", "--seed", "\(seed)", "--out", run] + device
    try runShown(SpeechTrainCommand.self, "speech train", arguments)
    let unheard = try SpeechDataset(paths: [recordings]).test.map(\.file)
    let chosen = stride(from: 0, to: unheard.count, by: max(unheard.count / 5, 1)).map { unheard[$0] }
    let question = ["--model", run, "--picture", out + "/heard.png"] + chosen + device
    try runShown(SpeechPredictCommand.self, "speech predict", question)
  }
}

extension EpochNumbers {
  /// What an epoch came to: the losses, and what was measured of each task.
  fileprivate var speechLine: String {
    let shares = numbers.filter { $0.key.hasPrefix("validation/") && !$0.key.hasSuffix("loss") }.sorted { $0.key < $1.key }
    return String(format: "loss %.3f  validation %.3f  ", self["loss"], self["validation/loss"])
      + shares.map { "\($0.key.dropFirst("validation/".count)) \(percent($0.value))" }.joined(separator: "  ")
      + String(format: "  %.1f s", self["seconds"])
  }
}
