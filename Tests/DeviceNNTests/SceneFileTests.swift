import Foundation
import Testing

@testable import DeviceNN

@Suite struct SceneFileTests {
  func annotation(_ objects: String, size: String = "<size><width>60</width><height>40</height></size>") -> String {
    "<?xml version=\"1.0\"?>\n<annotation>\n<filename>a.jpg</filename>\(size)\n\(objects)</annotation>\n"
  }

  func object(_ name: String, _ corners: [String], pose: String? = nil) -> String {
    let fields = zip(["xmin", "ymin", "xmax", "ymax"], corners).map { "<\($0)>\($1)</\($0)>" }.joined()
    return "<object><name>\(name)</name>\(pose.map { "<pose>\($0)</pose>" } ?? "")\n<bndbox>\(fields)</bndbox></object>\n"
  }

  func read(_ text: String) throws -> PascalVOC {
    let folder = try TemporaryFolder()
    try text.write(toFile: folder.path(of: "a.xml"), atomically: true, encoding: .utf8)
    return try PascalVOC(contentsOf: folder.path(of: "a.xml"))
  }

  @Test func cornersAreThoseOfPixelsCountedFromOne() throws {
    let file = try read(annotation(object("Tom &amp; Jerry", ["1", "2", "10", "40"], pose: "Left") + object("b", ["1", "1", "1.5", "2"])))
    #expect(file.objects[0].box == Box(left: 0, top: 1, right: 10, bottom: 40))
    #expect(file.objects.map(\.name) == ["Tom & Jerry", "b"] && file.objects.map(\.pose) == ["Left", nil])
    #expect((file.width, file.height) == (60, 40) && file.skipped.isEmpty)
    #expect(try read(annotation("")).objects.isEmpty)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let file = PascalVOC(
      width: 60, height: 40,
      objects: [
        .init(name: "<sign>", pose: "Right", box: Box(left: 3, top: 4, right: 20, bottom: 9), line: 8),
        .init(name: "b", pose: nil, box: Box(left: 0, top: 0, right: 60, bottom: 40), line: 18),
      ])
    var again = try read(file.xml(picture: "a & b.jpg"))
    for i in again.objects.indices { again.objects[i].line = file.objects[i].line }
    #expect(again == file)
  }

  @Test func boxesWithoutAnInsideOrOutsideAreLeftOutAndSaid() throws {
    let file = try read(
      annotation(
        object("point", ["50", "33", "50", "33"]) + object("turned", ["9", "9", "3", "20"])
          + object("outside", ["70", "1", "90", "9"]) + object("cut", ["-5", "30", "70", "90"])))
    #expect(file.objects.map(\.name) == ["cut"])
    #expect(file.objects[0].box == Box(left: 0, top: 29, right: 60, bottom: 40))
    #expect(file.skipped.map(\.name) == ["point", "turned", "outside"])
    #expect(file.skipped[0].description.hasSuffix("a.xml, line 5: the box of 'point' has no inside: 50, 33 to 50, 33"))
    #expect(file.skipped[2].reason == "is outside of the picture of 60x40 pixels")
  }

  @Test(arguments: [
    ("", "line 1: it holds no element"), ("<html></html>", "line 1: it holds 'html', but an 'annotation' was wanted"),
    ("<annotation>\n<object>", "line 2: it ends within the element 'object' of line 2"),
    ("<annotation>\n<object></annotation>", "line 2: 'annotation' ends where it did not begin"),
    ("<annotation><object></object></annotation>", "line 1: an object has no name"),
    ("<annotation><object><name>a</name></object></annotation>", "the object 'a' has no 'bndbox'"),
    ("<!DOCTYPE a [<!ENTITY b \"bb\">]><annotation/>", "line 1: it declares a document type"),
    ("<annotation>&b;</annotation>", "the entity '&b;' is not known"),
    ("<annotation a=\"x", "it ends within a tag"), ("<annotation <b>", "a tag begins within a tag"),
    ("text <annotation/>", "there is text outside of any element"), ("<!-- no end", "it ends where '-->' was wanted"),
    ("<annotation><size><width>9</width></size></annotation>", "the size has no 'height'"),
  ])
  func damagedFilesAreNamedWithTheLine(text: String, reason: String) throws {
    let error = #expect(throws: DataError.self) { try read(text) }
    #expect("\(error!)".contains("a.xml") && "\(error!)".contains(reason), "\(error!)")
  }

  @Test(arguments: ["nan", "1e9", "ten", "", "inf"])
  func cornersThatAreNoNumbers(corner: String) throws {
    let error = #expect(throws: DataError.self) { try read(annotation(object("a", ["1", corner, "5", "5"]))) }
    #expect("\(error!)".contains("line 5: 'ymin' is '\(corner)', but a number of pixels was wanted"), "\(error!)")
  }

  @Test func everyTruncationAndDeepNestingIsRefused() throws {
    let whole = Array(annotation(object("a", ["1", "1", "5", "5"])).utf8)
    for end in 0..<whole.count - 2 {
      #expect(throws: DataError.self) { try XMLElement(parsing: Array(whole[..<end]), path: "a.xml") }
    }
    let deep = String(repeating: "<a>", count: 100_000)
    #expect(throws: DataError.self) { try XMLElement(parsing: Array(deep.utf8), path: "a.xml") }
    #expect(throws: DataError.self) { try XMLElement(parsing: [0x3C, 0xFF, 0x3E], path: "a.xml") }
    let element = try XMLElement(parsing: Array("<a b='<'><!-- > --><![CDATA[<x>]]> &#65;&#x42; <c/></a>".utf8), path: "a.xml")
    #expect(element.text == "<x> AB" && element.children.map(\.name) == ["c"])
  }

  // MARK: Data sets

  func folder(_ annotations: [String], lists: [String: [Int]] = [:]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["JPEGImages", "Annotations", "ImageSets/Main"] {
      try FileManager.default.createDirectory(atPath: folder.path(of: name), withIntermediateDirectories: true)
    }
    for (i, text) in annotations.enumerated() {
      try writeImageFile(Image(width: 60, height: 40).jpegData(), to: folder.path(of: "JPEGImages/\(i).jpg"))
      try text.write(toFile: folder.path(of: "Annotations/\(i).xml"), atomically: true, encoding: .utf8)
    }
    for (part, members) in lists {
      try members.map { "\($0)\n" }.joined().write(
        toFile: folder.path(of: "ImageSets/Main/\(part).txt"), atomically: true, encoding: .utf8)
    }
    return folder
  }

  @Test func aFolderOfVOCsLayout() throws {
    let sign = object("sign", ["1", "1", "9", "9"], pose: "Left")
    let folder = try folder(
      [annotation(sign + object("car", ["1", "1", "30", "30"])), annotation(""), annotation(sign)],
      lists: ["train": [0, 1], "val": [2]])
    let data = try SceneDataset(path: folder.path)
    #expect(data.tasks == SceneTasks(classes: ["car", "sign"], poses: ["Left"], posedClasses: [1]))
    #expect(data.train.annotations.map(\.objects.count) == [2, 0])
    #expect(data.validation.annotations[0].objects == [SceneObject(box: Box(left: 0, top: 0, right: 9, bottom: 9), label: 1, pose: 0)])
    #expect(data.tasks.names == ["objects", "poses"] && data.only("poses").tasks.classes.isEmpty)
    #expect(data.fingerprint != data.only("poses").fingerprint)
  }

  @Test func unknownClassesAndMissingPicturesAreNamed() throws {
    let car = annotation(object("car", ["1", "1", "30", "30"]))
    let unknown = try folder([car, annotation(object("ship", ["1", "1", "9", "9"]))], lists: ["train": [0], "val": [1]])
    let error = #expect(throws: DataError.self) { try SceneDataset(path: unknown.path) }
    #expect("\(error!)".contains("1.xml") && "\(error!)".contains("the class 'ship' is not known; known are car"), "\(error!)")
    let missing = try folder([car], lists: ["train": [0, 7]])
    let second = #expect(throws: DataError.self) { try SceneDataset(path: missing.path) }
    #expect("\(second!)".contains("'7' is listed, but JPEGImages has no such picture"), "\(second!)")
    #expect(throws: DataError.noSuchFolder(path: "/nowhere")) { try SceneDataset(path: "/nowhere") }
  }

  @Test func boxesOfATable() throws {
    let folder = try TemporaryFolder()
    let path = folder.path(of: "boxes.csv")
    try """
      image,xmin,ymin,xmax,ymax,class,pose,split
      a.jpg,0,1,10.5,20,sign,Left,train
      a.jpg,3,3,3,9,car,,train
      b.jpg,,,,,,,val
      a.jpg,5,5,9,9,car,,train

      """.write(toFile: path, atomically: true, encoding: .utf8)
    let data = try SceneDataset(path: path)
    #expect(data.train.annotations[0].objects.map(\.box) == [Box(left: 0, top: 1, right: 10.5, bottom: 20), Box(left: 5, top: 5, right: 9, bottom: 9)])
    #expect(data.validation.annotations == [SceneAnnotation()] && data.train.pictures.path(at: 0) == folder.path(of: "a.jpg"))
    #expect(data.skipped.map(\.line) == [3])
    for (row, reason) in [
      ("a.jpg,1,2,x,4,car,,train", "line 2: '1,2,x,4' are no four numbers of pixels"),
      ("a.jpg,1,2,3,4,,,train", "line 2: a box has no class"), (",1,2,3,4,car,,train", "line 2: it names no image"),
      ("a.jpg,1,2,3,4,car,,later", "the split 'later' of a.jpg is none of"),
    ] {
      try "image,xmin,ymin,xmax,ymax,class,pose,split\n\(row)\n".write(toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: DataError.self) { try SceneDataset(path: path) }
      #expect("\(error!)".contains(reason), "\(error!)")
    }
  }

  @Test func masksHaveVOCsColours() throws {
    #expect(maskColour(of: 0) == (0, 0, 0) && maskColour(of: 1) == (128, 0, 0) && maskColour(of: 2) == (0, 128, 0))
    #expect(maskColour(of: 255) == (224, 224, 192) && maskColour(of: 15) == (192, 128, 128))
    let folder = try TemporaryFolder()
    var mask = Image(width: 16, height: 8)
    for y in 0..<8 { for x in 8..<16 { mask[x, y] = (128, 0, 0) } }
    mask[2, 2] = (9, 9, 9)
    try writeImageFile(mask.pngData(), to: folder.path(of: "mask.png"))
    let annotation = SceneAnnotation(regions: folder.path(of: "mask.png"))
    let map = PixelMap(crop: mask.bounds, width: 16, height: 16)
    let labels = try annotation.regionLabels(2, movedBy: map, side: 4)
    #expect(labels[4..<8] == [0, 0, 1, 1])
    // Mirrored, and shifted out of the picture by a quarter.
    let mirrored = PixelMap(crop: mask.bounds, width: 16, height: 16, flipped: true).followed(by: PixelMap(x: 4))
    #expect(try annotation.regionLabels(2, movedBy: mirrored, side: 4)[8..<12] == [-100, 1, 1, 0])
    #expect(try SceneAnnotation().regionLabels(2, movedBy: map, side: 2) == [-100, -100, -100, -100])
  }
}
