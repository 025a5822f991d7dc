// Small pictures in one .npz file, in the layout of MedMNIST (Yang et al. 2023).
internal import Foundation

/// Pictures (N,height,width) or (N,height,width,3) of bytes and their labels (N,1) or (N), in the arrays
/// `train_images`, `train_labels`, and the same of `val` and `test`.
public struct MedMNIST: Sendable {
  public let classes: [String]
  public let train, validation: any ImageSource
  /// Nil where the file has no such arrays.
  public let test: (any ImageSource)?

  /// Class names that the file itself doesn't hold, by the data set's.
  private static let knownClasses = ["pneumoniamnist": ["normal", "pneumonia"]]

  public init(path: String) throws {
    let archive = try ZipArchive(try mappedFile(path), file: path, format: .npz, isDeflatedToo: true)
    guard let train = try ByteImages(archive, "train", path), let validation = try ByteImages(archive, "val", path) else {
      throw DataError.malformed(
        file: path, reason: "it lacks one of the arrays train_images, train_labels, val_images and val_labels")
    }
    let test = try ByteImages(archive, "test", path)
    // Counting the training pictures bounds the number of classes by what the file holds.
    let present = Set(train.labels)
    let highest = Int(present.max() ?? 0)
    if let missing = (0...highest).first(where: { !present.contains(Int32($0)) }) {
      throw DataError.malformed(file: path, reason: "no training picture has the label \(missing), but one has \(highest)")
    }
    guard highest > 0 else { throw DataError.onlyOneClass(path: path, name: "0") }
    for (name, part) in [("val", validation), ("test", test ?? validation)] {
      if let unknown = part.labels.first(where: { $0 > highest }) {
        throw DataError.malformed(
          file: path, reason: "\(name)_labels holds \(unknown), but labels of training pictures are 0 … \(highest)")
      }
    }
    let name = URL(fileURLWithPath: path).lastPathComponent.lowercased().prefix { $0.isLetter }
    let known = Self.knownClasses[String(name)]
    classes = known?.count == highest + 1 ? known! : (0...highest).map { "\($0)" }
    (self.train, self.validation, self.test) = (train, validation, test)
  }
}

/// Pictures of one size, side by side in one run of bytes.
private struct ByteImages: ImageSource {
  let part: String
  let width, height, channels: Int
  let pixels: Data
  let labels: [Int32]

  /// Nil where the archive has no such part.
  init?(_ archive: ZipArchive, _ part: String, _ file: String) throws {
    func array(_ name: String) throws -> NumPyArray? {
      guard archive.names.contains(name + ".npy") else { return nil }
      guard let contents = archive.contents(of: name + ".npy") else {
        throw DataError.malformed(file: file, reason: "'\(name)' can't be inflated: truncated?")
      }
      return try NumPyArray(contents, file: file, name: name)
    }
    guard let images = try array(part + "_images"), let answers = try array(part + "_labels") else { return nil }
    let shape = images.shape
    guard shape.count == 3 || shape.count == 4 && shape[3] == 3, shape[0] > 0, shape[1] > 0, shape[2] > 0,
      images.elementSize == 1, !images.isSigned
    else {
      throw DataError.malformed(
        file: file, reason: "\(part)_images has the shape \(shape), but bytes (N,height,width) or (N,height,width,3) were wanted")
    }
    guard answers.shape == [shape[0]] || answers.shape == [shape[0], 1] else {
      throw DataError.malformed(
        file: file,
        reason: "\(part)_labels has the shape \(answers.shape), but one label for each of \(shape[0]) pictures was wanted")
    }
    labels = try (0..<answers.count).map { index in
      guard let label = answers.integer(at: index), let label = Int32(exactly: label), label >= 0 else {
        throw DataError.malformed(file: file, reason: "\(part)_labels holds a number at \(index) that is no class")
      }
      return label
    }
    self.part = part
    (height, width, channels) = (shape[1], shape[2], shape.count == 4 ? 3 : 1)
    pixels = images.bytes
  }

  var count: Int { labels.count }
  func label(at index: Int) -> Int32 { labels[index] }
  func name(at index: Int) -> String { "\(part) \(index)" }

  func image(at index: Int, atLeast: Int?) -> Image {
    let size = width * height * channels
    let start = pixels.startIndex + index * size
    let bytes = pixels[start..<start + size]
    let colours = channels == 3 ? Array(bytes) : bytes.flatMap { [$0, $0, $0] }
    return Image(width: width, height: height, pixels: colours)
  }
}
