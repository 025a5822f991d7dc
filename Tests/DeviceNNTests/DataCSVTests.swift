import Foundation
import Testing

@testable import DeviceNN

@Suite struct DataCSVTests {
  func table(_ text: String) throws(DataError) -> CSVTable { try CSVTable(parsing: Array(text.utf8), path: "t.csv") }

  @Test func fieldsAreThoseOfTheRFC() throws {
    let text = "\u{FEFF}path,label,note\r\na.jpg,\"big, red\",\"he said \"\"no\"\"\"\r\n\r\n\"b\n.jpg\",,x"
    let table = try table(text)
    #expect(table.columns == ["path", "label", "note"])
    #expect(table.rows.map(\.fields) == [["a.jpg", "big, red", "he said \"no\""], ["b\n.jpg", "", "x"]])
    #expect(table.rows.map(\.line) == [2, 4])
    #expect(try self.table("a,b\n1,\n,").rows.map(\.fields) == [["1", ""], ["", ""]])
    #expect(try self.table("a,b\n1,2\n").rows.count == 1)
    #expect(try self.table("a").rows.isEmpty)
    // A line break within quotes counts as a line.
    #expect(try self.table("a,b\n\"x\ny\",2\n3,4").rows.map(\.line) == [2, 4])
  }

  @Test(arguments: [
    ("", 1, "empty"), ("a,,b\n", 1, "column 2"), ("a,b,a\n", 1, "'a' twice"), ("a,b\n1,2\n3\n", 3, "1 fields"),
    ("a,b\n1,2,3\n", 2, "3 fields"), ("a,b\n\n\"x,2\n", 3, "never ends"), ("a,b\nx\"y\",2", 2, "a quote stands within"),
    ("a,b\n\"x\"y,2", 2, "behind a closing quote"),
  ])
  func badLinesAreNamed(text: String, line: Int, word: String) throws {
    let error = #expect(throws: DataError.self) { try table(text) }
    #expect("\(error!)".hasPrefix("t.csv, line \(line): ") && "\(error!)".contains(word), "\(error!)")
  }

  @Test func textThatIsNotUTF8IsRefused() {
    #expect(throws: DataError.malformedLine(file: "t.csv", line: 2, reason: "it is no text in UTF-8")) {
      try CSVTable(parsing: Array("a\n".utf8) + [0xFF, 0x41], path: "t.csv")
    }
  }

  // MARK: Lists of pictures

  let folder = try! TemporaryFolder()

  func list(_ text: String) throws -> String {
    for name in ["a", "b", "c", "d", "e", "f"] {
      try folder.write(smoothImage(12, 10, phase: Double(name.utf8.first!)).jpegData(), "photos/\(name).jpg")
    }
    return try folder.write(Array(text.utf8), "list.csv")
  }

  @Test func rowsBecomeParts() throws {
    let path = try list(
      """
      split,path,label
      train,photos/a.jpg,dog
      test,photos/b.jpg,cat
      train,photos/c.jpg,cat
      valid,photos/d.jpg,dog
      val,\(folder.path)/photos/e.jpg,cat
      """)
    let data = try ImageDataset(path: path)
    #expect(data.classes == ["cat", "dog"] && !data.isHeldOut)
    func described(_ part: DataPart) throws -> [String] {
      let source = try data.source(part)
      return (0..<source.count).map { "\(source.name(at: $0)) \(source.label(at: $0))" }
    }
    #expect(try described(.train) == ["photos/a.jpg 1", "photos/c.jpg 0"])
    #expect(try described(.validation) == ["photos/d.jpg 1", "\(folder.path)/photos/e.jpg 0"])
    #expect(try described(.test) == ["photos/b.jpg 0"])
    #expect(try data.validation.image(at: 1, atLeast: nil).width == 12)
    #expect(try ImageDataset.classes(of: path) == data.classes)
  }

  @Test func withoutASplitAPartIsHeldOut() throws {
    let rows = ["a", "b", "c", "d", "e", "f"].enumerated().map { "photos/\($1).jpg,\($0 % 2)" }
    let path = try list("path,kind\n" + rows.joined(separator: "\n"))
    let data = try ImageDataset(path: path, seed: 1)
    #expect(data.train.count == 4 && data.validation.count == 2 && data.test == nil && data.isHeldOut)
    #expect(Set((0..<2).map { data.validation.label(at: $0) }) == [0, 1])
    #expect(throws: DataError.noTestPictures(path: path)) { try data.source(.test) }
  }

  @Test func theColumnOfLabelsMayBeChosen() throws {
    let path = try list("path,x,y\nphotos/a.jpg,1,u\nphotos/b.jpg,1,v\nphotos/c.jpg,1,u\n")
    #expect(try ImageDataset(path: path, labelColumn: "y").classes == ["u", "v"])
    #expect(throws: DataError.onlyOneClass(path: path, name: "1")) { try ImageDataset(path: path, labelColumn: "x") }
  }

  @Test(arguments: [
    ("file,label\nphotos/a.jpg,x", 1, "no column 'path'"), ("path,x,y\nphotos/a.jpg,1,2", 1, "--label-column"),
    ("path,label", 1, "no picture"), ("path,label\nphotos/a.jpg,x\n,y", 3, "the path is empty"),
    ("path,label\nphotos/a.jpg,x\nphotos/b.jpg,", 3, "the label is empty"),
    ("path,label\nphotos/a.jpg,x\nphotos/b.jpg,y\nphotos/a.jpg,y", 4, "twice, first in line 2"),
    ("path,label,split\nphotos/a.jpg,x,train\nphotos/b.jpg,y,dev", 3, "'dev' is none of"),
    ("path,label,split\nphotos/a.jpg,x,train\nphotos/b.jpg,y,train\nphotos/c.jpg,z,val", 4, "label 'z'"),
    ("path,label,split\nphotos/a.jpg,x,test", 2, "no row is for training"),
  ])
  func badListsAreNamed(text: String, line: Int, word: String) throws {
    let path = try list(text)
    let error = #expect(throws: DataError.self) { try ImageDataset(path: path) }
    #expect("\(error!)".hasPrefix("\(path), line \(line): ") && "\(error!)".contains(word), "\(error!)")
  }

  @Test func allBadLinesAreNamedAtOnce() throws {
    let path = try list(
      """
      path,label,split
      photos/a.jpg,x,train
      ,y,train
      photos/b.jpg,y,dev
      photos/a.jpg,y,val
      photos/c.jpg,,train
      photos/d.jpg,"  ",train
      photos/e.jpg,z,val
      """)
    let error = #expect(throws: DataError.self) { try ImageDataset(path: path) }
    #expect(
      "\(error!)" == "\(path), line 3: the path is empty; line 4: the split 'dev' is none of train, val, valid, validation and test; "
        + "line 5: photos/a.jpg is listed twice, first in line 2; lines 6, 7: the label is empty; line 8: no training picture has the label 'z'")
    let short = #expect(throws: DataError.self) { try table("a,b\n1\n1,2\n3\n4\n5\n1,2,3\n") }
    #expect("\(short!)" == "t.csv, lines 2, 4, 5 and 1 more: it has 1 fields, but the header has 2; line 7: it has 3 fields, but the header has 2")
  }

  /// What is measured need not come with something to learn from.
  @Test func partsMayBeAlone() throws {
    let path = try list("path,label,split\nphotos/a.jpg,x,val\nphotos/b.jpg,y,val\nphotos/c.jpg,y,test\n")
    #expect(throws: DataError.self) { try ImageDataset(path: path) }
    let data = try ImageDataset(path: path, parts: [.validation])
    #expect(data.validation.count == 2 && data.train.count == 0 && data.classes == ["x", "y"] && !data.isHeldOut)
    #expect(try ImageDataset(path: path, parts: [.test]).source(.test).count == 1)
    for name in ["cat", "dog"] { try folder.write(smoothImage(9, 9).jpegData(), "alone/test/\(name)/1.jpg") }
    let tests = try ImageDataset(path: folder.path(of: "alone"), parts: [.test])
    #expect(try tests.source(.test).count == 2 && tests.classes == ["cat", "dog"])
    #expect(throws: DataError.noTrainingFolder(path: folder.path(of: "alone"), found: "test")) { try ImageDataset(path: folder.path(of: "alone")) }
  }

  /// As in folders: it is told to those who want to measure with it.
  @Test func aTestPartWithOtherClassesIsLeftOut() throws {
    let path = try list("path,label,split\nphotos/a.jpg,x,train\nphotos/b.jpg,y,train\nphotos/c.jpg,x,val\nphotos/d.jpg,z,test\n")
    let data = try ImageDataset(path: path)
    #expect(data.test == nil && data.unmeasuredClasses == ["y"])
    #expect("\(data.testFault!)" == "\(path), line 5: no training picture has the label 'z'")
    #expect(throws: data.testFault!) { try data.source(.test) }
  }

  /// As with files that are damaged.
  @Test func missingFilesAreNamedOrSkipped() throws {
    let path = try list("path,label\n" + "abcdef".map { "photos/\($0).jpg,\($0 < "d" ? "x" : "y")\n" }.joined() + "photos/y.jpg,x\nphotos/z.jpg,y\n")
    let error = #expect(throws: DataError.self) { try ImageDataset(path: path) }
    for word in ["2 of 8 pictures", "photos/y.jpg", "photos/z.jpg", "No such file"] { #expect("\(error!)".contains(word), "\(error!)") }
    let data = try ImageDataset(path: path, skippingBad: true)
    #expect(data.skipped.count == 2 && data.train.count + data.validation.count == 6)
    #expect(try DataCheck(path: path).unreadable.count == 2)
  }

  @Test func damagedPicturesOfListsAreFound() throws {
    let path = try list("path,label,split\nphotos/a.jpg,x,train\nphotos/b.jpg,y,train\nphotos/c.jpg,x,test\nphotos/d.jpg,x,val")
    try folder.write([1, 2, 3], "photos/c.jpg")
    #expect(throws: DataError.self) { try ImageDataset(path: path) }
    let data = try ImageDataset(path: path, skippingBad: true)
    #expect(data.skipped.count == 1 && data.test?.count == 0 && data.train.count == 2)
  }

  @Test func foldersMayHaveATestPart() throws {
    for part in ["train", "val", "test"] {
      for name in ["cat", "dog"] { try folder.write(smoothImage(9, 9).jpegData(), "set/\(part)/\(name)/\(part).jpg") }
    }
    let data = try ImageDataset(path: folder.path(of: "set"))
    #expect(data.validation.name(at: 0) == "cat/val.jpg" && data.test?.name(at: 1) == "dog/test.jpg")
    #expect(data.testFault == nil)
  }

  /// Nobody trains on it: what is wrong with it is told to those who want to measure with it.
  @Test func aTestPartOfNoUseIsLeftOut() throws {
    for part in ["train", "val", "test"] {
      for name in ["cat", "dog"] { try folder.write(smoothImage(9, 9).jpegData(), "set/\(part)/\(name)/\(part).jpg") }
    }
    let path = folder.path(of: "set")
    try folder.write(smoothImage(9, 9).jpegData(), "set/test/eel/1.jpg")
    let unknown = DataError.unknownValidationClasses(path: path + "/test", names: ["eel"], known: ["cat", "dog"])
    let data = try ImageDataset(path: path)
    #expect(data.test == nil && data.testFault == unknown && data.validation.count == 2)
    #expect(throws: unknown) { try data.source(.test) }
    #expect(try DataCheck(path: path).findings.contains { $0.title.contains("test part") && $0.advice.contains("'eel'") })
    // As from Kaggle: pictures whose classes nobody tells.
    try FileManager.default.removeItem(atPath: path + "/test")
    try folder.write(smoothImage(9, 9).jpegData(), "set/test/1.jpg")
    #expect(try ImageDataset(path: path).testFault == .noClassFolders(path: path + "/test", looseImages: 1))
  }

  @Test func classesThatLookAlikeAreNamed() throws {
    let path = try list("path,label\nphotos/a.jpg,Daisy\nphotos/b.jpg,daisy \nphotos/c.jpg,tulip\nphotos/d.jpg,daisy\nphotos/e.jpg,rose\n")
    let data = try ImageDataset(path: path)
    #expect(data.classes.count == 5 && data.lookalikes == [["Daisy", "daisy", "daisy "]])
    #expect(try DataCheck(path: path).findings.contains { $0.title == "1 class is spelt in several ways, most likely: 'Daisy' and 'daisy' and 'daisy '" })
  }
}
