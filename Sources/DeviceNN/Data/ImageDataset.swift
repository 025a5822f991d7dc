// What a training run reads, whichever form it has on disk.
internal import Foundation

/// Labelled pictures for training and validation, and perhaps for a test.
public struct ImageDataset: Sendable {
  public let path: String
  public let classes: [String]
  public private(set) var train: any ImageSource
  public private(set) var validation: any ImageSource
  /// Nil where the data set has no such part.
  public private(set) var test: (any ImageSource)?
  /// Files that could not be read and were left out, each with its reason.
  public private(set) var skipped: [ImageFolder.BadImage] = []
  /// What lies in the folders of pictures and is none by its name.
  public var ignored: [String] { folder?.ignored ?? [] }
  /// Whether the validation part was set aside from the training part, as there was none.
  public var isHeldOut: Bool { folder?.isHeldOut ?? false }
  /// What keeps pictures for a test from being used.
  public var testFault: DataError? { folder?.testFault }
  private let folder: ImageFolder?

  /// Class folders, a CSV file that lists pictures, an .npz file of MedMNIST's layout, or CIFAR-10 as pictures of rows
  /// (`CIFAR10`). Every file is decoded once, so that a run doesn't end in its third epoch at a damaged one.
  ///
  /// - Parameters:
  ///   - parts: those whose files are decoded. Where the training part is not among them, there need not be one.
  ///   - fewShot: training pictures of each class that are drawn by `seed`; nil takes all.
  ///   - labelColumn: of a CSV file; nil takes `label`, or the only one that is left.
  public init(
    path: String, skippingBad: Bool = false, parts: [DataPart] = DataPart.allCases, seed: UInt64 = 0, fewShot: Int? = nil,
    labelColumn: String? = nil
  ) throws {
    try self.init(unchecked: path, seed: seed, labelColumn: labelColumn, isMeasured: !parts.contains(.train))
    if let folder {
      let (good, skipped) = try folder.validated(skippingBad: skippingBad, parts: parts)
      (train, validation, test, self.skipped) = (good.train, good.validation, good.test, skipped)
    }
    if let fewShot { train = ImageSelection(of: train, perClass: fewShot, seed: seed) }
  }

  /// Without decoding files.
  init(unchecked path: String, seed: UInt64 = 0, labelColumn: String? = nil, isMeasured: Bool = false) throws {
    self.path = path
    if Self.isCIFAR10(path) {
      let cifar = try CIFAR10(directory: path)
      (classes, train, validation, test, folder) = (CIFAR10.classes, cifar.train, cifar.test, nil, nil)
    } else if Self.has(path, ending: "npz") {
      let arrays = try MedMNIST(path: path)
      (classes, train, validation, test, folder) = (arrays.classes, arrays.train, arrays.validation, arrays.test, nil)
    } else {
      let files = try Self.folder(path, seed: seed, labelColumn: labelColumn, isMeasured: isMeasured)
      (classes, train, validation, test, folder) = (files.classes, files.train, files.validation, files.test, files)
    }
  }

  /// The pictures of one part; throws where the data set has no test part, or one that is of no use.
  public func source(_ part: DataPart) throws(DataError) -> any ImageSource {
    switch part {
    case .train: return train
    case .validation: return validation
    case .test:
      guard let test else { throw testFault ?? .noTestPictures(path: path) }
      return test
    }
  }

  /// The classes of the data set at `path`, without reading its pictures.
  public static func classes(of path: String, labelColumn: String? = nil) throws -> [String] {
    if isCIFAR10(path) { return CIFAR10.classes }
    if has(path, ending: "npz") { return try MedMNIST(path: path).classes }
    return try folder(path, labelColumn: labelColumn).classes
  }

  private static func folder(
    _ path: String, seed: UInt64 = 0, labelColumn: String?, isMeasured: Bool = false
  ) throws -> ImageFolder {
    has(path, ending: "csv")
      ? try ImageFolder(csv: path, labelColumn: labelColumn, seed: seed, isMeasured: isMeasured)
      : try ImageFolder(path, seed: seed, isMeasured: isMeasured)
  }

  /// Whether the path names a file of this kind; a folder may be called anything.
  private static func has(_ path: String, ending: String) -> Bool {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return path.lowercased().hasSuffix("." + ending) && !(exists && isFolder.boolValue)
  }

  private static func isCIFAR10(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path + "/cifar10_labels.js")
  }

  /// Classes that the validation part has no picture of: nobody will know how well they are told apart.
  public var unmeasuredClasses: [String] {
    let present = Set((0..<validation.count).map { validation.label(at: $0) })
    return classes.indices.filter { !present.contains(Int32($0)) }.map { classes[$0] }
  }

  /// Classes whose names differ by case or by spaces around them only: most likely one class, spelt in several ways.
  public var lookalikes: [[String]] { Self.lookalikes(among: classes) }

  static func lookalikes(among classes: [String]) -> [[String]] {
    Dictionary(grouping: classes) { $0.trimmingCharacters(in: .whitespaces).lowercased() }.values
      .filter { $0.count > 1 }.map { $0.sorted() }.sorted { $0[0] < $1[0] }
  }

  /// A number that changes with the pictures' order, names, labels and files' sizes: a resumed run must see what it saw
  /// before.
  public var fingerprint: String {
    var hash = Fingerprint()
    classes.forEach { hash.add($0 + "\n") }
    for source in [train, validation] { hash.add(source) { "\(source.label(at: $0))" } }
    return hash.text
  }
}
