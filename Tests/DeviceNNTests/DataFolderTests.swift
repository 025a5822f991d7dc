import Foundation
import Testing

@testable import DeviceNN

@Suite struct DataFolderTests {
  static let picture = smoothImage(12, 10).jpegData()

  /// A folder with these files, each of which is a picture.
  func folder(_ files: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for file in files { try folder.write(Self.picture, file) }
    return folder
  }

  @Test(arguments: ["val", "valid", "validation", "test"])
  func trainAndValidationFoldersAreFound(name: String) throws {
    let folder = try folder([
      "train/cat/2.JPG", "train/cat/1.jpeg", "train/ant/a.png", "train/ant/.hidden.jpg", "train/ant/notes.txt",
      "train/.git/x.jpg", "\(name)/cat/9.PPM",
    ])
    let data = try ImageFolder(folder.path)
    #expect(data.classes == ["ant", "cat"])
    #expect(data.train.files == ["ant/a.png", "cat/1.jpeg", "cat/2.JPG"])
    #expect(data.train.labels == [0, 1, 1])
    #expect(data.validation.files == ["cat/9.PPM"])
    #expect(data.validation.labels == [1])
    #expect(try data.validation.image(at: 0, atLeast: nil).width == 12)
    #expect(data.ignored == [folder.path + "/train/ant/notes.txt"])
  }

  /// Pictures in a folder of a class's folder, beside the classes, and of other kinds take no part, and are named.
  @Test func whatIsNoPictureIsNamed() throws {
    let folder = try folder([
      "ant/1.jpg", "ant/2.jpg", "ant/more/3.jpg", "ant/4.webp", "cat/1.jpg", "cat/2.jpg", "loose.jpg", "labels.csv",
    ])
    let data = try ImageDataset(path: folder.path)
    #expect(data.train.count + data.validation.count == 4)
    #expect(data.ignored == ["loose.jpg", "labels.csv", "ant/more", "ant/4.webp"].map { folder.path + "/" + $0 })
    let titles = try DataCheck(path: folder.path).findings.map(\.title)
    #expect(titles.contains { $0.hasPrefix("4 files and folders are no pictures by their names: \(folder.path)/loose.jpg, ") }, "\(titles)")
  }

  /// What is not measured need not be readable; what is has to be.
  @Test func onlyTheAskedPartsAreDecoded() throws {
    let folder = try folder(["train/ant/1.jpg", "train/cat/1.jpg", "train/cat/2.jpg", "val/ant/2.jpg", "val/cat/2.jpg"])
    try folder.write([1, 2, 3], "train/cat/2.jpg")
    #expect(try ImageDataset(path: folder.path, parts: [.validation]).validation.count == 2)
    #expect(throws: DataError.self) { try ImageDataset(path: folder.path, parts: [.train]) }
    #expect(throws: DataError.self) { try ImageDataset(path: folder.path) }
  }

  @Test(arguments: [nil, 1]) func anotherPictureUnderTheSameNameIsOtherData(fewShot: Int?) throws {
    let folder = try folder(["train/ant/1.jpg", "train/cat/1.jpg", "val/ant/2.jpg", "val/cat/2.jpg"])
    let before = try ImageDataset(path: folder.path, fewShot: fewShot).fingerprint
    #expect(try ImageDataset(path: folder.path, fewShot: fewShot).fingerprint == before)
    try folder.write(smoothImage(17, 10).jpegData(), "train/cat/1.jpg")
    #expect(try ImageDataset(path: folder.path, fewShot: fewShot).fingerprint != before)
  }

  @Test func oneLevelIsSplitByTheSeedInEveryClass() throws {
    let folder = try folder(
      (0..<20).map { "cat/\($0).jpg" } + (0..<10).map { "dog/\($0).jpg" } + ["eel/0.jpg", "eel/1.jpg"])
    let data = try ImageFolder(folder.path, seed: 3)
    #expect(data.classes == ["cat", "dog", "eel"])
    #expect(data.validation.labels == [0, 0, 0, 0, 1, 1, 2])
    #expect(data.train.count == 25)
    #expect(Set(data.train.files + data.validation.files).count == 32, "no picture may be in both parts or in none")
    #expect(try ImageFolder(folder.path, seed: 3) == data)
    #expect(try ImageFolder(folder.path, seed: 4) != data)
    #expect(try ImageFolder(folder.path, validationFraction: 0).validation.count == 0)
  }

  @Test func trainWithoutValidationIsSplitToo() throws {
    let folder = try folder((0..<5).flatMap { ["train/a/\($0).jpg", "train/b/\($0).jpg"] })
    let data = try ImageFolder(folder.path)
    #expect(data.train.count == 8 && data.validation.count == 2)
  }

  @Test func aClassCalledTestIsAClass() throws {
    let folder = try folder(["test/1.jpg", "test/2.jpg", "rest/1.jpg", "rest/2.jpg"])
    #expect(try ImageFolder(folder.path).classes == ["rest", "test"])
  }

  // MARK: Errors

  func error(of path: String) -> DataError? {
    do throws(DataError) {
      _ = try ImageFolder(path)
      return nil
    } catch {
      #expect(!"\(error)".contains("\n"), "an error is one line")
      return error
    }
  }

  @Test func whatIsWrongWithAFolderIsNamed() throws {
    let none = try folder([])
    #expect(error(of: none.path + "/x") == .noSuchFolder(path: none.path + "/x"))
    #expect(error(of: none.path) == .noClassFolders(path: none.path, looseImages: 0))
    let loose = try folder(["a.jpg", "b.jpg"])
    #expect(error(of: loose.path) == .noClassFolders(path: loose.path, looseImages: 2))
    #expect(error(of: loose.path + "/a.jpg") == .notAFolder(path: loose.path + "/a.jpg"))
    let single = try folder(["cat/a.jpg"])
    #expect(error(of: single.path) == .onlyOneClass(path: single.path, name: "cat"))
    let validationOnly = try folder(["val/cat/a.jpg"])
    #expect(error(of: validationOnly.path) == .noTrainingFolder(path: validationOnly.path, found: "val"))
    let empty = try folder(["train/cat/a.jpg", "train/dog/readme.txt", "val/cat/a.jpg"])
    #expect(error(of: empty.path) == .emptyClass(path: empty.path + "/train/dog", name: "dog"))
    let unknown = try folder(["train/cat/a.jpg", "train/dog/a.jpg", "val/cow/a.jpg", "val/dog/a.jpg"])
    #expect(
      error(of: unknown.path)
        == .unknownValidationClasses(path: unknown.path + "/val", names: ["cow"], known: ["cat", "dog"]))
    let emptyTrain = try folder(["train/readme.txt", "val/dog/a.jpg"])
    #expect(error(of: emptyTrain.path) == .noClassFolders(path: emptyTrain.path + "/train", looseImages: 0))
  }

  // MARK: Bad pictures

  @Test func badPicturesAreFoundBeforeTraining() throws {
    let folder = try folder((0..<8).flatMap { ["train/a/\($0).jpg", "train/b/\($0).jpg", "val/a/\($0).jpg"] })
    let whole = try ImageFolder(folder.path)
    let clean = try whole.validated(skippingBad: false)
    #expect(clean.folder == whole && clean.skipped.isEmpty)

    for name in 1...5 { try folder.write(Array(Self.picture.dropLast(40)), "train/b/\(name).jpg") }
    try folder.write(Array("404 Not Found".utf8), "val/a/7.jpg")
    let error = #expect(throws: DataError.self) { try whole.validated(skippingBad: false) }
    guard case .unreadableImages(let files, let count, let total)? = error else { return }
    #expect(files.count == 5 && count == 6 && total == 24)
    #expect(files[0].hasPrefix(folder.path + "/train/b/1.jpg (damaged JPEG"))
    #expect("\(error!)".contains("and 1 more") && "\(error!)".contains("--skip-bad-images"))

    let (good, skipped) = try whole.validated(skippingBad: true)
    #expect(good.classes == ["a", "b"])
    #expect(good.train.count == 11 && good.validation.count == 7)
    #expect(
      skipped.map { ($0.file as NSString).lastPathComponent } == ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "7.jpg"])
    #expect(!good.train.files.contains("b/3.jpg"))
  }

  @Test func aClassThatLosesEveryPictureIsAnError() throws {
    let folder = try folder(["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg"])
    try folder.write([1, 2, 3], "train/b/1.jpg")
    let data = try ImageFolder(folder.path)
    #expect(throws: DataError.classWithoutGoodImages(name: "b", skipped: 1)) {
      try data.validated(skippingBad: true)
    }
  }

  @Test(.enabled(if: sharedData != nil, "../shared/data is not here")) func realFlowersAreWhole() throws {
    let data = try ImageFolder(sharedData! + "/flowers224")
    #expect(data.classes == ["daisy", "dandelion", "roses", "sunflowers", "tulips"])
    #expect(data.train.count == 1000 && data.validation.count == 250)
    #expect(try data.validated(skippingBad: false).folder == data)
  }

  @Test(.enabled(if: sharedData != nil, "../shared/data is not here")) func cifarIsReadAsItsSourceDescribesIt() throws {
    let cifar = try CIFAR10(directory: sharedData! + "/cifar10", limit: 2)
    #expect(cifar.train.count == 2000 && cifar.test.count == 1000)
    #expect(cifar.train.labels.prefix(10) == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3])
    #expect(fingerprint(cifar.train.images[0].pixels) == 0xdcec_88fe_4f10_ae51, "Pillow reads other bytes")
  }
}
