// PPM's binary form, P6: three numbers as text, then the pixels. Simple enough to be written by any ten lines of code.

extension Image {
  static func decodePPM(_ bytes: [UInt8], name: String) throws(ImageError) -> Image {
    func damaged(_ reason: String) -> ImageError { .damaged(file: name, format: "PPM", reason: reason) }
    var at = 2

    /// The next number of the header; comments run from # to the end of a line.
    func number() -> Int? {
      while at < bytes.count, isWhitespace(bytes[at]) || bytes[at] == UInt8(ascii: "#") {
        if bytes[at] == UInt8(ascii: "#") {
          while at < bytes.count, bytes[at] != 10 { at += 1 }
        } else {
          at += 1
        }
      }
      let digits = bytes[at...].prefix(10).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      at += digits.count
      return Int(String(decoding: digits, as: UTF8.self))
    }

    guard let width = number(), let height = number(), let maximum = number(), at < bytes.count, isWhitespace(bytes[at])
    else { throw damaged("its header lacks width, height or the largest value") }
    guard width > 0, height > 0, (1...65535).contains(maximum) else {
      throw damaged("its header says \(width)x\(height) pixels with values up to \(maximum)")
    }
    try checkSize(name, width: width, height: height)
    at += 1
    let count = width * height * 3
    let bytesPerValue = maximum < 256 ? 1 : 2
    guard bytes.count - at >= count * bytesPerValue else {
      throw damaged(
        "\(width)x\(height) pixels take \(count * bytesPerValue) bytes, but only \(bytes.count - at) follow")
    }
    if maximum == 255 {
      return Image(width: width, height: height, pixels: Array(bytes[at..<at + count]))
    }
    let pixels = (0..<count).map { i in
      let value = bytesPerValue == 1 ? Int(bytes[at + i]) : Int(bytes[at + 2 * i]) << 8 | Int(bytes[at + 2 * i + 1])
      return UInt8((min(value, maximum) * 255 + maximum / 2) / maximum)
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  /// The picture as a PPM file.
  public func ppmData() -> [UInt8] { Array("P6\n\(width) \(height)\n255\n".utf8) + pixels }
}
