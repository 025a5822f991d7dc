// A data set as a list: each row of a CSV file names a picture and its class.

extension ImageFolder {
  /// Pictures that a CSV file lists: a column `path`, relative to the file's folder, one of labels, and perhaps `split`
  /// with train, val (or valid, validation) and test. Without rows for validation a fifth of each class is set aside, by
  /// the seed.
  ///
  /// - Parameter labelColumn: nil takes `label`, or the only column that is left.
  public init(csv path: String, labelColumn: String? = nil, validationFraction: Double = 0.2, seed: UInt64 = 0) throws {
    let list = try ListedFiles(CSVTable(path: path))
    try list.requireTraining()
    let column = try list.labelColumn(labelColumn)
    let classes = try list.classes(of: column)
    guard classes.count > 1 else { throw DataError.onlyOneClass(path: path, name: classes[0]) }
    func files(_ part: DataPart) -> ImageFiles {
      let pictures = list.pictures.filter { $0.part == part }
      return list.files(pictures, labels: pictures.map { Int32(classes.firstIndex(of: $0.row.fields[column])!) })
    }
    var (train, validation) = (files(.train), files(.validation))
    let isHeldOut = validation.count == 0
    if isHeldOut {
      let (kept, heldOut) = train.holdingOut(validationFraction, seed: seed)
      (train, validation) = (train.selecting(kept), train.selecting(heldOut))
    }
    let test = files(.test)
    self.init(
      path: path, classes: classes, train: train, validation: validation, test: test.count > 0 ? test : nil, isHeldOut: isHeldOut)
  }
}

extension ListedFiles {
  fileprivate func labelColumn(_ name: String?) throws(DataError) -> Int {
    if let name { return try table.place(of: name) }
    guard let index = table.columns.firstIndex(of: "label") ?? (labelColumns.count == 1 ? labelColumns[0] : nil) else {
      throw table.failure(
        1, "the header has no column 'label'; it has \(table.columns.joined(separator: ", ")): say which is meant with --label-column")
    }
    return index
  }

  /// Of the training pictures, sorted; every picture has one of them.
  fileprivate func classes(of column: Int) throws(DataError) -> [String] {
    let known = Set(pictures.filter { $0.part == .train }.map { $0.row.fields[column] }).subtracting([""])
    try table.refuse(
      pictures.compactMap { picture in
        let label = picture.row.fields[column]
        if label.isEmpty { return (picture.row.line, "the label of \(picture.file) is empty") }
        return known.contains(label) ? nil : (picture.row.line, "no training picture has the label '\(label)' of \(picture.file)")
      })
    return known.sorted()
  }
}
