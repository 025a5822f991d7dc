// The confusion matrix on a terminal.
extension ConfusionMatrix {
  /// The table of classes, and the matrix beside it if it fits into `width` columns, else the most frequent mistakes.
  public func text(width: Int = 100) -> String {
    guard let accuracy else { return "nothing was classified\n" }
    let names = TextColumn(["class"] + labels.map { Self.shortened($0, to: 24) }, alignment: .left)
    let columns = [
      names, TextColumn(["images"] + labels.indices.map { "\(support(of: $0))" }),
      TextColumn(["precision"] + labels.indices.map { percent(precision(of: $0)) }),
      TextColumn(["recall"] + labels.indices.map { percent(recall(of: $0)) }),
      TextColumn(["F1"] + labels.indices.map { percent(f1(of: $0)) }),
    ]
    let summary =
      "\(correct) of \(total) right: accuracy \(percent(accuracy)), macro F1 \(percent(macroF1))\n"
    return summary + "\n" + textTable(columns) + "\n" + (matrix(names: names, width: width) ?? mistakes())
  }

  /// Rows are the actual classes; columns, which are numbered as the rows are, what they were taken for.
  private func matrix(names: TextColumn, width: Int) -> String? {
    guard labels.count > 1 else { return "" }
    let numbers = TextColumn([""] + labels.indices.map { "\($0 + 1)" })
    let columns = labels.indices.map { predicted in
      TextColumn(
        ["\(predicted + 1)"] + labels.indices.map { counts[$0][predicted] == 0 ? "·" : "\(counts[$0][predicted])" })
    }
    let actual = TextColumn(["actual"] + names.cells.dropFirst(), alignment: .left)
    let table = [actual, numbers] + columns
    guard table.reduce(0, { $0 + $1.width + 2 }) - 2 <= width else { return nil }
    return "actual classes in rows, predicted ones in columns\n" + textTable(table)
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

  private static func shortened(_ text: String, to width: Int) -> String {
    text.count <= width ? text : text.prefix(width - 1) + "…"
  }
}
