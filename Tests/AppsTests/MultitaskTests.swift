import DeviceNN
import Foundation
import Testing

/// Several questions on one network, through the command.
@Suite struct MultitaskTests {
  let folder = try! TemporaryFolder()
  var out: String { folder.path(of: "run") }

  /// A few small portraits, drawn once for all tests.
  static let portraits: String = {
    try! drawPortraits(to: kept.path(of: "portraits"), train: 24, validation: 8, size: 32)
  }()
  private static let kept = try! TemporaryFolder()

  private func arguments(_ out: String, data: String = Self.portraits, epochs: Int = 2, _ more: String...) -> [String] {
    [
      "multitask", "--data", data, "--image-size", "32", "--epochs", "\(epochs)", "--batch-size", "8", "--device", "cpu",
      "--out", out,
    ] + more
  }

  private static let tasks = ["--task", "age:uncertain", "--task", "glasses", "--task", "expression:ordinal:sad,neutral,happy"]

  private func epochs(_ run: RunFolder) -> [EpochNumbers] { (try? EpochLog<EpochNumbers>.read(run.metricsPath)) ?? [] }

  /// What must be equal in two runs.
  private func result(_ path: String) -> (model: Data?, metrics: [String]) {
    let run = RunFolder(path)
    return (
      FileManager.default.contents(atPath: run.modelPath),
      epochs(run).map { epoch in
        EpochNumbers(epoch: epoch.epoch, epoch.numbers.filter { !["seconds", "itemsPerSecond"].contains($0.key) }).jsonLine
      }
    )
  }

  @Test func aRunAnswersAllQuestions() async throws {
    let outcome = try await devicenn(arguments(out, epochs: 1) + Self.tasks)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("age: mean absolute error") && outcome.output.contains("glasses: accuracy"))
    #expect(outcome.errors.contains("training photos have no label"))
    let names = try FileManager.default.contentsOfDirectory(atPath: out).sorted()
    #expect(names == ["checkpoint.safetensors", "config.json", "metrics.jsonl", "model.safetensors", "report.html", "report.json"])
    let report = try String(contentsOfFile: RunFolder(out).reportPath, encoding: .utf8)
    for part in ["age: loss", "glasses: accuracy", "How gradients agree", "What tasks count for", "expression: what was said", "<svg"] {
      #expect(report.contains(part), "the report lacks \(part)")
    }

    let photo = (Self.portraits as NSString).deletingLastPathComponent + "/val/portrait_0000.jpg"
    let answer = try await devicenn("predict", "--model", out, photo, "--device", "cpu")
    #expect(answer.status == 0 && answer.output.contains("age ") && answer.output.contains(" ± "))
    #expect(answer.output.contains("glasses ") && answer.output.contains("expression "))
    let json = try await devicenn("predict", "--model", out, "--json", photo, "--device", "cpu")
    #expect(json.output.contains("\"answers\":{\"age\":{\"answer\":"))
    let missing = try await devicenn("predict", "--model", out, "nowhere.jpg", photo, "--device", "cpu")
    #expect(missing.status == 1 && missing.output == answer.output && missing.errors.contains("nowhere.jpg"))
    expectRefusal(try await devicenn("export", "--model", out, "--out", folder.path(of: "exported")), "answers several questions")
  }

  @Test func whatARunLearntIsMeasuredOnOtherPhotos() async throws {
    #expect(try await devicenn(arguments(out, epochs: 1) + Self.tasks).status == 0)
    let epoch = try #require(epochs(RunFolder(out)).last)
    let same = try await devicenn(
      "evaluate", "--model", out, "--data", Self.portraits, "--json", "--batch-size", "8", "--device", "cpu")
    struct Measured: Decodable {
      let photos: Int
      let tasks: [String: [String: Double?]]
    }
    let measured = try JSONDecoder().decode(Measured.self, from: Data(same.output.utf8))
    #expect(measured.tasks["age"]?["mae"] == epoch["validation/age/mae"] && measured.photos == 8)
    // Photos of another list: labels mean what they meant to the model, however these are spread.
    let photo = (Self.portraits as NSString).deletingLastPathComponent + "/val/portrait_0000.jpg"
    func list(_ row: String) throws -> String {
      try folder.write(Array("path,split,age,glasses,expression\n\(photo),test,\(row)\n".utf8), "other.csv")
    }
    let other = try await devicenn("evaluate", "--model", out, "--data", try list("31,,sad"), "--split", "test", "--device", "cpu")
    #expect(other.status == 0 && other.output.contains("expression: mean class error"), "\(other)")
    #expect(other.output.contains("glasses: accuracy –") && other.output.contains("no photo has a label of it"), "\(other)")
    expectRefusal(
      try await devicenn("evaluate", "--model", out, "--data", try list("31,perhaps,sad"), "--split", "test", "--device", "cpu"),
      "line 2", "'perhaps'")
    expectRefusal(try await devicenn("evaluate", "--model", out, "--data", Self.portraits, "--split", "test", "--device", "cpu"), "no test")
  }

  @Test func runsSideBySide() async throws {
    let other = folder.path(of: "other")
    #expect(try await devicenn(arguments(out, epochs: 1) + Self.tasks).status == 0)
    #expect(try await devicenn(arguments(other, epochs: 2, "--weighting", "famo") + Self.tasks).status == 0)
    let page = folder.path(of: "compare.html")
    let outcome = try await devicenn("compare", out, other, "--out", page)
    #expect(outcome.status == 0 && outcome.errors == "", "\(outcome)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 4 && lines[0].contains("glasses: accuracy") && lines[0].contains("Δm"))
    #expect(lines[1...2].contains { $0.hasPrefix(other) && $0.contains("famo") })
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("age: mean absolute error"))
    let json = try await devicenn("compare", "--json", out, other)
    #expect(json.output.split(separator: "\n").count == 2 && json.output.contains("\"weighting\":\"famo\""))
    let few = folder.path(of: "few")
    #expect(try await devicenn(arguments(few, epochs: 1, "--task", "age", "--task", "hair")).status == 0)
    expectRefusal(try await devicenn("compare", out, few), "it learnt age (regression), hair")
  }

  @Test func killedRunsEndLikeWholeOnes() async throws {
    let more = Self.tasks + ["--seed", "5", "--weighting", "famo", "--average", "exponential"]
    #expect(try await devicenn(arguments(out, epochs: 3) + more).status == 0)
    let whole = result(out)
    #expect(whole.metrics.count == 3 && whole.model != nil)
    let moments: [(String, (RunFolder) -> Bool)] = [
      ("before the first epoch ends", { $0.isRun }), ("in the middle of writing", { epochs($0).count == 1 }),
      ("after the first model", { FileManager.default.fileExists(atPath: $0.modelPath) }),
      ("at the end", { epochs($0).count == 3 }),
    ]
    for (name, isTime) in moments {
      let run = RunFolder(folder.path(of: name))
      let command = try Command(arguments(run.path, epochs: 3) + more)
      while command.isRunning, !isTime(run) { try await Task.sleep(for: .milliseconds(1)) }
      command.send(SIGKILL)
      _ = await command.outcome()
      let again = try await devicenn("multitask", "--resume", "--out", run.path, "--device", "cpu")
      #expect(again.status == 0, "\(name): \(again.errors)")
      #expect(result(run.path) == whole, "\(name)")
      #expect(FileManager.default.fileExists(atPath: run.reportPath), "\(name)")
    }
  }

  @Test(arguments: ["last-stage", "cross-stitch", "attention", "experts"]) func tasksMayShareLess(_ sharing: String) async throws {
    let outcome = try await devicenn(arguments(out, epochs: 1, "--sharing", sharing) + Self.tasks)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let photo = (Self.portraits as NSString).deletingLastPathComponent + "/val/portrait_0000.jpg"
    #expect(try await devicenn("predict", "--model", out, photo, "--device", "cpu").status == 0)
    let column = try await devicenn("evaluate", "--model", out, "--data", Self.portraits, "--label-column", "age", "--device", "cpu")
    #expect(column.status == 64 && column.errors.contains("--label-column is for a run of one question"), "\(column)")
  }

  @Test func theBaselineTellsWhatSharingBrings() async throws {
    let outcome = try await devicenn(
      arguments(out, epochs: 1, "--baseline", "--weighting", "upgrad", "--task", "glasses", "--task", "hair"))
    #expect(outcome.status == 0, "\(outcome.errors)")
    for word in ["together", "alone", "mean gain Δm", "parameters", "2 models"] { #expect(outcome.output.contains(word)) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: out + "/alone").sorted() == ["1-glasses", "2-hair"])
    let report = try String(contentsOfFile: RunFolder(out).reportPath, encoding: .utf8)
    #expect(report.contains("Together and alone"))
    // Gone on with, the models of one task are not trained again.
    let again = try await devicenn("multitask", "--resume", "--out", out)
    #expect(again.status == 0 && again.output.contains("mean gain"), "\(again.errors)")
    #expect(!again.errors.contains("epoch 1/1"))
  }

  // MARK: What is wrong

  private func refusal(_ arguments: [String], _ words: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let outcome = try await devicenn(arguments)
    #expect(outcome.status == 1 && outcome.output == "", "\(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
    for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation) }
    #expect(!FileManager.default.fileExists(atPath: out), "a run was left", sourceLocation: sourceLocation)
  }

  @Test func dataThatCannotBeLearnt() async throws {
    let photos = (Self.portraits as NSString).deletingLastPathComponent
    func list(_ header: String, _ rows: String...) throws -> String {
      let lines = rows.enumerated().map { "\(photos)/train/portrait_000\($0).jpg,\($1)" }
      return try folder.write(Array(([header] + lines).joined(separator: "\n").utf8), "list.csv")
    }
    try await refusal(arguments(out, epochs: 1, "--task", "height"), "no column 'height'", "glasses")
    try await refusal(arguments(out, data: try list("path,split,a,b", "train,1,", "train,2,", "val,1,"), "--task", "a", "--task", "b"), "'b'", "no training picture")
    try await refusal(arguments(out, data: try list("path,split,a", "train,7", "train,7", "val,1"), "--task", "a:regression"), "'a'", "the same, 7")
    try await refusal(arguments(out, data: try list("path,split,a", "train,7", "train,nan", "val,1"), "--task", "a:regression"), "line 3", "'nan'")
    let twice = try folder.write(Array("path,a\n\(photos)/val/portrait_0000.jpg,1\n\(photos)/val/portrait_0000.jpg,2\n".utf8), "twice.csv")
    try await refusal(arguments(out, data: twice), "line 3", "listed twice")
    let respelt = try folder.write(Array("path,a\n\(photos)/val/portrait_0000.jpg,1\n\(photos)/val/./portrait_0000.jpg,2\n".utf8), "respelt.csv")
    try await refusal(arguments(out, data: respelt), "line 3", "listed twice")
    try await refusal(arguments(out, data: folder.path(of: "nowhere.csv")), "nowhere.csv")
  }

  @Test func optionsThatDoNotFit() async throws {
    let wrong: [([String], String)] = [
      (arguments(out, epochs: 1, "--task", "age:dance"), "--task 'age:dance'"), (arguments(out, epochs: 1, "--weighting", "magic"), "--weighting 'magic'"),
      (arguments(out, epochs: 1, "--task-weights", "1,x"), "--task-weights"), (arguments(out, epochs: 1, "--weighting", "static"), "--task-weights"),
      (arguments(out, epochs: 1, "--mixup", "0.2"), "--mixup"), (arguments(out, epochs: 1, "--recipe", "gradual"), "--recipe gradual"),
      (arguments(out, epochs: 1, "--rank", "2"), "--rank has no effect with --recipe full"),
      (arguments(out, epochs: 1, "--few-shot", "2"), "--few-shot"), (arguments(out, epochs: 1, "--balance", "sampling"), "--balance sampling"),
      (arguments(out, epochs: 1, "--sharing", "cross-stitch", "--weighting", "mgda"), "--weighting mgda"),
      (arguments(out, epochs: 1, "--weighting", "famo", "--task-weights", "1,2"), "--task-weights"),
      (arguments(out, epochs: 1, "--sharing", "attention", "--backbone", "vit_tiny_patch16_224", "--from-scratch"), "makes none"),
      (["multitask"], "--data"), (["multitask", "--resume"], "--out"), (["bench", "multimnist", "--weighting", "magic"], "'magic'"),
    ]
    for (arguments, word) in wrong {
      let outcome = try await devicenn(arguments)
      #expect(outcome.status == 64 && outcome.output == "", "\(arguments): \(outcome)")
      #expect(outcome.errorLines.first?.hasPrefix("Error: ") == true && outcome.errorLines[0].contains(word), "\(outcome.errors)")
    }
    #expect(try await devicenn(arguments(out, epochs: 1, "--task-weights", "1") + Self.tasks).status != 0)
    #expect(try await devicenn(arguments(out, epochs: 1) + Self.tasks).status == 0)
    let others = [
      (["--weighting", "mgda"], "--weighting equal"), (["--task", "age", "--task", "hair"], "--task age glasses expression"),
      (["--task-weights", "1,2,3"], "--task-weights 1 each"), (["--weights", "other.safetensors"], "--weights"),
      (["--skip-bad-images"], "--skip-bad-images false"),
    ]
    for (options, word) in others {
      let other = try await devicenn(["multitask", "--resume", "--out", out, "--device", "cpu"] + options)
      #expect(other.status == 1 && other.errors.contains(word), "\(other.errors)")
    }
    let again = try await devicenn(arguments(out, epochs: 1) + Self.tasks)
    #expect(again.status == 1 && again.errors.contains("already holds a run"))
  }
}
