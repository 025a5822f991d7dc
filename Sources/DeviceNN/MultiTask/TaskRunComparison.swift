/// Runs of the same tasks side by side, the best first: which weighting, which sharing.
public struct TaskRunComparison: Sendable {
  public struct Run: Sendable {
    /// The folder, as it was given.
    public var path: String
    public var configuration: MultiTaskConfiguration
    public var epochs: [EpochNumbers]
    /// The kept model's main metric of each task; NaN where there is none.
    public var metrics: [TaskMetric]
    /// The mean relative gain over the run that was named first (Maninis et al. 2019), Δm.
    public var gain = 0.0

    public var seconds: Double { epochs.reduce(0) { $0 + $1["seconds"] } }
  }

  public let runs: [Run]
  /// The options that are not the same in all runs, as the command calls them, but for those that the table has.
  public let differences: [String]

  /// - Throws: `ModelError.notARun`, `.otherRun` where it learnt other tasks than the first; or a `FileError` of its metrics.
  public init(_ folders: [RunFolder]) throws {
    var runs = try folders.map(Run.init)
    let first = runs[0]
    for i in runs.indices {
      guard runs[i].questions == first.questions else {
        throw ModelError.otherRun(
          path: runs[i].path, reason: "it learnt \(runs[i].questions), and \(first.path) \(first.questions)")
      }
      runs[i].gain = meanRelativeGain(of: runs[i].metrics, over: first.metrics)
    }
    // Those that can't be measured come last.
    func order(_ run: Run) -> Double { run.gain.isNaN ? .infinity : -run.gain }
    self.runs = runs.enumerated().sorted { (order($0.element), $0.offset) < (order($1.element), $1.offset) }.map(\.element)
    differences = differingOptions(of: runs.map(\.configuration.training), except: ["--epochs"])
  }

  private var columns: [(title: String, isText: Bool, cell: (Run) -> String)] {
    let tasks = runs[0].metrics.indices.map { i in
      let title = "\(runs[0].tasks[i]): \(runs[0].metrics[i].title)"
      return (title, false, { (run: Run) in run.metrics[i].text })
    }
    return [("run", true, \.path)] + tasks + [
      ("Δm", false, { signedPercent($0.gain) }), ("seconds", false, { decimal($0.seconds, places: 1) }),
      ("epochs", false, { $0.configuration.training.progress(after: $0.epochs.count) }),
      ("sharing", true, \.configuration.sharing.rawValue), ("weighting", true, \.weighting),
      ("backbone", true, \.configuration.architecture.name),
    ] + differences.map { name in (name, false, { $0.configuration.training.named[name] ?? "–" }) }
  }

  /// A line for each run, the best first.
  public var text: String {
    textTable(columns.map { column in TextColumn([column.title] + runs.map(column.cell), alignment: column.isText ? .left : .right) })
  }

  /// One JSON object for each run, the best first.
  public var jsonLines: [String] {
    runs.map { run in
      let tasks = zip(run.tasks, run.metrics).map { ($0, JSONValue.object([($1.name, .number($1.value))])) }
      let options = differences.map { name in (name, run.configuration.training.named[name].map(JSONValue.text) ?? .null) }
      return JSONValue.object([
        ("run", .text(run.path)), ("tasks", .object(tasks)), ("gain", .number(run.gain)), ("seconds", .number(run.seconds)),
        ("epochs", .number(Double(run.epochs.count))), ("sharing", .text(run.configuration.sharing.rawValue)),
        ("weighting", .text(run.configuration.weighting)), ("backbone", .text(run.configuration.architecture.name)),
        ("options", .object(options)),
      ]).text
    }
  }

  /// The runs' curves over each other, task by task, and the table.
  public func html() -> String {
    let charts = runs[0].metrics.indices.map { task in
      let curves = runs.map { run in (epochs: run.epochs.map(\.epoch), values: run.epochs.map { $0[run.metricName(of: task)] }) }
      let metric = runs[0].metrics[task]
      return numberedChart("\(runs[0].tasks[task]): \(metric.title)", metric.isPercent ? .percent : .loss, curves)
    }
    return htmlComparison(
      title: "\(runs.count) runs", eyebrow: "the best first", lead: runs[0].configuration.data, charts,
      note: "metrics are those of the model that was kept; Δm is the mean relative gain over the run that was named first",
      columns: columns.map { ($0.title, $0.isText) }, rows: runs.map { run in columns.map { $0.cell(run) } })
  }
}

extension TaskRunComparison.Run {
  /// What is in a run's folder. A run that still trains, or was killed, is what it is so far.
  init(_ folder: RunFolder) throws {
    path = folder.path
    configuration = try folder.multiTaskConfiguration()
    epochs = try EpochLog.read(folder.metricsPath)
    guard let kept = epochs.kept(stoppingEarly: configuration.training.patience != nil) else {
      throw ModelError.notARun(path: path, reason: "it has not finished an epoch yet")
    }
    metrics = []
    for (i, task) in configuration.tasks.enumerated() {
      let (name, isBetterHigher) = task.kind.mainMetric
      metrics.append(TaskMetric(name: name, value: kept[metricName(of: i)], isBetterHigher: isBetterHigher))
    }
  }

  var tasks: [String] { configuration.tasks.map(\.name) }

  /// The tasks with their kinds: others are measured otherwise.
  var questions: String { configuration.tasks.map { "\($0.name) (\($0.kind.name))" }.joined(separator: ", ") }

  /// With the numbers that were given for the tasks.
  var weighting: String {
    configuration.weighting + (configuration.taskWeights.map { " " + $0.map { significant($0) }.joined(separator: ",") } ?? "")
  }

  /// What epochs call a task's main metric.
  func metricName(of task: Int) -> String {
    "validation/\(tasks[task])/\(configuration.tasks[task].kind.mainMetric.name)"
  }
}
