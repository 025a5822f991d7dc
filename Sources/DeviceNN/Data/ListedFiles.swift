// Pictures that a CSV file lists, whatever its other columns say of them.
internal import Foundation

/// The rows of a CSV file with a column `path`, relative to the file's folder, and perhaps `split` with train, val (or
/// valid, validation) and test: none is named twice. Whether the files are there is found out by those who read them.
struct ListedFiles {
  struct Picture {
    let file: String
    let part: DataPart
    let row: CSVTable.Row
  }

  let table: CSVTable
  /// Of rows without a fault.
  let pictures: [Picture]
  let faults: [CSVTable.Fault]
  /// The columns besides `path` and `split`, by their places.
  let labelColumns: [Int]

  init(_ table: CSVTable) throws(DataError) {
    self.table = table
    let pathColumn = try table.place(of: "path")
    let splitColumn = table.columns.firstIndex(of: "split")
    labelColumns = table.columns.indices.filter { $0 != pathColumn && $0 != splitColumn }
    guard !table.rows.isEmpty else { throw table.failure(1, "no picture is listed below the header") }
    var faults: [CSVTable.Fault] = []
    let root = (table.path as NSString).deletingLastPathComponent
    var pictures: [Picture] = []
    var firstLines: [String: Int] = [:]
    for row in table.rows {
      let file = row.fields[pathColumn]
      if file.isEmpty {
        faults.append((row.line, "the path is empty"))
        continue
      }
      let path = file.hasPrefix("/") || root.isEmpty ? file : root + "/" + file
      if let first = firstLines.updateValue(row.line, forKey: URL(fileURLWithPath: path).standardizedFileURL.path) {
        faults.append((row.line, "\(file) is listed twice, first in line \(first)"))
        continue
      }
      let split = splitColumn.map { row.fields[$0] } ?? "train"
      if let part = DataPart(named: split) {
        pictures.append(Picture(file: file, part: part, row: row))
      } else {
        faults.append((row.line, "the split '\(split)' is none of train, val, valid, validation and test"))
      }
    }
    (self.pictures, self.faults) = (pictures, faults)
  }

  /// - Throws: where no picture is there to learn from.
  func requireTraining() throws(DataError) {
    guard pictures.contains(where: { $0.part == .train }) else { throw table.failure(table.rows[0].line, "no row is for training") }
  }

  /// The files of a part, with a label each.
  func files(_ pictures: [Picture], labels: [Int32]) -> ImageFiles {
    let root = (table.path as NSString).deletingLastPathComponent
    return ImageFiles(root: root.isEmpty ? "." : root, files: pictures.map(\.file), labels: labels)
  }
}

extension CSVTable {
  typealias Fault = (line: Int, reason: String)

  func failure(_ line: Int, _ reason: String) -> DataError { .malformedLine(file: path, line: line, reason: reason) }

  /// Throws one error for all faults: whoever mends a long list wants to know them all.
  func refuse(_ faults: [Fault]) throws(DataError) {
    guard let first = faults.min(by: { $0.line < $1.line }) else { return }
    if faults.count == 1 { throw failure(first.line, first.reason) }
    let kinds = Dictionary(grouping: faults, by: \.reason).mapValues { $0.map(\.line).sorted() }.sorted { $0.value[0] < $1.value[0] }
    throw .malformedLines(
      file: path, faults: kinds.map { reason, lines in "line\(lines.count == 1 ? "" : "s") \(lines.map(String.init).listed()): \(reason)" })
  }

  /// Where a column that has to be there is in each row.
  func place(of column: String) throws(DataError) -> Int {
    guard let place = columns.firstIndex(of: column) else { throw missing(column) }
    return place
  }

  func missing(_ column: String) -> DataError {
    failure(1, "the header has no column '\(column)'; it has \(columns.joined(separator: ", "))")
  }
}
