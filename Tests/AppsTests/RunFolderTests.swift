import DeviceNN
import Foundation
import Testing

/// Runs that are none, are damaged, are there already, or can't be written.
@Suite struct RunFolderTests {
  let folder = try! TemporaryFolder()

  /// A trained run.
  private func trained(_ name: String = "run", epochs: Int = 1, _ more: String...) async throws -> RunFolder {
    let run = RunFolder(folder.path(of: name))
    let outcome = try await devicenn(training(run.path, epochs: epochs) + more)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return run
  }

  private func files(_ path: String) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    return Dictionary(uniqueKeysWithValues: names.map { ($0, FileManager.default.contents(atPath: path + "/" + $0) ?? Data()) })
  }

  @Test func aRunIsNotOverwritten() async throws {
    let run = try await trained()
    let before = try files(run.path)
    expectRefusal(try await devicenn(training(run.path)), run.path, "already holds a run", "--resume", "--out")
    #expect(try files(run.path) == before)
  }

  /// A page that somebody has there is no run's, and stays.
  @Test func filesOfOthersStay() async throws {
    let page = try folder.write([1, 2, 3], "mine/report.html")
    expectRefusal(try await devicenn(training(folder.path(of: "mine"))), page, "is there already")
    #expect(FileManager.default.contents(atPath: page) == Data([1, 2, 3]))
    for name in ["checkpoint.safetensors", "metrics.jsonl"] {
      let file = try folder.write([1, 2, 3], "\(name) of mine/\(name)")
      expectRefusal(try await devicenn(training(folder.path(of: "\(name) of mine"))), file, "is there already")
    }
  }

  /// It would be a class of the next run.
  @Test func aRunDoesNotLieAmongTheClasses() async throws {
    let photos = try Flowers.copy(to: folder) + "/train"
    expectRefusal(try await devicenn(training(photos + "/runs/first", data: photos)), photos + "/runs/first", "among the folders of classes")
    #expect(!FileManager.default.fileExists(atPath: photos + "/runs"))
  }

  @Test func oneProcessTrainsAtATime() async throws {
    let run = RunFolder(folder.path(of: "run"))
    let first = try Command(training(run.path, epochs: 100_000))
    while first.isRunning, !FileManager.default.fileExists(atPath: run.modelPath) { try await Task.sleep(for: .milliseconds(2)) }
    let second = try await devicenn("finetune", "--resume", "--out", run.path, "--device", "cpu")
    expectRefusal(second, run.path, "is being trained by another process", "--out")
    #expect(first.isRunning)
    first.send(SIGKILL)
    _ = await first.outcome()
    // What was killed locks nothing.
    func epochs() throws -> Int { try MetricsLog.read(run.metricsPath).count }
    let done = try epochs()
    let third = try Command(["finetune", "--resume", "--out", run.path, "--device", "cpu"])
    while third.isRunning, try epochs() <= done { try await Task.sleep(for: .milliseconds(2)) }
    #expect(third.isRunning)
    third.send(SIGKILL)
    _ = await third.outcome()
  }

  /// Foundation's `deletingLastPathComponent` traps at a name of one letter.
  @Test func namesOfAllKinds() async throws {
    for name in ["r", "a/b/c", "slash/", "./dot", "two//slashes", "ünïcode", "-dash", "a b"] {
      let arguments = training("--out=\(name)", epochs: 1).filter { $0 != "--out" }
      let outcome = try await Command(arguments, in: folder.path).outcome()
      #expect(outcome.status == 0, "\(name): \(outcome.errors)")
      #expect(RunFolder(folder.path(of: name)).isRun, "\(name)")
    }
    let here = try await Command(training(".", epochs: 1), in: folder.path).outcome()
    #expect(here.status == 0 && RunFolder(folder.path).isRun)
  }

  @Test func placesThatCanNotBeWritten() async throws {
    let file = try folder.write([1], "file")
    expectRefusal(try await devicenn(training(file)), "\(file) could not be written", "it is a file")
    expectRefusal(try await devicenn(training(file + "/run")), "\(file) could not be written", "it is a file")
    expectRefusal(try await devicenn(training("/proc/no/run")), "/proc/no could not be written", "No such file or directory")
  }

  /// A limit on the size of files is, to a program, a full disk.
  @Test func fullDisks() async throws {
    func limited(blocks: Int, _ run: RunFolder, epochs: Int) async throws -> Outcome {
      let words = [Command.executable] + training(run.path, epochs: epochs)
      return try await Command(
        ["-c", "ulimit -f \(blocks); exec \"$@\"", "sh"] + words, program: "/bin/sh"
      ).outcome()
    }
    // The first checkpoint does not fit; the second, which has moments, does not.
    let size = try Data(contentsOf: URL(fileURLWithPath: try await trained("whole").checkpointPath)).count
    for (name, bytes) in [("first", 100_000), ("second", size / 2)] {
      let run = RunFolder(folder.path(of: name))
      let outcome = try await limited(blocks: bytes / 512, run, epochs: 2)
      expectRefusal(outcome, run.checkpointPath, "could not be written: File too large")
      #expect(!FileManager.default.fileExists(atPath: run.path))
    }
  }

  @Test func aFullDiskKeepsWhatTheRunHas() async throws {
    let run = try await trained(epochs: 1)
    let long = RunFolder(folder.path(of: "long"))
    // More epochs than a busy machine could do before this test gets its turn.
    let command = try Command(training(long.path, epochs: 100_000))
    while command.isRunning, !FileManager.default.fileExists(atPath: long.modelPath) { try await Task.sleep(for: .milliseconds(2)) }
    command.send(SIGKILL)
    _ = await command.outcome()
    let outcome = try await Command(
      ["-c", "ulimit -f 200; exec \"$@\"", "sh", Command.executable, "finetune", "--resume", "--out", long.path, "--device", "cpu"],
      program: "/bin/sh"
    ).outcome()
    expectRefusal(outcome, "could not be written: File too large")
    #expect(try files(long.path).keys.filter { $0.contains("partial") } == [])
    #expect(try await devicenn("evaluate", "--model", long.path, "--data", Flowers.shared.path).status == 0)
    _ = run
  }

  @Test func outputThatCanNotBeWritten() async throws {
    let run = try await trained()
    let outcome = try await Command(
      ["-c", "exec \"$@\" >/dev/full", "sh", Command.executable, "evaluate", "--model", run.path, "--data", Flowers.shared.path],
      program: "/bin/sh"
    ).outcome()
    expectRefusal(outcome, "standard output could not be written", "No space left")
    // Progress is not worth a training.
    let quiet = try await Command(
      ["-c", "exec \"$@\" 2>/dev/full", "sh", Command.executable] + training(folder.path(of: "quiet"), epochs: 1), program: "/bin/sh"
    ).outcome()
    #expect(quiet.status == 0 && quiet.output.hasPrefix("validation accuracy"))
  }

  @Test func resumingWhatIsNotTheRun() async throws {
    let nowhere = folder.path(of: "nowhere")
    expectRefusal(try await devicenn("finetune", "--resume", "--out", nowhere), nowhere, "no such folder")
    expectRefusal(try await devicenn("finetune", "--resume", "--out", folder.path), "no config.json")
    let photos = try Flowers.copy(to: folder)
    let run = try await trained("run", epochs: 1, "--data", photos)
    let before = try RunResult(run.path)
    let options = [
      ["--epochs", "9"], ["--batch-size", "4"], ["--learning-rate", "0.5"], ["--image-size", "64"], ["--seed", "1"],
      ["--backbone", "mobilenet_v2_100"], ["--weights", "x"], ["--from-scratch"], ["--recipe", "lora"], ["--skip-bad-images"],
    ]
    for option in options {
      let outcome = try await devicenn(["finetune", "--resume", "--out", run.path, "--device", "cpu"] + option)
      expectRefusal(outcome, run.path, "was started with \(option[0])")
    }
    try FileManager.default.moveItem(atPath: photos + "/train/daisy/daisy_000.jpg", toPath: photos + "/train/daisy/new.jpg")
    expectRefusal(
      try await devicenn("finetune", "--resume", "--out", run.path, "--device", "cpu"), photos, "does not hold the pictures")
    try FileManager.default.removeItem(atPath: photos)
    expectRefusal(try await devicenn("finetune", "--resume", "--out", run.path, "--device", "cpu"), "no folder \(photos)")
    #expect(try RunResult(run.path) == before)
  }

  @Test func damagedCheckpointsAreNotResumed() async throws {
    let run = try await trained()
    let whole = try SafetensorsFile(path: run.checkpointPath)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: run.checkpointPath)))
    let records = try whole.names.map { try whole.record(named: $0) }
    func resume(_ words: String) async throws {
      expectRefusal(
        try await devicenn("finetune", "--resume", "--out", run.path, "--device", "cpu"), run.checkpointPath, words)
    }
    func rewrite(_ change: (TensorRecord) -> TensorRecord?) throws {
      try writeSafetensors(records.compactMap(change), metadata: whole.metadata, to: run.checkpointPath)
    }
    try rewrite { $0.name == "moment.3.1" ? nil : $0 }
    try await resume("tensor 'moment.3.1'")
    try rewrite { $0.name == "position" ? nil : $0 }
    try await resume("tensor 'position'")
    for position in [[-1, 3, 0, -1], [1, 5, 0, -1], [2, 6, 0, -1], [Int64.max, Int64.max, 0, -1]] as [[Int64]] {
      try rewrite { $0.name == "position" ? TensorRecord(name: "position", shape: [4], position) : $0 }
      try await resume("tensor 'position'")
    }
    try folder.write(Array(bytes.prefix(bytes.count - 1)), "run/checkpoint.safetensors")
    try await resume("truncated?")
    try FileManager.default.removeItem(atPath: run.checkpointPath)
    try await resume("there is no such file")
  }

  @Test func damagedDescriptions() async throws {
    let run = try await trained()
    let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: run.configurationPath)), as: UTF8.self)
    func expectDamage(_ old: String, _ new: String, _ words: String) async throws {
      #expect(text.contains(old), "\(text)")
      try folder.write(Array(text.replacing(old, with: new).utf8), "run/config.json")
      for arguments in [
        ["evaluate", "--model", run.path, "--data", Flowers.shared.path, "--device", "cpu"],
        ["predict", "--model", run.path, "--device", "cpu", Flowers.shared.path + "/val/tulip/tulip_000.jpg"],
        ["finetune", "--resume", "--out", run.path, "--device", "cpu"],
      ] { expectRefusal(try await devicenn(arguments), run.path, words) }
    }
    try await expectDamage("{", "", "not JSON")
    try await expectDamage("\"classes\"", "\"klasses\"", "'classes' is missing")
    try await expectDamage("\"imageSize\" : 32", "\"imageSize\" : 0", "imageSize")
    try await expectDamage("\"imageSize\" : 32", "\"imageSize\" : 1e9", "imageSize")
    try await expectDamage("\"batchSize\" : 8", "\"batchSize\" : 0", "batchSize")
    try await expectDamage("\"epochs\" : 1", "\"epochs\" : -1", "epochs")
    try await expectDamage("mobilenet_v2_035", "mobilenet_v2_000", "mobilenet_v2_000")
    try await expectDamage("\"daisy\"", "\"tulip\"", "classes")
  }

  @Test func foldersThatAreNoRuns() async throws {
    let photo = Flowers.shared.path + "/val/tulip/tulip_000.jpg"
    for model in [folder.path, folder.path(of: "nowhere"), photo] {
      expectRefusal(try await devicenn("predict", "--model", model, photo, "--device", "cpu"), model, "is not the folder of a run")
      expectRefusal(
        try await devicenn("evaluate", "--model", model, "--data", Flowers.shared.path, "--device", "cpu"), model,
        "is not the folder of a run")
    }
    let run = try await trained()
    try FileManager.default.removeItem(atPath: run.modelPath)
    expectRefusal(try await devicenn("predict", "--model", run.path, photo, "--device", "cpu"), "model.safetensors", "--resume")
    try writeSafetensors([("a", [1], [1])], to: run.modelPath)
    expectRefusal(try await devicenn("predict", "--model", run.path, photo, "--device", "cpu"), run.modelPath, "is missing")
  }

  @Test func classesThatTheModelDoesNotKnow() async throws {
    let run = try await trained()
    let photos = try Flowers.copy(to: folder)
    for part in ["train", "val"] {
      try FileManager.default.moveItem(atPath: "\(photos)/\(part)/daisy", toPath: "\(photos)/\(part)/thistle")
    }
    expectRefusal(
      try await devicenn("evaluate", "--model", run.path, "--data", photos, "--device", "cpu"), photos, "thistle", "daisy")
  }
}
