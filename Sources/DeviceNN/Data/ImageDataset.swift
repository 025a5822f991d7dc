// What a training run reads, whichever form it has on disk.
internal import Foundation

/// Labelled training and validation pictures.
public struct ImageDataset: Sendable {
  public let path: String
  public let classes: [String]
  public let train: any ImageSource
  public let validation: any ImageSource
  /// Files that could not be read and were left out, each with its reason.
  public let skipped: [ImageFolder.BadImage]

  /// Class folders, or CIFAR-10 as pictures of rows (`CIFAR10`). Every file is decoded once, so that a run doesn't end
  /// in its third epoch at a damaged one.
  ///
  /// - Parameter fewShot: training pictures of each class that are drawn by `seed`; nil takes all.
  public init(path: String, skippingBad: Bool = false, seed: UInt64 = 0, fewShot: Int? = nil) throws {
    self.path = path
    let train: any ImageSource
    if Self.isCIFAR10(path) {
      let cifar = try CIFAR10(directory: path)
      (classes, train, validation, skipped) = (CIFAR10.classes, cifar.train, cifar.test, [])
    } else {
      let (folder, skipped) = try ImageFolder(path, seed: seed).validated(skippingBad: skippingBad)
      (classes, train, validation) = (folder.classes, folder.train, folder.validation)
      self.skipped = skipped
    }
    self.train = fewShot.map { ImageSelection(of: train, perClass: $0, seed: seed) } ?? train
  }

  /// The classes of the data set at `path`, without reading its pictures.
  public static func classes(of path: String) throws(DataError) -> [String] {
    isCIFAR10(path) ? CIFAR10.classes : try ImageFolder(path).classes
  }

  private static func isCIFAR10(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path + "/cifar10_labels.js")
  }

  /// A number that changes with the pictures' order, names, labels and files' sizes: a resumed run must see what it saw
  /// before.
  public var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ text: String) { for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 } }
    classes.forEach { add($0 + "\n") }
    for source in [train, validation] {
      for i in 0..<source.count {
        let size = (source as? ImageFiles).flatMap { Self.byteCount(of: $0.path(at: i)) } ?? 0
        add("\(source.name(at: i)) \(source.label(at: i)) \(size)\n")
      }
    }
    return String(hash, radix: 16)
  }

  private static func byteCount(of path: String) -> Int? {
    try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
  }
}
