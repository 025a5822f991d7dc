// CIFAR-10 as the convnetjs project keeps it: a thousand 32x32 pictures a PNG file, one a row.
internal import Foundation

/// The ten classes of CIFAR-10, from `cifar10_batch_N.png` and `cifar10_labels.js`: N = 0 … 49 for training, as many as
/// are there, and 50 for testing.
public struct CIFAR10: Sendable {
  public static let classes = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]
  public static let size = 32
  static let picturesPerFile = 1000
  static let testFile = 50

  public let train: ImageArray
  public let test: ImageArray

  /// `limit` bounds the number of training files that are read.
  public init(directory: String, limit: Int = 50) throws {
    let labels = try Self.labels(directory + "/cifar10_labels.js")
    let present = (0..<min(limit, Self.testFile)).filter {
      FileManager.default.fileExists(atPath: Self.path(directory, $0))
    }
    guard !present.isEmpty else {
      throw DataError.malformed(file: directory, reason: "it holds no file called cifar10_batch_0.png or the like")
    }
    train = try Self.read(directory, present, labels)
    test = try Self.read(directory, [Self.testFile], labels)
  }

  private static func path(_ directory: String, _ file: Int) -> String { "\(directory)/cifar10_batch_\(file).png" }

  /// "var labels=[6, 9, …];"
  private static func labels(_ path: String) throws -> [Int32] {
    let text = String(decoding: try imageFileBytes(path), as: UTF8.self)
    let labels = text.split { !$0.isNumber }.compactMap { Int32($0) }
    guard labels.count == (testFile + 1) * picturesPerFile, labels.allSatisfy({ (0..<10).contains($0) }) else {
      throw DataError.malformed(
        file: path,
        reason: "it holds \(labels.count) numbers, but \((testFile + 1) * picturesPerFile) of 0 … 9 were wanted")
    }
    return labels
  }

  private static func read(_ directory: String, _ files: [Int], _ labels: [Int32]) throws -> ImageArray {
    let sheets = try concurrentMap(files.count) { index in
      Result { try Image(contentsOf: path(directory, files[index])) }
    }.map { try $0.get() }
    var set = ImageArray(images: [], labels: [])
    let bytes = size * size * 3
    for (file, sheet) in zip(files, sheets) {
      guard sheet.width == size * size, sheet.height == picturesPerFile else {
        throw DataError.malformed(
          file: path(directory, file),
          reason: "it has \(sheet.width)x\(sheet.height) pixels, but \(size * size)x\(picturesPerFile) were wanted")
      }
      for row in 0..<picturesPerFile {
        set.images.append(
          Image(width: size, height: size, pixels: Array(sheet.pixels[row * bytes..<(row + 1) * bytes])))
        set.labels.append(labels[file * picturesPerFile + row])
      }
    }
    return set
  }
}
