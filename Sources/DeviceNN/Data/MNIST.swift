// Handwritten digits in the four files that LeCun, Cortes and Burges published.
internal import Foundation

/// One part of MNIST: pictures of 28 x 28 bytes and their digits.
public struct MNIST: Sendable {
  public static let size = 28
  /// (N,28,28), 0 where nothing is written.
  public let pixels: [UInt8]
  public let labels: [UInt8]

  public var count: Int { labels.count }

  public init(pixels: [UInt8], labels: [UInt8]) {
    precondition(pixels.count == labels.count * Self.size * Self.size, "\(pixels.count) bytes are not \(labels.count) pictures")
    (self.pixels, self.labels) = (pixels, labels)
  }

  /// Reads `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or those of `t10k`, as they are or with gzip (.gz).
  ///
  /// - Parameter part: train or test.
  public init(directory: String, _ part: DataPart) throws {
    let prefix = part == .train ? "train" : "t10k"
    let images = try Self.idx(directory + "/\(prefix)-images-idx3-ubyte", dimensions: 3)
    let labels = try Self.idx(directory + "/\(prefix)-labels-idx1-ubyte", dimensions: 1)
    guard images.shape[1...] == [Self.size, Self.size], images.shape[0] == labels.shape[0], labels.values.allSatisfy({ $0 < 10 }) else {
      throw DataError.malformed(
        file: directory, reason: "\(prefix)'s pictures have the shape \(images.shape) and its labels \(labels.shape)")
    }
    self.init(pixels: images.values, labels: labels.values)
  }

  /// An array of bytes: 0, 0, 8, its number of dimensions, each dimension in four bytes, big-endian, the bytes.
  private static func idx(_ path: String, dimensions: Int) throws -> (shape: [Int], values: [UInt8]) {
    let hasPlain = FileManager.default.fileExists(atPath: path)
    let file = hasPlain ? path : path + ".gz"
    let stored = Data(try imageFileBytes(file))
    guard let bytes = hasPlain ? stored : gunzipped(stored) else {
      throw DataError.malformed(file: file, reason: "it is no gzip file, or a damaged one")
    }
    let header = 4 + 4 * dimensions
    guard bytes.count >= header, Array(bytes.prefix(4)) == [0, 0, 8, UInt8(dimensions)] else {
      throw DataError.malformed(file: file, reason: "it does not begin as an idx file with \(dimensions) dimensions of bytes")
    }
    let shape = (0..<dimensions).map { i in bytes.dropFirst(4 + 4 * i).prefix(4).reduce(0) { $0 << 8 | Int($1) } }
    let wanted = shape.reduce(1 as Int?) { product, extent in
      product.flatMap { $0.multipliedReportingOverflow(by: extent).overflow ? nil : $0 * extent }
    }
    guard bytes.count - header == wanted else {
      throw DataError.malformed(file: file, reason: "its shape is \(shape), but it holds \(bytes.count - header) bytes: truncated?")
    }
    return (shape, Array(bytes.dropFirst(header)))
  }
}

/// What a gzip file (RFC 1952) with one member and no extras but a name holds; nil where it is none.
private func gunzipped(_ file: Data) -> Data? {
  let bytes = Data(file)
  guard bytes.count > 18, bytes[0] == 0x1F, bytes[1] == 0x8B, bytes[2] == 8, bytes[3] & ~0x08 == 0 else { return nil }
  var start = 10
  if bytes[3] & 0x08 != 0 {
    guard let end = bytes[start...].firstIndex(of: 0) else { return nil }
    start = end + 1
  }
  guard start < bytes.count - 8 else { return nil }
  let size = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
  return inflated(bytes[start..<bytes.count - 8], byteCount: size)
}
