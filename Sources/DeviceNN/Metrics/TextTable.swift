// Tables on a terminal.

/// Cells under a title, padded to one width.
struct TextColumn {
  enum Alignment { case left, right }

  let cells: [String]
  let width: Int

  init(_ cells: [String], alignment: Alignment = .right) {
    let width = cells.map(\.count).max() ?? 0
    self.width = width
    self.cells = cells.map { cell in
      let blanks = String(repeating: " ", count: width - cell.count)
      return alignment == .left ? cell + blanks : blanks + cell
    }
  }
}

/// Columns side by side, two blanks between them; each row ends its line.
func textTable(_ columns: [TextColumn]) -> String {
  guard let rows = columns.first?.cells.indices else { return "" }
  return rows.map { row in columns.map { $0.cells[row] }.joined(separator: "  ") + "\n" }.joined()
}
