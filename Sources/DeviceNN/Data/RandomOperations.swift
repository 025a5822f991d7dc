// A few operations on a picture, drawn at random: RandAugment (Cubuk et al. 2020) without those that `ColourMatrix` does.
internal import Foundation

/// One operation with what was drawn for it. Strengths are AutoAugment's (Cubuk et al. 2019), whose largest is that of a
/// magnitude of 1.
enum RandomOperation: Equatable {
  /// In radians, at most 30°.
  case turn(Float)
  /// How far a row moves sideways for each row from the centre, at most 0.3; and columns likewise.
  case shearX(Float), shearY(Float)
  /// In parts of the width or height, at most 0.45.
  case shiftX(Float), shiftY(Float)
  /// How many bits of a byte are kept: 4 … 8.
  case posterise(bits: Int)
  /// Bytes of this value and above are inverted.
  case solarise(from: Int)
  /// Each channel is stretched to 0 … 255.
  case autocontrast
  /// The histogram of each channel is made flat.
  case equalise
  /// 0 smooths by a 3x3 kernel, 1 changes nothing, 2 adds what smoothing takes away.
  case sharpness(Float)

  /// Takes three random numbers whatever it becomes.
  init(magnitude: Float, using generator: inout Philox) {
    let kind = generator.integer(below: 10)
    let size = magnitude * generator.uniform()
    let signed = generator.uniform() < 0.5 ? -size : size
    switch kind {
    case 0: self = .turn(signed * .pi / 6)
    case 1: self = .shearX(signed * 0.3)
    case 2: self = .shearY(signed * 0.3)
    case 3: self = .shiftX(signed * 0.45)
    case 4: self = .shiftY(signed * 0.45)
    case 5: self = .posterise(bits: 8 - Int((size * 4).rounded()))
    case 6: self = .solarise(from: 256 - Int((size * 256).rounded()))
    case 7: self = .autocontrast
    case 8: self = .equalise
    default: self = .sharpness(1 + signed * 0.9)
    }
  }
}

extension Image {
  /// The picture after these operations, in their order. Whatever moves pixels is done in one go, after the rest.
  func applying(_ operations: [RandomOperation]) -> Image {
    var image = self
    for operation in operations {
      switch operation {
      case .turn, .shearX, .shearY, .shiftX, .shiftY: break
      case .posterise(let bits): image.mapBytes { $0 & UInt8(truncatingIfNeeded: 0xFF00 >> bits) }
      case .solarise(let threshold): image.mapBytes { Int($0) < threshold ? $0 : 255 - $0 }
      case .autocontrast: image.mapChannels(by: stretched)
      case .equalise: image.mapChannels(by: equalised)
      case .sharpness(let factor): image.sharpen(factor)
      }
    }
    let origins = PixelMap.origins(after: operations, width: width, height: height)
    return origins == .identity ? image : image.moved(by: origins)
  }

  private mutating func mapBytes(_ map: (UInt8) -> UInt8) {
    pixels.withUnsafeMutableBufferPointer { bytes in for i in bytes.indices { bytes[i] = map(bytes[i]) } }
  }

  /// Replaces each byte by what its channel's table has for it; a table is made of a channel's histogram.
  private mutating func mapChannels(by table: ([Int]) -> [UInt8]) {
    var histograms = [[Int]](repeating: [Int](repeating: 0, count: 256), count: 3)
    for channel in 0..<3 {
      pixels.withUnsafeBufferPointer { bytes in
        histograms[channel].withUnsafeMutableBufferPointer { counts in
          for i in stride(from: channel, to: bytes.count, by: 3) { counts[Int(bytes[i])] &+= 1 }
        }
      }
    }
    let tables = histograms.map(table)
    pixels.withUnsafeMutableBufferPointer { bytes in
      for channel in 0..<3 {
        tables[channel].withUnsafeBufferPointer { table in
          for i in stride(from: channel, to: bytes.count, by: 3) { bytes[i] = table[Int(bytes[i])] }
        }
      }
    }
  }

  /// Pillow's: (1 1 1, 1 5 1, 1 1 1) / 13 is the smooth picture; borders stay.
  private mutating func sharpen(_ factor: Float) {
    let weight = Int32((factor * 256).rounded())
    let source = pixels
    let row = width * 3
    guard width > 2, height > 2 else { return }
    source.withUnsafeBufferPointer { source in
      pixels.withUnsafeMutableBufferPointer { target in
        // Sums of three in a column, for three rows at a time; neighbouring bytes, so that it becomes vector code.
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: row) { columns in
          for y in 1..<height - 1 {
            let above = source.baseAddress! + (y - 1) * row
            let here = above + row
            let below = here + row
            let to = target.baseAddress! + y * row
            for i in 0..<row { columns[i] = Int32(above[i]) &+ Int32(here[i]) &+ Int32(below[i]) }
            for i in 3..<row - 3 {
              let byte = Int32(here[i])
              let sum = columns[i - 3] &+ columns[i] &+ columns[i + 3] &+ 4 &* byte
              // A division by 13 as a product: exact for sums of up to 13 · 255.
              let smooth = ((sum &+ 6) &* 20165) &>> 18
              let blended = smooth &+ ((byte &- smooth) &* weight &+ 128) &>> 8
              to[i] = UInt8(truncatingIfNeeded: max(0, min(255, blended)))
            }
          }
        }
      }
    }
  }

  /// Bilinear; beyond a border lies the mirror image.
  private func moved(by place: PixelMap) -> Image {
    let (centreX, centreY) = (Float(width - 1) / 2, Float(height - 1) / 2)
    // 16 bits behind the point.
    func fixed(_ value: Float) -> Int { Int((value * 65536).rounded()) }
    let (stepX, stepY) = (fixed(place.xx), fixed(place.yx))
    let moved = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, count in
      pixels.withUnsafeBufferPointer { source in
        var to = buffer.baseAddress!
        for y in 0..<height {
          let dy = Float(y) - centreY
          var u = fixed(place.xx * -centreX + place.xy * dy + place.x + centreX)
          var v = fixed(place.yx * -centreX + place.yy * dy + place.y + centreY)
          for _ in 0..<width {
            let (x0, y0) = (u >> 16, v >> 16)
            let (fx, fy) = (u & 0xFFFF, v & 0xFFFF)
            let (left, right) = (mirrored(x0, width), mirrored(x0 + 1, width))
            let (top, bottom) = (mirrored(y0, height) &* width, mirrored(y0 + 1, height) &* width)
            for channel in 0..<3 {
              func byte(_ pixel: Int) -> Int { Int(source[pixel &* 3 &+ channel]) }
              let upper = byte(top &+ left) &* (65536 &- fx) &+ byte(top &+ right) &* fx
              let lower = byte(bottom &+ left) &* (65536 &- fx) &+ byte(bottom &+ right) &* fx
              let sum = (upper &>> 8) &* (65536 &- fy) &+ (lower &>> 8) &* fy
              to[channel] = UInt8(truncatingIfNeeded: (sum &+ (1 << 23)) &>> 24)
            }
            to += 3
            u &+= stepX
            v &+= stepY
          }
        }
      }
      count = pixels.count
    }
    return Image(width: width, height: height, pixels: moved)
  }
}

/// A place within a picture for one outside, as a border is a mirror: … 2 1 0 1 2 …
@inline(__always)
private func mirrored(_ at: Int, _ count: Int) -> Int {
  if at >= 0 && at < count { return at }
  if count == 1 { return 0 }
  let period = 2 * (count - 1)
  let within = ((at % period) + period) % period
  return min(within, period - within)
}

extension PixelMap {
  /// Where each pixel's colour comes from, counted from the centre, after these operations in their order.
  fileprivate static func origins(after operations: [RandomOperation], width: Int, height: Int) -> PixelMap {
    operations.reduce(.identity) { origins, operation in
      switch operation {
      case .turn(let angle): origins.preceded(by: PixelMap(xx: cos(angle), xy: sin(angle), yx: -sin(angle), yy: cos(angle)))
      case .shearX(let amount): origins.preceded(by: PixelMap(xy: amount))
      case .shearY(let amount): origins.preceded(by: PixelMap(yx: amount))
      case .shiftX(let part): origins.preceded(by: PixelMap(x: part * Float(width)))
      case .shiftY(let part): origins.preceded(by: PixelMap(y: part * Float(height)))
      case .posterise, .solarise, .autocontrast, .equalise, .sharpness: origins
      }
    }
  }

  private func preceded(by other: PixelMap) -> PixelMap { other.followed(by: self) }

  /// Where these operations move a picture's pixels.
  init(_ operations: [RandomOperation], width: Int, height: Int) {
    let toCentre = PixelMap(x: -Float(width) / 2, y: -Float(height) / 2)
    let origins = Self.origins(after: operations, width: width, height: height)
    self = origins == .identity
      ? .identity : toCentre.followed(by: origins.inverse).followed(by: toCentre.inverse)
  }
}

/// From the lowest byte that occurs to 0, from the highest to 255.
private func stretched(_ histogram: [Int]) -> [UInt8] {
  let (low, high) = (histogram.firstIndex { $0 > 0 } ?? 0, histogram.lastIndex { $0 > 0 } ?? 0)
  guard high > low else { return (0...255).map { UInt8($0) } }
  return (0...255).map { UInt8(clamping: (2 * 255 * ($0 - low) + high - low) / (2 * (high - low))) }
}

/// As Pillow's equalize: the share of darker pixels, without the brightest ones.
private func equalised(_ histogram: [Int]) -> [UInt8] {
  let brightest = histogram.last { $0 > 0 } ?? 0
  let step = (histogram.reduce(0, +) - brightest) / 255
  guard step > 0 else { return (0...255).map { UInt8($0) } }
  var sum = step / 2
  return histogram.map { count in
    defer { sum += count }
    return UInt8(clamping: sum / step)
  }
}
