import Foundation
import Testing

@testable import DeviceNN

/// A picture in which every byte differs from its neighbours: a multiplicative hash of the byte's position.
func hashedImage(_ width: Int, _ height: Int) -> Image {
  Image(
    width: width, height: height,
    pixels: (0..<width * height * 3).map { UInt8(truncatingIfNeeded: (UInt64($0) &* 2_654_435_761) >> 13) })
}

/// A picture of slow waves, which JPEG keeps nearly as it is.
func smoothImage(_ width: Int, _ height: Int, phase: Double = 0) -> Image {
  var image = Image(width: width, height: height)
  for y in 0..<height {
    for x in 0..<width {
      let (u, v) = (Double(x) / Double(width), Double(y) / Double(height))
      image[x, y] = (
        UInt8(128 + 100 * sin(3 * u + phase)), UInt8(128 + 100 * cos(4 * v + phase)), UInt8(40 + 100 * u + 100 * v)
      )
    }
  }
  return image
}

/// FNV-1a, to hold many bytes against one number.
func fingerprint(_ bytes: [UInt8]) -> UInt64 {
  bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

func largestDifference(_ a: Image, _ b: Image) -> Int {
  guard a.width == b.width, a.height == b.height else { return .max }
  return zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }.max()!
}

func decodedBase64(_ text: String) -> [UInt8] { [UInt8](Data(base64Encoded: text)!) }

/// A JPEG file with an APP1 segment that names an orientation, in either byte order.
func jpeg(_ image: Image, orientation: UInt8, isLittleEndian: Bool, quality: Int = 95) -> [UInt8] {
  let tiff: [UInt8] =
    isLittleEndian
    ? [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]
    : [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
  let payload = Array("Exif".utf8) + [0, 0] + tiff
  let plain = image.jpegData(quality: quality)
  return plain[0..<2] + [0xFF, 0xE1, 0, UInt8(payload.count + 2)] + payload + plain[2...]
}

/// Where the data of this workplace lies, if it is here.
let sharedData: String? = {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  let path = root.appendingPathComponent("shared/data").path
  return FileManager.default.fileExists(atPath: path) ? path : nil
}()
