// Runs side by side.
internal import Foundation

/// What several runs came to, the most accurate first.
public struct Comparison: Sendable {
  public struct Run: Sendable {
    /// The folder, as it was given.
    public var path: String
    public var configuration: ModelConfiguration
    public var epochs: [EpochMetrics]
    /// Of the model that was kept, from 0 to 1.
    public var accuracy: Double
    /// Of the model that was kept; of a run that has ended after calibration.
    public var loss: Double
    /// Of all sessions.
    public var seconds: Double
    /// Nil where the run has not ended.
    public var trainedParameters: Int?
    /// Of everything that the run learnt from and was measured with.
    var fingerprint: String?

    public var bestAccuracy: Double { epochs.map(\.validationAccuracy).max() ?? .nan }
    public var lastAccuracy: Double { epochs.last?.validationAccuracy ?? .nan }
    /// At temperatures that were found without the pictures they are judged by.
    public var calibrationError: Double? { configuration.calibration?.errorAfter }
  }

  public let runs: [Run]
  /// The options that are not the same in all runs, as the command calls them, but for those that the table has.
  public let differences: [String]

  /// - Throws: `ModelError.notARun`, or a `FileError` of its metrics.
  public init(_ folders: [RunFolder]) throws {
    runs = try folders.map(Run.init).enumerated().sorted {
      ($1.element.accuracy, $0.offset) < ($0.element.accuracy, $1.offset)
    }.map(\.element)
    differences = differingOptions(of: runs.map(\.configuration.training), except: ["--recipe", "--epochs"])
  }

  /// Why these numbers may not be compared; nil where the runs had the same pictures, as far as can be seen.
  public var warning: String? {
    guard let first = runs.first, let other = runs.first(where: { !$0.hasSameData(as: first) }) else { return nil }
    return "\(first.path) and \(other.path) had different data (\(first.configuration.data), \(other.configuration.data)): "
      + "their numbers do not compare"
  }

  /// The value of an option in a run, as the command takes it; nil where none was chosen.
  public func option(_ name: String, of run: Run) -> String? { run.configuration.training.named[name] }
}

extension Comparison.Run {
  /// What is in a run's folder. A run that still trains, or was killed, is what it is so far.
  init(_ folder: RunFolder) throws {
    path = folder.path
    configuration = try folder.configuration()
    epochs = try MetricsLog.read(folder.metricsPath)
    guard let kept = epochs.kept(stoppingEarly: configuration.training.patience != nil) else {
      throw ModelError.notARun(path: path, reason: "it has not finished an epoch yet")
    }
    // A run's report is written when it has ended; it is of the model itself, averaged weights included.
    let report = FileManager.default.contents(atPath: folder.numbersPath)
      .flatMap { try? JSONDecoder().decode(Report.self, from: $0) }
    accuracy = report?.confusion.accuracy ?? kept.validationAccuracy
    loss = report?.loss ?? kept.validationLoss
    seconds = report?.seconds ?? epochs.map(\.seconds).reduce(0, +)
    trainedParameters = report?.training?.trainedParameters
    fingerprint = (try? SafetensorsFile(path: folder.checkpointPath))?.metadata["fingerprint"]
  }

  /// Folders of photos move, and their names stay: either tells.
  func hasSameData(as other: Self) -> Bool {
    func place(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
    if let fingerprint, fingerprint == other.fingerprint { return true }
    return configuration.classes == other.configuration.classes
      && place(configuration.data) == place(other.configuration.data)
  }
}

/// The names of the options, as the command calls them, that are not the same in all runs.
func differingOptions(of runs: [FineTuningOptions], except names: Set<String>) -> [String] {
  let options = runs.map(\.named)
  return Set(options.flatMap(\.keys)).subtracting(names).filter { name in Set(options.map { $0[name] }).count > 1 }.sorted()
}

extension FineTuningOptions {
  /// How many of the epochs are done, for a table.
  func progress(after epochs: Int) -> String { epochs == self.epochs ? "\(epochs)" : "\(epochs) of \(self.epochs)" }

  /// The chosen ones by the names that the command has for them, with their values.
  public var named: [String: String] {
    let names = [
      "accumulation": "accumulate", "mixUp": "mixup", "cutMix": "cutmix", "augmentation": "augment", "averaging": "average",
      "testTimeAugmentation": "mirror", "skipsBadImages": "skip-bad-images",
    ]
    guard let json = try? JSONEncoder().encode(self), case .object(let members)? = try? JSONValue(parsing: json) else { return [:] }
    let options = members.map { field, value in
      let name = names[field] ?? field.reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
      guard case .text(let text) = value else { return ("--" + name, value.text) }
      return ("--" + name, text)
    }
    // A seed may have more digits than a number of JSON here.
    return Dictionary(uniqueKeysWithValues: options).merging(["--seed": "\(seed)"]) { $1 }
  }
}
