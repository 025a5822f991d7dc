// A picture in memory, and how a file becomes one.
internal import Foundation

/// A picture: 8 bits a channel, sRGB as it came, red, green and blue side by side, rows from the top.
public struct Image: Sendable, Equatable {
  public let width, height: Int
  /// width · height · 3 bytes.
  public var pixels: [UInt8]

  /// More pixels than this are refused: a file of a few kilobytes may claim billions.
  static let pixelLimit = 200_000_000

  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(
      width > 0 && height > 0 && pixels.count == width * height * 3,
      "\(pixels.count) bytes do not fill a picture of \(width)x\(height) pixels in RGB")
    (self.width, self.height, self.pixels) = (width, height, pixels)
  }

  /// A picture of one colour.
  public init(width: Int, height: Int, red: UInt8 = 0, green: UInt8 = 0, blue: UInt8 = 0) {
    let colour = [red, green, blue]
    self.init(width: width, height: height, pixels: (0..<width * height * 3).map { colour[$0 % 3] })
  }

  /// Reads a JPEG, PNG or PPM file, told apart by its first bytes, turned upright as its EXIF data says.
  ///
  /// `atLeast` is the least length of the shorter side that the caller can use. Where a JPEG file has far more, it is
  /// decoded at a half, a quarter or an eighth of its size, which costs a fraction of the time.
  public init(contentsOf path: String, atLeast: Int? = nil) throws(ImageError) {
    try self.init(decoding: imageFileBytes(path), name: path, atLeast: atLeast)
  }

  /// Decodes a file's bytes; `name` is for messages.
  public init(decoding bytes: [UInt8], name: String, atLeast: Int? = nil) throws(ImageError) {
    switch ImageFormat(of: bytes) {
    case .jpeg: self = try Image.decodeJPEG(bytes, name: name, atLeast: atLeast)
    case .png: self = try Image.decodePNG(bytes, name: name)
    case .ppm: self = try Image.decodePPM(bytes, name: name)
    case nil: throw .unknownFormat(file: name, found: appearance(of: bytes))
    }
  }

  /// The three channels of one pixel.
  public subscript(x: Int, y: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
    get {
      let at = (y * width + x) * 3
      return (pixels[at], pixels[at + 1], pixels[at + 2])
    }
    set {
      let at = (y * width + x) * 3
      (pixels[at], pixels[at + 1], pixels[at + 2]) = newValue
    }
  }

  static func checkSize(_ name: String, width: Int, height: Int) throws(ImageError) {
    if width.multipliedReportingOverflow(by: height).overflow || width * height > pixelLimit {
      throw .tooLarge(file: name, width: width, height: height, limit: pixelLimit)
    }
  }
}

extension Image: CustomStringConvertible {
  /// Not the pixels: failed tests and debuggers print this.
  public var description: String { "a picture of \(width)x\(height) pixels" }
}

enum ImageFormat {
  case jpeg, png, ppm

  /// By magic bytes, since a file's extension is only somebody's opinion.
  init?(of bytes: [UInt8]) {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if bytes.starts(with: Array("P6".utf8)) && bytes.count > 2 && isWhitespace(bytes[2]) {
      self = .ppm
    } else {
      return nil
    }
  }
}

/// What somebody who opened the file would say it is, for the message that refuses it.
private func appearance(of bytes: [UInt8]) -> String {
  func has(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: Array(text.utf8)) }
  if bytes.isEmpty { return "empty" }
  if has("GIF8") { return "a GIF file" }
  if has("BM") { return "a BMP file" }
  if has("RIFF") && has("WEBP", at: 8) { return "a WebP file" }
  if has("ftyp", at: 4) { return "a HEIC, AVIF or video file" }
  if has("II*\0") || has("MM\0*") { return "a TIFF file" }
  if has("<") { return "a text file that looks like HTML or XML" }
  let head = bytes.prefix(256)
  if head.allSatisfy({ $0 >= 32 && $0 < 127 || isWhitespace($0) }) { return "a text file" }
  return "of an unknown format (it begins with \(bytes.prefix(4).map { hexadecimal($0) }.joined(separator: " ")))"
}

private func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

func isWhitespace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

// MARK: Files

func imageFileBytes(_ path: String) throws(ImageError) -> [UInt8] {
  guard let file = fopen(path, "rb") else { throw .unreadable(file: path, reason: String(cString: strerror(errno))) }
  defer { fclose(file) }
  // A folder opens, but its length is nonsense; reading it fails.
  guard fseek(file, 0, SEEK_END) == 0, case let length = ftell(file), length >= 0, length < Int.max else {
    throw .unreadable(file: path, reason: "it is not a plain file")
  }
  rewind(file)
  let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
    count = length == 0 ? 0 : fread(buffer.baseAddress!, 1, length, file)
  }
  guard bytes.count == length else { throw .unreadable(file: path, reason: String(cString: strerror(errno))) }
  return bytes
}

func writeImageFile(_ bytes: [UInt8], to path: String) throws(ImageError) {
  guard let file = fopen(path, "wb") else { throw .unwritable(file: path, reason: String(cString: strerror(errno))) }
  let written = fwrite(bytes, 1, bytes.count, file)
  guard fclose(file) == 0, written == bytes.count else {
    throw .unwritable(file: path, reason: String(cString: strerror(errno)))
  }
}
