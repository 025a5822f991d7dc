// JPEG in and out, by libjpeg.
internal import CJPEG

extension Image {
  static func decodeJPEG(_ bytes: [UInt8], name: String, atLeast: Int?) throws(ImageError) -> Image {
    var info = cjpeg_info()
    var message = [CChar](repeating: 0, count: CJPEG_MESSAGE_LENGTH)
    func damage() -> ImageError { .damaged(file: name, format: "JPEG", reason: jpegMessage(message)) }

    let atLeast = Int32(clamping: atLeast ?? 0)
    guard cjpeg_inspect(bytes, bytes.count, atLeast, &info, &message) == 0 else { throw damage() }
    let (width, height) = (Int(info.width), Int(info.height))
    try checkSize(name, width: width, height: height)

    var status: Int32 = 0
    let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
      status = cjpeg_decode(bytes, bytes.count, &info, buffer.baseAddress, &message)
      count = status == 0 ? width * height * 3 : 0
    }
    guard status == 0 else { throw damage() }
    return Image(width: width, height: height, pixels: pixels).uprighted(from: Int(info.orientation))
  }

  /// The picture as a JPEG file; `quality` is libjpeg's 1 … 100.
  public func jpegData(quality: Int = 90) -> [UInt8] {
    precondition((1...100).contains(quality), "a JPEG quality of \(quality) is not within 1 … 100")
    precondition(
      max(width, height) <= 65500, "a JPEG file has at most 65500 pixels a side, but \(width)x\(height) were given")
    var message = [CChar](repeating: 0, count: CJPEG_MESSAGE_LENGTH)
    var bytes: UnsafeMutablePointer<UInt8>?
    var length = 0
    let status = cjpeg_encode(pixels, Int32(width), Int32(height), Int32(quality), &bytes, &length, &message)
    precondition(status == 0, "encoding \(width)x\(height) pixels as JPEG failed: \(jpegMessage(message))")
    defer { cjpeg_free(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: length))
  }
}

/// A C message as a string.
func jpegMessage(_ message: [CChar]) -> String {
  String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

extension Image {
  /// What a JPEG file's header says, upright; nil where there is none.
  static func jpegSize(of bytes: [UInt8]) -> (width: Int, height: Int)? {
    var info = cjpeg_info()
    var message = [CChar](repeating: 0, count: CJPEG_MESSAGE_LENGTH)
    guard cjpeg_inspect(bytes, bytes.count, 0, &info, &message) == 0 else { return nil }
    let (width, height) = (Int(info.full_width), Int(info.full_height))
    // EXIF's orientations from 5 on lie on their side.
    return info.orientation > 4 ? (height, width) : (width, height)
  }
}
