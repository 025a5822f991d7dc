import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// The trainer on a problem of a few numbers, as a program of its own would give it one.
@Suite struct TrainerTests {
  let folder = try! TemporaryFolder()

  /// Two lines through points, from one shared layer; the second task has no labels in every other batch.
  private final class Lines: TrainingProblem {
    final class Model: Module {
      let shared, first, second: Linear
      let dropout = Dropout(0.25, seed: 1)
      var isTraining = true

      init(on device: Device) {
        var random = Philox(seed: 4)
        shared = Linear(3, 4, deviation: 1, on: device, random: &random)
        first = Linear(4, 1, deviation: 1, on: device, random: &random)
        second = Linear(4, 1, deviation: 1, on: device, random: &random)
      }
    }

    let device = TestDevice.cpu
    let lines: Model
    let tasks = ["first", "second"]
    let batchesPerEpoch = 5
    var scale: Float = 1

    init() { lines = Model(on: device) }

    var model: any Module { lines }
    func count(of batch: Int) -> Int { 6 }

    func batches(ofEpoch epoch: Int) -> () throws -> Int? {
      var next = epoch * batchesPerEpoch
      let end = next + batchesPerEpoch
      return {
        defer { next += 1 }
        return next < end ? next : nil
      }
    }

    private func numbers(_ name: String, _ shape: [Int]) -> Tensor {
      Tensor(GoldenNumbers.signed(name, count: shape.reduce(1, *)), shape: shape, on: device)
    }

    func forward(_ batch: Int) -> SharedForward {
      let x = numbers("x \(batch)", [6, 3])
      let features = lines.dropout(lines.shared(x)).relu()
      let target = x.sum(axes: [1], keepsAxes: true) * scale
      return SharedForward(
        losses: [
          lines.first(features).loss(.squared, target),
          batch % 2 == 0 ? nil : lines.second(features).loss(.squared, target * -2 + 1),
        ], shared: [features])
    }

    func measure() throws -> [String: Double] {
      let x = numbers("measured", [6, 3])
      let loss = withoutGradients { lines.first(lines.shared(x).relu()).loss(.squared, x.sum(axes: [1], keepsAxes: true)) }
      return ["loss": Double(try loss.scalar())]
    }

    func store(to path: String) throws { try writeSafetensors(lines.records(), to: path) }
    func load(from path: String) throws { try lines.load(SafetensorsFile(path: path)) }
  }

  private struct Interruption: Error {}

  private func trainer(
    _ name: String, _ balance: TaskBalance, isResumed: Bool = false, epochs: Int = 4, rate: Float = 0.02,
    fingerprint: String = "lines", change: (inout TrainerSettings) -> Void = { _ in }
  ) throws -> Trainer<Lines> {
    let problem = Lines()
    var settings = TrainerSettings(epochs: epochs)
    change(&settings)
    return try Trainer(
      problem, MultiTaskObjective(tasks: problem.tasks, balance: balance, seed: 3, on: problem.device),
      AdamW([ParameterGroup(problem.lines.parameters(), learningRate: rate)]), schedule: CosineDecay(steps: epochs * 5),
      settings, configuration: ["kind": "lines"], fingerprint: fingerprint, dataPath: "lines", run: RunFolder(folder.path(of: name)),
      isResumed: isResumed)
  }

  private func bits(_ trainer: Trainer<Lines>) throws -> [[UInt32]] {
    try (trainer.problem.lines.parameters() + trainer.objective.parameters).map { try $0.value.scalars().map(\.bitPattern) }
  }

  private func measured(_ trainer: Trainer<Lines>) throws -> [EpochNumbers] {
    try trainer.epochs.map { epoch in
      EpochNumbers(epoch: epoch.epoch, epoch.numbers.filter { !["seconds", "itemsPerSecond"].contains($0.key) })
    }
  }

  /// Ended by an error after every epoch, as by a signal, a run ends as one that was left alone, whatever balances its tasks.
  @Test(arguments: TaskBalance.all.map(\.name)) func interruptedRunsEndAlike(_ name: String) throws {
    let balance = TaskBalance(name: name)!
    let whole = try trainer("whole", balance)
    try whole.train()
    for epoch in 1...4 {
      let part = try trainer("parts", balance, isResumed: epoch > 1)
      #expect(throws: Interruption.self) { try part.train(onEpoch: { _ in throw Interruption() }) }
      // What a run that is killed in the middle of an epoch leaves.
      if epoch == 2 { try Data("{\"epoch\":3,\"lo".utf8).append(to: part.run.metricsPath) }
    }
    let last = try trainer("parts", balance, isResumed: true)
    try last.train()
    #expect(try bits(last) == bits(whole), "\(name)")
    #expect(try measured(last).map(\.jsonLine) == measured(whole).map(\.jsonLine))
    let model = { FileManager.default.contents(atPath: self.folder.path(of: $0 + "/model.safetensors")) }
    #expect(model("parts") != nil && model("parts") == model("whole"))
  }

  @Test(arguments: FineTuningOptions.Averaging.allCases) func averagesAndAccumulationResume(_ averaging: FineTuningOptions.Averaging) throws {
    func change(_ settings: inout TrainerSettings) {
      (settings.averaging, settings.accumulation, settings.clipNorm) = (averaging, 2, 0.5)
    }
    let whole = try trainer("whole", .losses(.equal), change: change)
    try whole.train()
    for epoch in 1...3 {
      let part = try trainer("parts", .losses(.equal), isResumed: epoch > 1, change: change)
      #expect(throws: Interruption.self) { try part.train(onEpoch: { _ in throw Interruption() }) }
    }
    let last = try trainer("parts", .losses(.equal), isResumed: true, change: change)
    try last.train()
    #expect(try bits(last) == bits(whole))
  }

  @Test func numbersAreThoseOfTheTasks() throws {
    let trainer = try trainer("run", .losses(.equal), epochs: 30)
    try trainer.train()
    let epochs = try trainer.epochs
    #expect(epochs.map(\.epoch) == Array(1...30) && trainer.seconds > 0)
    #expect(epochs.last!["validation/loss"] < epochs[0]["validation/loss"] * 0.5)
    for epoch in epochs {
      #expect(abs(epoch["loss"] - epoch["first/loss"] - epoch["second/loss"]) < 1e-9)
      #expect(epoch["first/weight"] == 1 && epoch["second/weight"] == 1)
      #expect((-1.001...1.001).contains(epoch["cosine/first/second"]))
    }
    #expect(epochs[0]["nothing"].isNaN)
  }

  @Test func patienceKeepsTheBest() throws {
    let trainer = try trainer("run", .losses(.equal), epochs: 60, rate: 0.2) { $0.patience = 3 }
    try trainer.train()
    let (epochs, best) = (try trainer.epochs, try #require(try trainer.bestEpoch))
    #expect(epochs.count == min(best + 3, 60))
    #expect(try trainer.problem.measure()["loss"] == epochs[best - 1]["validation/loss"])
  }

  @Test func runsThatCannotGoOnSaySo() throws {
    let first = try trainer("run", .losses(.famo), epochs: 1)
    try first.train()
    #expect(throws: ModelError.alreadyARun(path: first.run.path)) { _ = try trainer("run", .losses(.famo)) }
    #expect(throws: ModelError.otherData(path: first.run.path, data: "lines")) {
      _ = try trainer("run", .losses(.famo), isResumed: true, fingerprint: "others")
    }
    // Another method remembers other numbers.
    #expect(throws: CheckpointError.self) { _ = try trainer("run", .losses(.equal), isResumed: true) }
    let diverging = try trainer("diverging", .losses(.equal))
    diverging.problem.scale = 1e4
    #expect(throws: ModelError.self) { try diverging.train() }
    #expect(folder.contents == ["run"])
  }

  @Test func linesOfNumbersAreReadBack() throws {
    let line = EpochNumbers(epoch: 3, ["b/loss": 0.1, "a": .nan, "c": 1e-20])
    #expect(line.jsonLine == "{\"epoch\":3,\"a\":null,\"b/loss\":0.1,\"c\":1e-20}")
    let read = try JSONDecoder().decode(EpochNumbers.self, from: Data(line.jsonLine.utf8))
    #expect(read.epoch == 3 && read["b/loss"] == 0.1 && read["a"].isNaN && read["c"] == 1e-20)
    for bad in ["{}", "{\"epoch\":1.5}", "[]", "{\"epoch\":1,\"a\":\"b\"}"] {
      #expect(throws: DecodingError.self) { _ = try JSONDecoder().decode(EpochNumbers.self, from: Data(bad.utf8)) }
    }
  }
}

extension Data {
  fileprivate func append(to path: String) throws {
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.seekToEnd()
    try file.write(contentsOf: self)
    try file.close()
  }
}
