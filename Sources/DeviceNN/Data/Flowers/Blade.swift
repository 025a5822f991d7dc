// Blades of grass, narrow leaves and stems.

/// A bent line that tapers to its tip.
struct Blade {
  private let root, bend, tip: SIMD2<Float>
  private let width: Float
  private let colour: Colour
  /// How much of the width is lost at the tip.
  private let taper: Float
  /// The box that holds it, so that most places are told quickly that they are outside.
  private let low, high: SIMD2<Float>

  private init(
    _ root: SIMD2<Float>, _ bend: SIMD2<Float>, _ tip: SIMD2<Float>, width: Float, taper: Float, colour: Colour
  ) {
    (self.root, self.bend, self.tip, self.width, self.taper, self.colour) = (root, bend, tip, width, taper, colour)
    low = pointwiseMin(pointwiseMin(root, bend), tip) - width
    high = pointwiseMax(pointwiseMax(root, bend), tip) + width
  }

  /// Grows from `root` in the direction of `angle` and bends by up to half a radian.
  init(root: SIMD2<Float>, angle: Float, length: Float, width: Float, colour: Colour, using generator: inout Philox) {
    let bend = root + direction(angle) * length * 0.5
    let tip = bend + direction(angle + generator.uniform(-0.5, 0.5)) * length * 0.5
    self.init(root, bend, tip, width: width, taper: 1, colour: colour)
  }

  /// A stem from `root` to the flower at `end`, bent sideways a little; it keeps most of its width.
  init(stemFrom root: SIMD2<Float>, to end: SIMD2<Float>, width: Float, colour: Colour, using generator: inout Philox) {
    let bend = (root + end) / 2 + SIMD2(generator.normal() * 0.02, 0)
    self.init(root, bend, end, width: width, taper: 0.4, colour: colour)
  }

  /// The colour at a place, if the blade covers it.
  func paint(_ p: SIMD2<Float>) -> Colour? {
    guard p.x > low.x, p.x < high.x, p.y > low.y, p.y < high.y else { return nil }
    return paint(p, from: root, to: bend, start: 0) ?? paint(p, from: bend, to: tip, start: 0.5)
  }

  private func paint(_ p: SIMD2<Float>, from: SIMD2<Float>, to: SIMD2<Float>, start: Float) -> Colour? {
    let along = to - from
    let t = min(max(dot(p - from, along) / dot(along, along), 0), 1)
    let offset = p - from - along * t
    let place = start + t / 2
    let halfWidth = width * (1 - taper * place * place)
    guard dot(offset, offset) < halfWidth * halfWidth else { return nil }
    let side = cross(along, offset) > 0 ? Float(1.08) : 0.9  // a fold along the middle
    return colour * (0.75 + 0.35 * place) * side
  }
}
