import Testing

@testable import DeviceNN

@Suite struct DataResizeTests {
  struct Case: Sendable {
    var size: (Int, Int)
    var crop: PixelRectangle
    var target: (Int, Int)
    var flipped = false
    /// FNV-1a of what Pillow 13 makes of it: crop, resize(BILINEAR), mirror.
    var pillow: UInt64
  }

  static let cases: [Case] = [
    Case(
      size: (97, 61), crop: PixelRectangle(x: 5, y: 7, width: 80, height: 50), target: (32, 48),
      pillow: 0x6d09_ce2d_265a_765a),
    Case(
      size: (97, 61), crop: PixelRectangle(x: 5, y: 7, width: 80, height: 50), target: (32, 48), flipped: true,
      pillow: 0xee3f_0871_5543_1e5c),
    Case(
      size: (40, 30), crop: PixelRectangle(x: 0, y: 0, width: 40, height: 30), target: (64, 64),
      pillow: 0x0db2_323a_4a2d_c3bd),
    Case(
      size: (300, 200), crop: PixelRectangle(x: 10, y: 20, width: 224, height: 180), target: (224, 180), flipped: true,
      pillow: 0x0ca6_e6d4_f345_d7a8),
    Case(
      size: (300, 200), crop: PixelRectangle(x: 10, y: 20, width: 200, height: 150), target: (224, 224),
      pillow: 0x6fb8_ae0a_1fbe_0f6c),
    Case(
      size: (61, 97), crop: PixelRectangle(x: 0, y: 0, width: 61, height: 97), target: (9, 7),
      pillow: 0xaa54_8be9_97b2_0d8b),
  ]

  @Test(arguments: cases) func resizingIsPillowsBitForBit(_ c: Case) {
    let resized = hashedImage(c.size.0, c.size.1)
      .resized(width: c.target.0, height: c.target.1, crop: c.crop, flipped: c.flipped)
    #expect(fingerprint(resized.pixels) == c.pillow)
  }

  @Test(arguments: cases) func resizingIsTheDefinitionInDoubles(_ c: Case) {
    let image = hashedImage(c.size.0, c.size.1)
    let resized = image.resized(width: c.target.0, height: c.target.1, crop: c.crop, flipped: c.flipped)
    var largest = 0.0
    for y in 0..<c.target.1 {
      for x in 0..<c.target.0 {
        let exact = naiveResize(image, c.crop, c.target, c.flipped ? c.target.0 - 1 - x : x, y)
        let pixel = resized[x, y]
        for (value, reference) in zip([pixel.red, pixel.green, pixel.blue], exact) {
          largest = max(largest, abs(Double(value) - reference))
        }
      }
    }
    #expect(largest < 1.2, "rounding twice may cost one step, but \(largest) was lost")
  }

  @Test func theWindowIsAPartOfTheWhole() {
    let image = hashedImage(131, 97)
    let whole = image.resized(width: 86, height: 64)
    var part = [UInt8](repeating: 0, count: 20 * 30 * 3)
    part.withUnsafeMutableBufferPointer {
      image.resample(
        image.bounds, width: 86, height: 64, window: PixelRectangle(x: 50, y: 21, width: 20, height: 30),
        flipped: false,
        into: $0.baseAddress!)
    }
    let expected = whole.resized(width: 20, height: 30, crop: PixelRectangle(x: 50, y: 21, width: 20, height: 30))
    #expect(part == expected.pixels)
  }

  @Test func sameSizeIsACopyAndAFlipIsAMirror() {
    let image = hashedImage(33, 20)
    #expect(image.resized(width: 33, height: 20) == image)
    let mirrored = image.resized(width: 33, height: 20, flipped: true)
    #expect(mirrored[0, 5] == image[32, 5])
    #expect(mirrored.resized(width: 33, height: 20, flipped: true) == image)
  }

  @Test func onePixelFillsAnySize() {
    let resized = Image(width: 1, height: 1, red: 9, green: 8, blue: 7).resized(width: 5, height: 4)
    #expect(resized == Image(width: 5, height: 4, red: 9, green: 8, blue: 7))
  }
}

/// One output pixel as the definition says: Σ triangle((i + ½ − centre) / support) · pixel, over the crop.
private func naiveResize(
  _ image: Image, _ crop: PixelRectangle, _ target: (Int, Int), _ x: Int, _ y: Int
) -> [Double] {
  func weights(_ output: Int, _ inputs: Int, _ outputs: Int) -> [Double] {
    let scale = Double(inputs) / Double(outputs)
    let center = (Double(output) + 0.5) * scale
    let raw = (0..<inputs).map { max(0, 1 - abs((Double($0) + 0.5 - center) / max(scale, 1))) }
    let sum = raw.reduce(0, +)
    return raw.map { $0 / sum }
  }
  let columns = weights(x, crop.width, target.0)
  let rows = weights(y, crop.height, target.1)
  var sums = [0.0, 0.0, 0.0]
  for (j, row) in rows.enumerated() where row > 0 {
    for (i, column) in columns.enumerated() where column > 0 {
      let pixel = image[crop.x + i, crop.y + j]
      sums[0] += row * column * Double(pixel.red)
      sums[1] += row * column * Double(pixel.green)
      sums[2] += row * column * Double(pixel.blue)
    }
  }
  return sums
}
