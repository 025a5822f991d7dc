internal import Foundation

/// The cells of one column, and how they become numbers. Between several labels or values stand semicolons.
struct TaskColumn {
  struct Cell {
    let text: String
    let part: DataPart
    let line: Int
    /// What messages call the picture.
    let file: String
  }

  let name: String
  let cells: [Cell]
  /// The file that they are in.
  let path: String

  /// The task that the training labels make of a request.
  func task(_ request: TaskRequest) throws(DataError) -> LearningTask {
    let known = cells.filter { $0.part == .train && !$0.text.isEmpty }
    guard !known.isEmpty else {
      throw .malformed(file: path, reason: "no training picture has a label for '\(name)', so that there is nothing to learn")
    }
    let kind = request.kind ?? TaskRequest.guess(known.map(\.text))
    switch kind {
    case .classes: return LearningTask(name, .classes(try distinct(known, sorted: { $0.sorted() })))
    case .ordinal:
      if let levels = request.levels { return LearningTask(name, .ordinal(levels)) }
      return LearningTask(name, .ordinal(try distinct(known, sorted: Self.inOrder)))
    case .labels:
      let labels = Set(known.flatMap { Self.parts($0.text) }).subtracting(["none", ""])
      guard !labels.isEmpty else { throw constant(known, "none") }
      return LearningTask(name, .multiLabel(labels.sorted()))
    case .regression, .uncertain:
      var rows: [[Float]] = []
      for cell in known { rows.append(try numbers(cell)) }
      let moments = rows[0].indices.map { i in
        let values = rows.map { Double($0[i]) }.filter { !$0.isNaN }
        let mean = values.reduce(0, +) / Double(max(values.count, 1))
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(values.count, 1))
        return (mean: mean, deviation: variance.squareRoot())
      }
      for (i, moment) in moments.enumerated() where !(moment.deviation > abs(moment.mean) * 1e-6) {
        throw constant(known, Self.parts(known[0].text)[i])
      }
      return LearningTask(
        name,
        .regression(
          mean: moments.map { Float($0.mean) }, deviation: moments.map { Float($0.deviation) },
          isUncertain: kind == .uncertain))
    case .counts:
      var counts: [Float] = []
      for cell in known { counts.append(try count(cell)) }
      guard Set(counts).count > 1 else { throw constant(known, known[0].text) }
      return LearningTask(name, .counts(mean: Float(counts.reduce(0) { $0 + Double($1) } / Double(counts.count))))
    }
  }

  /// The labels of a task; NaN where a cell is empty.
  func targets(of task: LearningTask) throws(DataError) -> TaskTargets {
    let width = task.kind.targetWidth
    var values: [Float] = []
    for cell in cells {
      guard !cell.text.isEmpty else {
        values += Array(repeating: .nan, count: width)
        continue
      }
      switch task.kind {
      case .classes(let names), .ordinal(let names): values.append(Float(try place(cell, among: names, cell.text)))
      case .multiLabel(let names):
        var row = [Float](repeating: 0, count: width)
        for label in Self.parts(cell.text) where !["none", ""].contains(label) { row[try place(cell, among: names, label)] = 1 }
        values += row
      case .regression:
        let row = try numbers(cell)
        guard row.count == width else { throw failure(cell, "'\(cell.text)'", "has \(row.count) values, but others have \(width)") }
        values += row
      case .counts: values.append(try count(cell))
      }
    }
    return TaskTargets(width: width, values: values)
  }

  // MARK: Cells

  /// The labels in a cell, none where it is empty.
  static func labels(_ text: String, as kind: TaskRequest.Kind?) -> [String] {
    let text = text.trimmingCharacters(in: .whitespaces)
    return [nil, .labels].contains(kind) ? parts(text).filter { !$0.isEmpty } : text.isEmpty ? [] : [text]
  }

  private static func parts(_ text: String) -> [String] {
    text.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// Values between semicolons; one of several may be missing.
  private func numbers(_ cell: Cell) throws(DataError) -> [Float] {
    let parts = Self.parts(cell.text)
    var row: [Float] = []
    for part in parts {
      if part.isEmpty, parts.count > 1 {
        row.append(.nan)
        continue
      }
      guard let number = Float(part), number.isFinite else { throw failure(cell, "'\(part)'", "is no number") }
      row.append(number)
    }
    return row
  }

  private func count(_ cell: Cell) throws(DataError) -> Float {
    guard let number = Int(cell.text), (0...1_000_000).contains(number) else {
      throw failure(cell, "'\(cell.text)'", "is no count, a whole number of 0 or more")
    }
    return Float(number)
  }

  private func place(_ cell: Cell, among names: [String], _ label: String) throws(DataError) -> Int {
    guard let place = names.firstIndex(of: label) else {
      throw failure(cell, "'\(label)'", cell.part == .train ? "is none of \(names.joined(separator: ", "))" : "is a label that no training picture has")
    }
    return place
  }

  private func failure(_ cell: Cell, _ what: String, _ reason: String) -> DataError {
    .malformedLine(
      file: path, line: cell.line, reason: "\(what), the '\(name)' of \(cell.file), \(reason); leave it empty where it is not known")
  }

  private func constant(_ known: [Cell], _ value: String) -> DataError {
    .malformed(
      file: path,
      reason: "all \(known.count) training pictures that have a label for '\(name)' have the same, \(value): there is nothing to learn")
  }

  private func distinct(_ known: [Cell], sorted: (Set<String>) -> [String]) throws(DataError) -> [String] {
    let names = Set(known.map(\.text))
    guard names.count > 1 else { throw constant(known, known[0].text) }
    if names.count > 1000 {
      throw .malformed(file: path, reason: "'\(name)' has \(names.count) different labels, too many to be classes; is it a regression?")
    }
    return sorted(names)
  }

  /// By the number that each begins with, where all begin with one ("0-9", "10-19"); else by name.
  private static func inOrder(_ names: Set<String>) -> [String] {
    func number(_ name: String) -> Double? { Double(name.prefix { $0.isNumber || $0 == "." || $0 == "-" && name.first == "-" }) }
    guard names.allSatisfy({ number($0) != nil }) else { return names.sorted() }
    return names.sorted { (number($0)!, $0) < (number($1)!, $1) }
  }
}
