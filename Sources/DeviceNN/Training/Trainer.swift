internal import Foundation
internal import Kernels

/// How a `Trainer` goes about it.
public struct TrainerSettings: Sendable, Equatable {
  public var epochs: Int
  /// Batches whose gradients are added up before a step.
  public var accumulation = 1
  /// Gradients are scaled down to this norm; nil leaves them.
  public var clipNorm: Float?
  public var averaging = FineTuningOptions.Averaging.none
  /// Epochs without a smaller validation loss after which training ends, and the best weights are kept; nil trains to the
  /// end.
  public var patience: Int?
  /// What lines and messages call the learning rate, at its peak; nil takes the largest of the optimizer's groups.
  public var learningRate: Float?

  public init(epochs: Int) { self.epochs = epochs }

  /// Optimizer steps of the whole training.
  public func steps(batchesPerEpoch: Int) -> Int { epochs * ((batchesPerEpoch + accumulation - 1) / accumulation) }
}

/// Trains any model for any number of tasks, epoch by epoch, so that a run that is killed goes on where it was, and ends
/// with the same bits. The run's folder gets `config.json`, `metrics.jsonl` (a line an epoch), the model and a checkpoint.
public final class Trainer<Problem: TrainingProblem> {
  public let problem: Problem
  public let settings: TrainerSettings
  public let run: RunFolder
  public private(set) var optimizer: any Optimizer
  /// How the tasks are balanced.
  public private(set) var objective: MultiTaskObjective
  private let schedule: any Schedule
  private let isResumed: Bool
  private var average: WeightAverage?
  private var position: TrainingCheckpoint
  private let log: EpochLog<Problem.Line>
  private var lastWrite = ContinuousClock.now
  private var storedEpoch: Int

  /// - Parameters:
  ///   - optimizer: of the model's parameters; what the objective trains is added.
  ///   - schedule: of the optimizer's steps.
  ///   - configuration: what config.json says of the run: enough to make its model again.
  ///   - fingerprint: of the data. A run goes on with the same only.
  ///   - dataPath: what messages call the data.
  ///   - isResumed: continues the run in `run`; otherwise starts one there, and takes it back if it fails before its first
  ///     epoch is done.
  public init(
    _ problem: Problem, _ objective: MultiTaskObjective, _ optimizer: any Optimizer, schedule: any Schedule,
    _ settings: TrainerSettings, configuration: some Encodable, fingerprint: String, dataPath: String, run: RunFolder, isResumed: Bool = false
  ) throws {
    precondition(objective.tasks == problem.tasks, "\(objective.tasks) are to be balanced, but \(problem.tasks) to be learnt")
    (self.problem, self.objective, self.optimizer) = (problem, objective, optimizer)
    (self.schedule, self.settings, self.run, self.isResumed) = (schedule, settings, run, isResumed)
    if !objective.parameters.isEmpty {
      let rate = optimizer.groups.map(\.learningRate).max() ?? 0
      self.optimizer.groups.append(ParameterGroup(objective.parameters, learningRate: rate))
    }
    let lock: RunLock
    if isResumed {
      lock = try RunLock(run)
      position = try TrainingCheckpoint(path: run.checkpointPath, into: problem.model, &self.optimizer, &average)
      guard position.fingerprint == fingerprint else { throw ModelError.otherData(path: run.path, data: dataPath) }
      try self.objective.restore(position.memory, from: run.checkpointPath)
      guard position.epoch <= settings.epochs, self.optimizer.state.step <= position.epoch * problem.batchesPerEpoch else {
        throw CheckpointError.damagedTensor(
          file: run.checkpointPath, tensor: "position", found: "step \(self.optimizer.state.step) after epoch \(position.epoch)",
          wanted: "at most \(problem.batchesPerEpoch) steps an epoch, and \(settings.epochs) epochs")
      }
      log = try EpochLog(resuming: run.metricsPath, after: position.epoch)
      storedEpoch = position.epoch
    } else {
      try run.createFolder()
      lock = try RunLock(run)
      try run.requireFree()
      position = TrainingCheckpoint(epoch: 0, fingerprint: fingerprint, phases: [:])
      storedEpoch = 0
      do {
        log = try EpochLog(startingAt: run.metricsPath)
        position.memory = try self.objective.memory
        try position.write(problem.model, self.optimizer.state, average, to: run.checkpointPath)
        try run.write(configuration)
      } catch {
        run.remove()
        throw error
      }
    }
    lock.release()
  }

  /// The epochs that are done, in this session and earlier ones.
  public var epochs: [Problem.Line] { get throws(FileError) { try EpochLog.read(run.metricsPath) } }

  /// Seconds of what the run did, in this session and earlier ones, by phase.
  public var phases: [RunPhase: Double] { position.phases }

  public var seconds: Double { position.phases.values.reduce(0, +) }

  /// The scalars that are trained.
  public var trainedCount: Int { optimizer.groups.flatMap(\.parameters).reduce(0) { $0 + $1.value.count } }

  /// The epoch whose weights were kept: the last, or with `patience` the one of the smallest validation loss.
  public var bestEpoch: Int? {
    get throws(FileError) {
      guard settings.patience != nil else { return position.epoch }
      return try epochs.kept(stoppingEarly: true)?.epoch
    }
  }

  // MARK: Training

  /// Trains what is left of the run. Epochs end with a line in metrics.jsonl, the stored model and a checkpoint; short ones
  /// are stored once a second. In the end the model has the weights that were kept.
  ///
  /// - Throws: `ModelError.inUse` while another process trains in the same folder.
  public func train(
    onProgress: (TrainingProgress) -> Void = { _ in }, onEpoch: (Problem.Line) throws -> Void = { _ in }
  ) throws {
    let lock = try RunLock(run)
    do {
      if position.epoch < settings.epochs { try prepare(onProgress: onProgress) }
      while position.epoch < settings.epochs, try !isStuck { try onEpoch(try nextEpoch(onProgress: onProgress)) }
    } catch {
      // A batch that was too large, or a rate that was too high, is tried again with another under the same name.
      if storedEpoch == 0, !isResumed { run.remove() }
      throw error
    }
    lock.release()
    if settings.patience == nil { average?.exchange() } else { try problem.load(from: run.modelPath) }
    average = nil
    problem.model.evaluate()
  }

  private func prepare(onProgress: (TrainingProgress) -> Void) throws {
    for (phase, seconds) in try problem.prepare(epoch: position.epoch, onProgress: onProgress) {
      position.phases[phase, default: 0] += seconds
    }
    if position.epoch == 0, settings.averaging == .exponential { average = WeightAverage(of: problem.model) }
  }

  /// Counts the time of `body` as the run's.
  func timed<Result>(_ phase: RunPhase, _ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    defer { position.phases[phase, default: 0] += start.secondsUntilNow }
    return try body()
  }

  private func nextEpoch(onProgress: (TrainingProgress) -> Void) throws -> Problem.Line {
    let epoch = position.epoch + 1
    let start = ContinuousClock.now
    if problem.startEpoch(epoch - 1) { optimizer.state = OptimizerState() }
    let firstStep = (epoch - 1) * stepsPerEpoch
    let whole = try problem.trainEpoch(epoch - 1) { step($0, at: firstStep + $1) }
    if let whole { try check(whole.loss, epoch: epoch, batch: problem.batchesPerEpoch) }
    var (numbers, items) = try whole.map { (["loss": $0.loss], $0.items) } ?? trainEpoch(onProgress: onProgress)
    try objective.endEpoch()
    let trained = ContinuousClock.now
    updateMean()
    let measured = try withAverages {
      problem.model.evaluate()
      return try problem.measure()
    }
    // The last step's loss is that of the weights before it.
    try check(measured["loss"] ?? 0, epoch: epoch, batch: problem.batchesPerEpoch)
    for (name, value) in measured { numbers["validation/" + name] = value }
    let trainSeconds = (trained - start) / .seconds(1)
    numbers["learningRate"] = Double(learningRate * schedule.scale(at: epoch * stepsPerEpoch - 1))
    numbers["seconds"] = start.secondsUntilNow
    numbers["itemsPerSecond"] = Double(items) / trainSeconds
    position.phases[.training, default: 0] += trainSeconds
    position.phases[.validation, default: 0] += trained.secondsUntilNow
    position.epoch = epoch
    let line = problem.line(of: EpochNumbers(epoch: epoch, numbers))
    try log.append(line)
    if epoch == 1 || epoch == settings.epochs || lastWrite.secondsUntilNow > 1 || settings.patience != nil { try store() }
    return line
  }

  /// - Returns: the mean losses, and how many items were shown.
  private func trainEpoch(onProgress: (TrainingProgress) -> Void) throws -> ([String: Double], items: Int) {
    let epoch = position.epoch
    let next = try problem.batches(ofEpoch: epoch)
    let start = ContinuousClock.now
    var meter = TaskMeter(tasks: problem.tasks)
    var balance = BalanceMeter(tasks: problem.tasks)
    // A few steps of an epoch show how the tasks get on with each other.
    let stride = max(problem.batchesPerEpoch / 4, 1)
    var (done, items) = (0, 0)
    var pending: Gradients?
    while let batch = try next() {
      problem.model.drop(at: epoch * problem.batchesPerEpoch + done)
      let count = problem.count(of: batch)
      let forward = problem.forward(batch)
      meter.add(forward.losses.map { $0?.detached }, count: count)
      let isMeasured = done % stride == 0 && problem.tasks.count > 1
      let made = try objective.step(
        forward.losses.map { loss in settings.accumulation > 1 ? loss.map { $0 / Float(settings.accumulation) } : loss },
        shared: forward.shared, at: epoch * problem.batchesPerEpoch + done,
        measuresCosines: isMeasured && !forward.shared.isEmpty)
      if let made {
        pending = pending?.adding(made.gradients) ?? made.gradients
        if isMeasured { try balance.add(made) }
      }
      items += count
      done += 1
      if done % settings.accumulation == 0 || done == problem.batchesPerEpoch {
        if let pending { step(pending, at: epoch * stepsPerEpoch + (done - 1) / settings.accumulation) }
        pending = nil
      }
      guard meter.unreadCount == 8 || done == problem.batchesPerEpoch || done == 1 else { continue }
      do throws(DeviceError) { try meter.read() } catch { throw problem.explained(error, at: batch) }
      try check(meter.latest, epoch: epoch + 1, batch: done)
      let seconds = start.secondsUntilNow
      let left = Double((settings.epochs - epoch) * problem.batchesPerEpoch - done)
      onProgress(
        TrainingProgress(
          epoch: epoch + 1, epochs: settings.epochs, batch: done, batches: problem.batchesPerEpoch,
          imagesPerSecond: Double(items) / seconds, loss: meter.latest, secondsLeft: seconds / Double(done) * left))
    }
    return (meter.numbers.merging(balance.numbers) { $1 }, items)
  }

  private func step(_ gradients: Gradients, at step: Int) {
    let gradients = settings.clipNorm.map { gradients.clipped(toNorm: $0).gradients } ?? gradients
    optimizer.step(gradients, scale: schedule.scale(at: step))
    if settings.averaging == .exponential { average?.update(decay: 0.99) }
  }

  /// Optimizer steps of an epoch.
  private var stepsPerEpoch: Int { (problem.batchesPerEpoch + settings.accumulation - 1) / settings.accumulation }

  private var learningRate: Float { settings.learningRate ?? optimizer.groups.map(\.learningRate).max() ?? 0 }

  // MARK: Where the run stands

  private func store() throws {
    if try bestEpoch == position.epoch { try withAverages { try problem.store(to: run.modelPath) } }
    position.memory = try objective.memory
    try position.write(problem.model, optimizer.state, average, to: run.checkpointPath)
    lastWrite = .now
    storedEpoch = position.epoch
  }

  /// At the end of an epoch of the last quarter, or of the last two, the weights go into their mean.
  private func updateMean() {
    let isLate = (position.epoch + 1) * 4 > settings.epochs * 3 || position.epoch + 2 >= settings.epochs
    guard settings.averaging == .stochastic, isLate else { return }
    if average == nil { average = WeightAverage(of: problem.model) }
    average!.updateMean()
  }

  /// Runs `body` with the averages in the weights' place.
  private func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
    average?.exchange()
    defer { average?.exchange() }
    return try body()
  }

  /// Whether the validation loss has not become smaller for as many epochs as there is patience.
  private var isStuck: Bool {
    get throws { try settings.patience.map { position.epoch - (try bestEpoch ?? 0) >= $0 } ?? false }
  }

  private func check(_ loss: Double, epoch: Int, batch: Int) throws(ModelError) {
    try ModelError.check(loss, epoch: epoch, batch: batch, learningRate: learningRate)
  }
}

extension ModelError {
  /// No network that learns has a loss of thousands; one that began to diverge soon has none at all.
  static func check(_ loss: Double, epoch: Int, batch: Int, learningRate: Float) throws(ModelError) {
    guard loss < 1e4 else { throw .diverged(loss: "\(Float(loss))", epoch: epoch, batch: batch, learningRate: learningRate) }
  }
}

extension ContinuousClock.Instant {
  var secondsUntilNow: Double { (ContinuousClock.now - self) / .seconds(1) }
}

extension Module {
  /// Makes every random layer of this part draw what it draws at a step, whether the run was resumed or not.
  func drop(at step: Int) {
    if let layer = self as? any RandomLayer { layer.stream = UInt32(truncatingIfNeeded: step) }
    for case (_, .module(let module)) in parts { module.drop(at: step) }
  }
}

/// The mean losses of tasks over an epoch's batches, each over those that had labels of it; read a few batches at a time.
private struct TaskMeter {
  let tasks: [String]
  private var meters: [LossMeter]
  private(set) var unreadCount = 0

  init(tasks: [String]) {
    self.tasks = tasks
    meters = tasks.map { _ in LossMeter() }
  }

  mutating func add(_ losses: [Tensor?], count: Int) {
    precondition(losses.count == tasks.count, "\(losses.count) losses are not those of \(tasks.count) tasks")
    for (i, loss) in losses.enumerated() { if let loss { meters[i].add(loss, count: count) } }
    unreadCount += 1
  }

  mutating func read() throws(DeviceError) {
    for i in meters.indices { try meters[i].read() }
    unreadCount = 0
  }

  /// The sum of the tasks' last losses; tasks that had none yet count for nothing.
  var latest: Double { meters.filter { $0.count > 0 }.reduce(0) { $0 + $1.latest } }

  var numbers: [String: Double] {
    let present = zip(tasks, meters).filter { $0.1.count > 0 }
    let losses = present.map { ("\($0)/loss", $1.mean) }
    return Dictionary(uniqueKeysWithValues: losses + [("loss", present.reduce(0) { $0 + $1.1.mean })])
  }
}

/// What each task counted for, and how their gradients lay to each other, as means over some steps of an epoch.
private struct BalanceMeter {
  let tasks: [String]
  private var sums: [String: (sum: Double, count: Int)] = [:]

  init(tasks: [String]) { self.tasks = tasks }

  mutating func add(_ step: MultiTaskStep) throws {
    for (task, weight) in zip(tasks, try step.weights()) { add("\(task)/weight", weight) }
    guard let cosines = step.cosines else { return }
    for i in tasks.indices { for j in 0..<i { add("cosine/\(tasks[j])/\(tasks[i])", cosines[i][j]) } }
  }

  private mutating func add(_ name: String, _ value: Double?) {
    guard let value else { return }
    let (sum, count) = sums[name] ?? (0, 0)
    sums[name] = (sum + value, count + 1)
  }

  var numbers: [String: Double] { sums.mapValues { $0.sum / Double($0.count) } }
}

extension MultiTaskObjective {
  /// What a checkpoint keeps of it.
  fileprivate var memory: [String: [Double]] {
    get throws {
      ["balance.state": state, "balance.parameters": try parameters.flatMap { try $0.value.scalars().map(Double.init) }]
    }
  }

  fileprivate mutating func restore(_ memory: [String: [Double]], from path: String) throws {
    let (numbers, values) = (memory["balance.state"] ?? [], memory["balance.parameters"] ?? [])
    let counts = (state.count, parameters.reduce(0) { $0 + $1.value.count })
    guard (numbers.count, values.count) == counts else {
      throw CheckpointError.damagedTensor(
        file: path, tensor: "memory.balance", found: "\(numbers.count) and \(values.count) numbers",
        wanted: "\(counts.0) and \(counts.1)")
    }
    state = numbers
    var rest = values[...]
    for parameter in parameters {
      parameter.assign(rest.prefix(parameter.value.count).map { Float($0) })
      rest = rest.dropFirst(parameter.value.count)
    }
  }
}
