// The comparison on a terminal and for programs.
extension Comparison {
  /// The columns that every comparison has, and one for each option that differs.
  var columns: [(title: String, isText: Bool, cell: (Run) -> String)] {
    [
      ("run", true, \.path), ("accuracy", false, { percent($0.accuracy) }), ("best epoch", false, { percent($0.bestAccuracy) }),
      ("last epoch", false, { percent($0.lastAccuracy) }), ("loss", false, { decimal($0.loss, places: 3) }),
      ("cross-validated calibration error", false, { percent($0.calibrationError) }), ("epochs", false, { $0.configuration.training.progress(after: $0.epochs.count) }),
      ("seconds", false, { decimal($0.seconds, places: 1) }),
      ("trained", false, { $0.trainedParameters.map(grouped) ?? "–" }),
      ("recipe", true, \.configuration.training.recipe.rawValue), ("backbone", true, \.configuration.architecture.name),
      ("weights", true, Self.weights(of:)),
    ] + differences.map { name in (name, false, { option(name, of: $0) ?? "–" }) }
  }

  /// A file by its name alone.
  private static func weights(of run: Run) -> String {
    let weights = run.configuration.weights
    return weights.split(separator: "/").last.map(String.init) ?? weights
  }

  /// A line for each run, the most accurate first.
  public var text: String {
    textTable(
      columns.map { column in
        TextColumn([column.title] + runs.map(column.cell), alignment: column.isText ? .left : .right)
      })
  }

  /// One JSON object for each run, the most accurate first.
  public var jsonLines: [String] {
    runs.map { run in
      let options = differences.map { ($0, option($0, of: run).map(JSONValue.text) ?? .null) }
      return JSONValue.object([
        ("run", .text(run.path)), ("backbone", .text(run.configuration.architecture.name)),
        ("weights", .text(run.configuration.weights)), ("recipe", .text(run.configuration.training.recipe.rawValue)),
        ("epochs", .number(Double(run.epochs.count))),
        ("trainedParameters", run.trainedParameters.map { .number(Double($0)) } ?? .null),
        ("accuracy", .number(run.accuracy)), ("bestAccuracy", .number(run.bestAccuracy)),
        ("lastAccuracy", .number(run.lastAccuracy)), ("loss", .number(run.loss)),
        ("crossValidatedCalibrationError", run.calibrationError.map(JSONValue.number) ?? .null), ("seconds", .number(run.seconds)),
        ("options", .object(options)),
      ]).text
    }
  }
}
