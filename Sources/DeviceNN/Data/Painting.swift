// A small paint box: smooth steps, noise without tables, and a canvas of floats.
internal import Foundation

func mix(_ a: Colour, _ b: Colour, _ t: Float) -> Colour { a + (b - a) * min(max(t, 0), 1) }

/// 0 before `from`, 1 after `to`, smooth between; `from` may be the larger.
func smoothstep(_ from: Float, _ to: Float, _ x: Float) -> Float {
  let t = min(max((x - from) / (to - from), 0), 1)
  return t * t * (3 - 2 * t)
}

func direction(_ angle: Float) -> SIMD2<Float> { SIMD2(cos(angle), sin(angle)) }
func dot(_ a: SIMD2<Float>, _ b: SIMD2<Float>) -> Float { (a * b).sum() }
/// Positive where b lies anticlockwise of a.
func cross(_ a: SIMD2<Float>, _ b: SIMD2<Float>) -> Float { a.x * b.y - a.y * b.x }

/// Smooth noise of -1 … 1 with features of size 1: random values at whole numbers, interpolated.
struct Noise {
  let seed: UInt32

  func callAsFunction(_ p: SIMD2<Float>) -> Float {
    let cell = p.rounded(.down)
    let f = p - cell
    let (x, y) = (Int32(cell.x), Int32(cell.y))
    let (u, v) = (f.x * f.x * (3 - 2 * f.x), f.y * f.y * (3 - 2 * f.y))
    let top = value(x, y) + (value(x + 1, y) - value(x, y)) * u
    let bottom = value(x, y + 1) + (value(x + 1, y + 1) - value(x, y + 1)) * u
    return top + (bottom - top) * v
  }

  /// Octaves of it, each half as large and half as strong.
  func clouds(_ p: SIMD2<Float>, octaves: Int = 4) -> Float {
    var (sum, weight, q) = (Float(0), Float(0.5), p)
    for _ in 0..<octaves {
      sum += weight * self(q)
      weight /= 2
      q = q * 2 + 17
    }
    return sum
  }

  private func value(_ x: Int32, _ y: Int32) -> Float {
    var h = UInt32(bitPattern: x) &* 0x9E37_79B1 ^ UInt32(bitPattern: y) &* 0x85EB_CA77 ^ seed
    h = (h ^ h >> 15) &* 0x2C1B_3C6D
    h = (h ^ h >> 12) &* 0x297A_2D39
    h ^= h >> 15
    return Float(h >> 8) * 0x1p-23 - 1
  }
}

/// A square picture of floats, with places given as 0 … 1 from the top left.
struct Canvas {
  let size: Int
  var colours: [Colour]

  init(size: Int, paint: (SIMD2<Float>) -> Colour) {
    self.size = size
    colours = (0..<size * size).map {
      paint(SIMD2(Float($0 % size) + 0.5, Float($0 / size) + 0.5) / Float(size))
    }
  }

  /// Lays `paint` over: each pixel is the mean of 3 x 3 samples of (colour, coverage).
  ///
  /// - Parameter region: left, top, right and bottom of what `paint` can reach; nil for the whole picture.
  /// - Returns: the pixels that were covered by half or more.
  @discardableResult
  mutating func overlay(
    within region: SIMD4<Float>? = nil, _ paint: (SIMD2<Float>) -> (colour: Colour, coverage: Float)?
  ) -> [Int] {
    func pixels(_ low: Float, _ high: Float) -> Range<Int> {
      let first = min(max(Int((low * Float(size)).rounded(.down)), 0), size)
      return first..<max(first, min(Int((high * Float(size)).rounded(.up)), size))
    }
    let region = region ?? SIMD4(0, 0, 1, 1)
    let columns = pixels(region.x, region.z)
    var covered: [Int] = []
    for i in pixels(region.y, region.w).flatMap({ [size] row in columns.map { row * size + $0 } }) {
      var (sum, coverage) = (Colour(), Float(0))
      for sample in 0..<9 {
        let place = SIMD2(
          Float(i % size) + (Float(sample % 3) + 0.5) / 3, Float(i / size) + (Float(sample / 3) + 0.5) / 3)
        guard let painted = paint(place / Float(size)) else { continue }
        sum += painted.colour * painted.coverage
        coverage += painted.coverage
      }
      colours[i] = colours[i] * (1 - coverage / 9) + sum / 9
      if coverage >= 4.5 { covered.append(i) }
    }
    return covered
  }

  /// Focus, exposure, white balance and grain.
  ///
  /// - Parameter blur: the largest deviation, in parts of the picture's size.
  mutating func addCameraFaults(blur: Float, exposure: ClosedRange<Float>, using generator: inout Philox) {
    self.blur(generator.uniform() < 0.5 ? 0 : generator.uniform(0, blur))
    let exposure = generator.uniform(exposure.lowerBound, exposure.upperBound)
    let warmth = generator.uniform(-0.07, 0.09)
    let balance = Colour(1 + warmth, 1, 1 - warmth) * exposure
    let grain = generator.uniform(0.005, 0.035)
    for i in colours.indices {
      colours[i] = colours[i] * balance + Colour(generator.normal(), generator.normal(), generator.normal()) * grain
    }
  }

  /// Blurs by a Gauss function of this deviation, in parts of the picture's size.
  mutating func blur(_ deviation: Float) {
    let sigma = deviation * Float(size)
    guard sigma > 0.2 else { return }
    let radius = Int((sigma * 2.5).rounded(.up))
    var weights = (-radius...radius).map { exp(-Float($0 * $0) / (2 * sigma * sigma)) }
    let total = weights.reduce(0, +)
    for i in weights.indices { weights[i] /= total }
    for step in [1, size] {
      let source = colours
      for i in colours.indices {
        let at = step == 1 ? i % size : i / size
        var sum = Colour()
        for offset in -radius...radius {
          let other = min(max(at + offset, 0), size - 1)
          sum += source[i + (other - at) * step] * weights[offset + radius]
        }
        colours[i] = sum
      }
    }
  }

  func image() -> Image {
    let pixels = colours.flatMap { colour in
      (0..<3).map { UInt8(min(max(colour[$0], 0), 1) * 255 + 0.5) }
    }
    return Image(width: size, height: size, pixels: pixels)
  }
}
