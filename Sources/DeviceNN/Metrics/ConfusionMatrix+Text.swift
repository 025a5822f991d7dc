// The confusion matrix on a terminal.
extension ConfusionMatrix {
  /// The table of classes, and the matrix beside it if it fits into `width` columns, else the most frequent mistakes.
  public func text(width: Int = 100) -> String {
    guard let accuracy else { return "nothing was classified\n" }
    let names = Self.column(["class"] + labels.map { Self.shortened($0, to: 24) }, alignment: .left)
    let columns = [
      names, Self.column(["images"] + labels.indices.map { "\(support(of: $0))" }),
      Self.column(["precision"] + labels.indices.map { Self.percent(precision(of: $0)) }),
      Self.column(["recall"] + labels.indices.map { Self.percent(recall(of: $0)) }),
      Self.column(["F1"] + labels.indices.map { Self.percent(f1(of: $0)) }),
    ]
    let summary =
      "\(correct) of \(total) right: accuracy \(Self.percent(accuracy)), macro F1 \(Self.percent(macroF1))\n"
    return summary + "\n" + Self.table(columns) + "\n" + (matrix(names: names, width: width) ?? mistakes())
  }

  /// Rows are the actual classes; columns, which are numbered as the rows are, what they were taken for.
  private func matrix(names: [String], width: Int) -> String? {
    guard labels.count > 1 else { return "" }
    let numbers = Self.column([""] + labels.indices.map { "\($0 + 1)" })
    let columns = labels.indices.map { predicted in
      Self.column(
        ["\(predicted + 1)"] + labels.indices.map { counts[$0][predicted] == 0 ? "·" : "\(counts[$0][predicted])" })
    }
    let table = [Self.column(["actual"] + names.dropFirst(), alignment: .left), numbers] + columns
    guard table.reduce(0, { $0 + $1[0].count + 2 }) - 2 <= width else { return nil }
    return "actual classes in rows, predicted ones in columns\n" + Self.table(table)
  }

  private func mistakes(limit: Int = 10) -> String {
    let confusions = confusions
    let lines = confusions.prefix(limit).map { confusion in
      "\(confusion.count) × \(labels[confusion.actual]) taken for \(labels[confusion.predicted])\n"
    }
    guard !lines.isEmpty else { return "" }
    return "the most frequent mistakes\n" + lines.joined()
      + (confusions.count > limit ? "and \(confusions.count - limit) other kinds\n" : "")
  }

  private enum Alignment { case left, right }

  private static func column(_ cells: [String], alignment: Alignment = .right) -> [String] {
    let width = cells.map(\.count).max() ?? 0
    return cells.map { cell in
      let blanks = String(repeating: " ", count: width - cell.count)
      return alignment == .left ? cell + blanks : blanks + cell
    }
  }

  private static func table(_ columns: [[String]]) -> String {
    guard let rows = columns.first?.indices else { return "" }
    return rows.map { row in columns.map { $0[row] }.joined(separator: "  ") + "\n" }.joined()
  }

  private static func percent(_ value: Double?) -> String { value.map { decimal(100 * $0, places: 1) + " %" } ?? "–" }

  private static func shortened(_ text: String, to width: Int) -> String {
    text.count <= width ? text : text.prefix(width - 1) + "…"
  }
}
