// A data set as a list: each row of a CSV file names a picture and its class.
internal import Foundation

extension ImageFolder {
  /// Pictures that a CSV file lists: a column `path`, relative to the file's folder, one of labels, and perhaps `split`
  /// with train, val (or valid, validation) and test. Without rows for validation a fifth of each class is set aside, by
  /// the seed.
  ///
  /// - Parameter labelColumn: nil takes `label`, or the only column that is left.
  public init(csv path: String, labelColumn: String? = nil, validationFraction: Double = 0.2, seed: UInt64 = 0) throws {
    let list = try ListedPictures(CSVTable(path: path), labelColumn: labelColumn)
    let classes = list.classes
    guard classes.count > 1 else { throw DataError.onlyOneClass(path: path, name: classes[0]) }
    let root = (path as NSString).deletingLastPathComponent
    func files(_ part: DataPart) -> ImageFiles {
      let rows = list.pictures.filter { $0.part == part }
      return ImageFiles(
        root: root.isEmpty ? "." : root, files: rows.map(\.file), labels: rows.map { Int32(classes.firstIndex(of: $0.label)!) })
    }
    var (train, validation) = (files(.train), files(.validation))
    if validation.count == 0 {
      let (kept, heldOut) = train.holdingOut(validationFraction, seed: seed)
      (train, validation) = (train.selecting(kept), train.selecting(heldOut))
    }
    let test = files(.test)
    self.init(path: path, classes: classes, train: train, validation: validation, test: test.count > 0 ? test : nil)
  }
}

/// What the rows of a CSV file say, checked.
private struct ListedPictures {
  struct Picture {
    var file: String
    var label: String
    var part: DataPart
  }

  var pictures: [Picture] = []
  /// Of the training pictures, sorted.
  var classes: [String] = []

  init(_ table: CSVTable, labelColumn: String?) throws(DataError) {
    func failure(_ line: Int, _ reason: String) -> DataError { .malformedLine(file: table.path, line: line, reason: reason) }
    let found = table.columns.joined(separator: ", ")
    guard let pathColumn = table.columns.firstIndex(of: "path") else {
      throw failure(1, "the header has no column 'path'; it has \(found)")
    }
    let splitColumn = table.columns.firstIndex(of: "split")
    let labelIndex: Int
    if let labelColumn {
      guard let index = table.columns.firstIndex(of: labelColumn) else {
        throw failure(1, "the header has no column '\(labelColumn)'; it has \(found)")
      }
      labelIndex = index
    } else {
      let others = table.columns.indices.filter { $0 != pathColumn && $0 != splitColumn }
      guard let index = table.columns.firstIndex(of: "label") ?? (others.count == 1 ? others[0] : nil) else {
        throw failure(1, "the header has no column 'label'; it has \(found): say which is meant with --label-column")
      }
      labelIndex = index
    }
    guard !table.rows.isEmpty else { throw failure(1, "no picture is listed below the header") }

    let root = (table.path as NSString).deletingLastPathComponent
    var firstLines: [String: Int] = [:]
    for row in table.rows {
      let (file, label) = (row.fields[pathColumn], row.fields[labelIndex])
      if file.isEmpty { throw failure(row.line, "the path is empty") }
      if label.isEmpty { throw failure(row.line, "the label of \(file) is empty") }
      if let first = firstLines.updateValue(row.line, forKey: file) {
        throw failure(row.line, "\(file) is listed twice, first in line \(first)")
      }
      let path = file.hasPrefix("/") || root.isEmpty ? file : root + "/" + file
      guard FileManager.default.fileExists(atPath: path) else { throw failure(row.line, "there is no file \(path)") }
      let split = splitColumn.map { row.fields[$0] } ?? "train"
      guard let part = DataPart(named: split) else {
        throw failure(row.line, "the split '\(split)' is none of train, val, valid, validation and test")
      }
      pictures.append(Picture(file: file, label: label, part: part))
    }
    let known = Set(pictures.filter { $0.part == .train }.map(\.label))
    guard !known.isEmpty else { throw failure(table.rows[0].line, "no row is for training") }
    if let unknown = pictures.firstIndex(where: { !known.contains($0.label) }) {
      throw failure(
        table.rows[unknown].line, "no training picture has the label '\(pictures[unknown].label)' of \(pictures[unknown].file)")
    }
    classes = known.sorted()
  }
}
