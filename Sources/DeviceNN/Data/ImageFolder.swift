// A data set as folders: one a class, in train/ and val/ or split here.
internal import Foundation

/// Pictures in folders that are named after their classes.
///
/// Two layouts are understood: `DIR/train/CLASS/*` with `DIR/val/CLASS/*` (also called valid, validation or, where there
/// is none of these, test) and perhaps `DIR/test/CLASS/*`; and `DIR/CLASS/*`, of which a fifth of each class is set aside
/// for validation, chosen by the seed. Class names are sorted, and so are files, so that numbers mean the same everywhere.
public struct ImageFolder: Sendable, Equatable {
  public let path: String
  public let classes: [String]
  public let train: ImageFiles
  public let validation: ImageFiles
  /// Whether the validation part was set aside from the training part, as there was none.
  public let isHeldOut: Bool
  /// Nil where there is no such part.
  public let test: ImageFiles?
  /// What keeps pictures for a test from being used: nobody trains on them, so that it may wait until they are wanted.
  public let testFault: DataError?
  /// What lies in the folders and is no picture by its name: files of other kinds, folders in those of classes, and pictures
  /// that are in no class.
  public let ignored: [String]

  static let extensions: Set = ["jpg", "jpeg", "png", "ppm"]
  static let validationNames = ["val", "valid", "validation", "test"]

  init(
    path: String, classes: [String], train: ImageFiles, validation: ImageFiles, test: ImageFiles? = nil,
    isHeldOut: Bool = false, testFault: DataError? = nil, ignored: [String] = []
  ) {
    (self.path, self.classes, self.train, self.validation, self.test) = (path, classes, train, validation, test)
    (self.isHeldOut, self.testFault, self.ignored) = (isHeldOut, testFault, ignored)
  }

  /// - Parameter isMeasured: nothing is learnt from it, so that it need not have a training part.
  public init(_ path: String, validationFraction: Double = 0.2, seed: UInt64 = 0, isMeasured: Bool = false) throws(DataError) {
    let top = try Listing(path)
    let validationName = Self.validationNames.first { top.folders.contains($0) }
    guard top.folders.contains("train") else {
      if let validationName, top.folders.allSatisfy(Self.validationNames.contains) {
        guard isMeasured else { throw .noTrainingFolder(path: path, found: validationName) }
        self = try Self.measuring(path, top)
        return
      }
      self = try Self.splitting(path, top, validationFraction, seed)
      return
    }
    guard let validationName else {
      self = try Self.splitting(path + "/train", Listing(path + "/train"), validationFraction, seed)
      return
    }

    let train = try ClassFiles(path + "/train")
    let others = top.folders.filter { !["train", validationName, "test"].contains($0) }
    var ignored = (others + top.images).map { path + "/" + $0 } + train.ignored
    func part(_ name: String) throws(DataError) -> ImageFiles {
      let files = try ClassFiles(path + "/" + name, areFew: true)
      ignored += files.ignored
      let unknown = files.names.filter { !train.names.contains($0) }
      if !unknown.isEmpty { throw .unknownValidationClasses(path: path + "/" + name, names: unknown, known: train.names) }
      return files.labelled(by: train.names)
    }
    let validation = try part(validationName)
    let hasTest = validationName != "test" && top.folders.contains("test")
    var (test, fault): (ImageFiles?, DataError?)
    if hasTest { do throws(DataError) { test = try part("test") } catch { fault = error } }
    self.init(
      path: path, classes: train.names, train: train.labelled(by: train.names), validation: validation, test: test,
      testFault: fault, ignored: ignored)
  }

  /// Parts to measure with, and none to learn from.
  private static func measuring(_ path: String, _ top: Listing) throws(DataError) -> ImageFolder {
    func part(_ name: String?) throws(DataError) -> ClassFiles? {
      if let name { try ClassFiles(path + "/" + name, areFew: true) } else { nil }
    }
    let validation = try part(validationNames.first { $0 != "test" && top.folders.contains($0) })
    let test = try part(top.folders.contains("test") ? "test" : nil)
    let classes = Set((validation?.names ?? []) + (test?.names ?? [])).sorted()
    return ImageFolder(
      path: path, classes: classes, train: ImageFiles(root: path, files: [], labels: []),
      validation: validation?.labelled(by: classes) ?? ImageFiles(root: path, files: [], labels: []),
      test: test?.labelled(by: classes), ignored: (validation?.ignored ?? []) + (test?.ignored ?? []))
  }

  /// One level of class folders, of which a part is for validation.
  private static func splitting(
    _ path: String, _ listing: Listing, _ fraction: Double, _ seed: UInt64
  ) throws(DataError) -> ImageFolder {
    let all = try ClassFiles(path, listing)
    let files = all.labelled(by: all.names)
    let (kept, heldOut) = files.holdingOut(fraction, seed: seed)
    return ImageFolder(
      path: path, classes: all.names, train: files.selecting(kept), validation: files.selecting(heldOut), isHeldOut: true,
      ignored: all.ignored)
  }

  // MARK: Bad pictures

  /// A file that is no picture, or a damaged one.
  public struct BadImage: Sendable, Equatable {
    public let file: String
    public let error: ImageError
  }

  /// Decodes every picture once, on all cores, so that a truncated file is found now and not in the third epoch.
  ///
  /// Headers would not do: a truncated file has a good one. Either throws one error that names the bad files, or returns
  /// the data set without them and says which they were.
  ///
  /// - Parameter parts: those whose pictures are decoded.
  public func validated(
    skippingBad: Bool, parts: [DataPart] = DataPart.allCases
  ) throws(DataError) -> (folder: ImageFolder, skipped: [BadImage]) {
    var (bad, decoded): ([BadImage], Int) = ([], 0)
    func good(_ files: ImageFiles?, _ part: DataPart) -> [Int] {
      guard let files, parts.contains(part) else { return Array(0..<(files?.count ?? 0)) }
      let (good, unreadable) = files.sortedByHealth()
      (bad, decoded) = (bad + unreadable, decoded + files.count)
      return good
    }
    let (goodTrain, goodValidation, goodTest) = (good(train, .train), good(validation, .validation), good(test, .test))
    if bad.isEmpty { return (self, []) }
    guard skippingBad else { throw .unreadable(bad, of: decoded) }
    let remaining = train.selecting(goodTrain)
    let present = Set(remaining.labels)
    if parts.contains(.train), let empty = classes.indices.first(where: { !present.contains(Int32($0)) }) {
      throw .classWithoutGoodImages(name: classes[empty], skipped: train.labels.count { $0 == Int32(empty) })
    }
    let folder = ImageFolder(
      path: path, classes: classes, train: remaining, validation: validation.selecting(goodValidation),
      test: test?.selecting(goodTest), isHeldOut: isHeldOut, testFault: testFault, ignored: ignored)
    return (folder, bad)
  }
}

extension ImageFiles {
  /// The numbers of those that decode, and those that don't. Decoding at an eighth reads every bit of a JPEG file too.
  func sortedByHealth() -> (good: [Int], bad: [ImageFolder.BadImage]) {
    let errors = concurrentMap(count) { index -> ImageError? in
      do throws(ImageError) {
        _ = try image(at: index, atLeast: 1)
        return nil
      } catch {
        return error
      }
    }
    let bad = errors.indices.compactMap { index in
      errors[index].map { ImageFolder.BadImage(file: path(at: index), error: $0) }
    }
    return (errors.indices.filter { errors[$0] == nil }, bad)
  }
}

extension DataError {
  static func unreadable(_ bad: [ImageFolder.BadImage], of total: Int) -> DataError {
    .unreadableImages(files: bad.prefix(5).map { "\($0.file) (\($0.error.reason))" }, count: bad.count, total: total)
  }
}

// MARK: Listing

/// What a folder holds, sorted, without hidden files.
private struct Listing {
  var folders: [String] = []
  var images: [String] = []
  var others: [String] = []

  init(_ path: String) throws(DataError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw .noSuchFolder(path: path) }
    guard isFolder.boolValue else { throw .notAFolder(path: path) }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw .malformed(file: path, reason: "the folder can't be listed: \(String(cString: strerror(errno)))")
    }
    for name in names.sorted() where !name.hasPrefix(".") {
      let suffix = name.split(separator: ".", omittingEmptySubsequences: false).last!.lowercased()
      if FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isFolder), isFolder.boolValue {
        folders.append(name)
      } else if suffix != name.lowercased(), ImageFolder.extensions.contains(suffix) {
        images.append(name)
      } else {
        others.append(name)
      }
    }
  }
}

/// The classes below a folder and their files.
private struct ClassFiles {
  let path: String
  var names: [String]
  /// In the order of `names`, relative to `path`.
  var files: [[String]] = []
  /// Paths of what is neither a class nor a picture of one.
  var ignored: [String] = []

  /// `areFew` allows a single class: a validation folder may hold less than the training folder.
  init(_ path: String, _ listing: Listing? = nil, areFew: Bool = false) throws(DataError) {
    let listing = if let listing { listing } else { try Listing(path) }
    self.path = path
    names = listing.folders
    if names.isEmpty { throw .noClassFolders(path: path, looseImages: listing.images.count) }
    ignored = (listing.images + listing.others).map { path + "/" + $0 }
    for name in names {
      let members = try Listing(path + "/" + name)
      if members.images.isEmpty { throw .emptyClass(path: path + "/" + name, name: name) }
      files.append(members.images.map { name + "/" + $0 })
      ignored += (members.folders + members.others).map { path + "/" + name + "/" + $0 }
    }
    if names.count == 1 && !areFew { throw .onlyOneClass(path: path, name: names[0]) }
  }

  func labelled(by classes: [String]) -> ImageFiles {
    let labels = zip(names, files).flatMap { name, members in
      [Int32](repeating: Int32(classes.firstIndex(of: name)!), count: members.count)
    }
    return ImageFiles(root: path, files: files.flatMap { $0 }, labels: labels)
  }
}
