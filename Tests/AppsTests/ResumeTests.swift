import DeviceNN
import Foundation
import Testing

/// A run that was killed goes on as if it had not been.
@Suite struct ResumeTests {
  let folder = try! TemporaryFolder()

  /// A whole run with a seed that isn't the default.
  private func wholeRun(_ name: String = "whole", epochs: Int = 3, _ more: String...) async throws -> RunResult {
    let path = folder.path(of: name)
    let outcome = try await devicenn(training(path, epochs: epochs, "--seed", "5") + more)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try RunResult(path)
  }

  /// Kills a run as soon as `isTime`, resumes it, and expects nothing to tell it from a whole one.
  private func killAndResume(_ name: String, sameAs whole: RunResult, device: String = "cpu", _ isTime: (RunFolder) -> Bool) async throws {
    let run = RunFolder(folder.path(of: name))
    let command = try Command(training(run.path, epochs: 3, device: device, "--seed", "5"))
    while command.isRunning, !isTime(run) { try await Task.sleep(for: .milliseconds(1)) }
    command.send(SIGKILL)
    _ = await command.outcome()
    let again = try await devicenn("finetune", "--resume", "--out", run.path, "--device", device)
    #expect(again.status == 0, "\(name): \(again.errors)")
    #expect(try RunResult(run.path) == whole, "\(name)")
    let names = try FileManager.default.contentsOfDirectory(atPath: run.path).sorted()
    #expect(names == ["checkpoint.safetensors", "config.json", "metrics.jsonl", "model.safetensors", "report.html", "report.json"], "\(name)")
  }

  private func epochs(_ run: RunFolder) -> Int { (try? MetricsLog.read(run.metricsPath).count) ?? 0 }

  @Test func killedRunsEndLikeWholeOnes() async throws {
    let whole = try await wholeRun()
    #expect(whole.metrics.map(\.epoch) == [1, 2, 3])
    try await killAndResume("before the first epoch ends", sameAs: whole) { $0.isRun }
    // Between the metrics and the model, or the checkpoint.
    try await killAndResume("in the middle of writing", sameAs: whole) { epochs($0) == 1 }
    try await killAndResume("after the first model", sameAs: whole) {
      FileManager.default.fileExists(atPath: $0.modelPath)
    }
    try await killAndResume("at the end", sameAs: whole) { epochs($0) == 3 }
    for seed in [1, 2] as [UInt64] {
      var random = Philox(seed: seed)
      let moment = ContinuousClock.now + .milliseconds(100 + random.integer(below: 400))
      try await killAndResume("at random, \(seed)", sameAs: whole) { $0.isRun && ContinuousClock.now > moment }
    }
  }

  @Test(.enabled(if: OutputTests.hasOpenCL || OutputTests.needsOpenCL, "there is no OpenCL device"))
  func killedRunsEndLikeWholeOnesThroughOpenCL() async throws {
    let whole = try await wholeRun("whole", epochs: 3, "--device", "opencl")
    try await killAndResume("after the first model", sameAs: whole, device: "opencl") {
      FileManager.default.fileExists(atPath: $0.modelPath)
    }
  }

  @Test func aRunThatWasNotYetOneIsStartedAnew() async throws {
    let run = RunFolder(folder.path(of: "run"))
    #expect(try await devicenn(training(run.path, epochs: 1)).status == 0)
    // What comes before the description.
    for path in [run.configurationPath, run.modelPath, run.reportPath, run.numbersPath] { try FileManager.default.removeItem(atPath: path) }
    try folder.write([], "run/metrics.jsonl")
    #expect(try await devicenn(training(run.path, epochs: 1)).status == 0)
  }

  @Test func aFinishedRunOnlyGetsItsReportAgain() async throws {
    let run = RunFolder(folder.path(of: "run"))
    #expect(try await devicenn(training(run.path, epochs: 1)).status == 0)
    let before = try RunResult(run.path)
    try FileManager.default.removeItem(atPath: run.reportPath)
    #expect(try await devicenn("finetune", "--resume", "--out", run.path, "--device", "cpu").status == 0)
    #expect(try RunResult(run.path) == before)
    let report = try String(contentsOfFile: run.reportPath, encoding: .utf8)
    #expect(report.contains("--batch-size 8"), "not the command that made it")
  }

  @Test func theSeedDecidesEverything() async throws {
    let first = try await wholeRun("first", epochs: 2)
    #expect(try await wholeRun("second", epochs: 2) == first)
    let other = try await wholeRun("other", epochs: 2, "--seed", "6")
    #expect(other.model != first.model)
    #expect(other.metrics.map(\.trainLoss) != first.metrics.map(\.trainLoss))
  }

  @Test func theNumberOfThreadsDecidesNothing() async throws {
    func run(threads: Int) async throws -> RunResult {
      let path = folder.path(of: "\(threads) threads")
      let outcome = try await devicenn(training(path), environment: ["DEVICENN_THREADS": "\(threads)"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      return try RunResult(path)
    }
    let one = try await run(threads: 1)
    #expect(try await run(threads: 2) == one)
    #expect(try await run(threads: 3) == one)
  }

  @Test(.timeLimit(.minutes(5))) func interruptedRunsSayHowToGoOn() async throws {
    let run = RunFolder(folder.path(of: "it's a run"))
    // More epochs than a busy machine could do before this test gets its turn.
    let command = try Command(training(run.path, epochs: 100_000))
    while command.isRunning, epochs(run) < 1 { try await Task.sleep(for: .milliseconds(2)) }
    command.send(SIGINT)
    let outcome = await command.outcome()
    #expect(outcome.isSignalled && outcome.status == SIGINT)
    #expect(outcome.errorLines.last?.hasSuffix("devicenn finetune --resume --out '\(run.path.replacing("'", with: "'\\''"))' --device cpu") == true)
    #expect(outcome.output == "")
  }
}
