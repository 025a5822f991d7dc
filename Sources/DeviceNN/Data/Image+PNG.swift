// PNG in and out, by libpng's simplified API, which turns every kind (grey, palette, 16 bit, interlaced) into RGB bytes.
internal import CPNG

extension Image {
  static func decodePNG(_ bytes: [UInt8], name: String) throws(ImageError) -> Image {
    var png = png_image()
    png.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&png) }
    func damage() -> ImageError { .damaged(file: name, format: "PNG", reason: message(of: png)) }
    if let chunk = truncatedChunk(of: bytes) {
      throw .damaged(file: name, format: "PNG", reason: "it ends within its part '\(chunk)'")
    }

    // libpng keeps the pointer between the two calls, so both stand inside the closure.
    let decoded: Result<Image, ImageError> = bytes.withUnsafeBytes { source in
      guard png_image_begin_read_from_memory(&png, source.baseAddress, source.count) != 0 else {
        return .failure(damage())
      }
      let (width, height) = (Int(png.width), Int(png.height))
      do throws(ImageError) { try checkSize(name, width: width, height: height) } catch { return .failure(error) }
      png.format = UInt32(PNG_FORMAT_FLAG_COLOR)  // RGB bytes
      // Without it a file of 16 bits that names no gamma would be taken for linear light.
      png.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
      var white = png_color(red: 255, green: 255, blue: 255)
      var isWhole = false
      let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
        isWhole = png_image_finish_read(&png, &white, buffer.baseAddress, 0, nil) != 0
        count = isWhole ? width * height * 3 : 0
      }
      return isWhole ? .success(Image(width: width, height: height, pixels: pixels)) : .failure(damage())
    }
    return try decoded.get()
  }

  /// The picture as a PNG file.
  public func pngData() -> [UInt8] {
    var png = png_image()
    png.version = UInt32(PNG_IMAGE_VERSION)
    png.width = UInt32(width)
    png.height = UInt32(height)
    png.format = UInt32(PNG_FORMAT_FLAG_COLOR)
    defer { png_image_free(&png) }
    // Deflate grows what it can't shrink by less than 0.1 %, and each row has one byte more.
    var length = pixels.count + pixels.count / 100 + height * 2 + 1024
    let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      let isWritten = png_image_write_to_memory(&png, buffer.baseAddress, &length, 0, pixels, 0, nil) != 0
      precondition(isWritten, "encoding \(width)x\(height) pixels as PNG failed: \(message(of: png))")
      count = length
    }
    return bytes
  }
}

/// The chunk in which the file ends before its IEND, if it does: libpng stops reading as soon as it has the pixels and
/// would not notice that the checksum after them is missing.
private func truncatedChunk(of bytes: [UInt8]) -> String? {
  var at = 8
  while at + 12 <= bytes.count {
    let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
    let name = String(decoding: bytes[at + 4..<at + 8], as: UTF8.self)
    at += 12 + length  // length, name, data, checksum
    if at > bytes.count { return name }
    if name == "IEND" { return nil }
  }
  return "IEND"
}

private func message(of png: png_image) -> String {
  withUnsafeBytes(of: png.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
