// A data set as a list: each row of a CSV file names a picture and its class.

extension ImageFolder {
  /// Pictures that a CSV file lists: a column `path`, relative to the file's folder, one of labels, and perhaps `split`
  /// with train, val (or valid, validation) and test. Without rows for validation a fifth of each class is set aside, by
  /// the seed.
  ///
  /// - Parameters:
  ///   - labelColumn: nil takes `label`, or the only column that is left.
  ///   - isMeasured: nothing is learnt from it, so that it need not have rows for training.
  public init(
    csv path: String, labelColumn: String? = nil, validationFraction: Double = 0.2, seed: UInt64 = 0, isMeasured: Bool = false
  ) throws {
    let list = try ListedFiles(CSVTable(path: path))
    let column = try list.labelColumn(labelColumn)
    let (classes, faults) = list.classes(of: column, isMeasured: isMeasured)
    // Nobody learns from the test part: what is wrong with it may wait until it is wanted.
    let isTest = Set(list.pictures.filter { $0.part == .test }.map(\.row.line))
    try list.table.refuse(list.faults + faults.filter { !isTest.contains($0.line) })
    let testFaults = faults.filter { isTest.contains($0.line) }
    var testFault: DataError?
    do throws(DataError) { try list.table.refuse(testFaults) } catch { testFault = error }
    if !isMeasured {
      try list.requireTraining()
      guard classes.count > 1 else { throw DataError.onlyOneClass(path: path, name: classes[0]) }
    }
    func files(_ part: DataPart) -> ImageFiles {
      let pictures = part == .test && testFault != nil ? [] : list.pictures.filter { $0.part == part }
      return list.files(pictures, labels: pictures.map { Int32(classes.firstIndex(of: $0.row.fields[column])!) })
    }
    var (train, validation) = (files(.train), files(.validation))
    let isHeldOut = validation.count == 0 && train.count > 0
    if isHeldOut {
      let (kept, heldOut) = train.holdingOut(validationFraction, seed: seed)
      (train, validation) = (train.selecting(kept), train.selecting(heldOut))
    }
    let test = files(.test)
    self.init(
      path: path, classes: classes, train: train, validation: validation, test: test.count > 0 ? test : nil, isHeldOut: isHeldOut,
      testFault: testFault)
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

  /// Of the training pictures, or all that are measured, sorted; every picture has one of them but for the faults.
  fileprivate func classes(of column: Int, isMeasured: Bool) -> (names: [String], faults: [CSVTable.Fault]) {
    func isBlank(_ label: String) -> Bool { label.allSatisfy(\.isWhitespace) }
    let learnt = isMeasured ? pictures : pictures.filter { $0.part == .train }
    let known = Set(learnt.map { $0.row.fields[column] }.filter { !isBlank($0) })
    let faults = pictures.compactMap { picture -> CSVTable.Fault? in
      let label = picture.row.fields[column]
      if isBlank(label) { return (picture.row.line, "the label is empty") }
      return known.contains(label) ? nil : (picture.row.line, "no training picture has the label '\(label)'")
    }
    return (known.sorted(), faults)
  }
}
