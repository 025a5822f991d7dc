// A petal: its outline and its shading.
internal import Foundation

/// A petal of one flower, in the flower's own plane, whose radius is 1.
struct Petal {
  private let origin, axis: SIMD2<Float>
  private let length, width: Float
  private let shape: PetalShape
  /// The outline: half-width = width · scale · tᵃ·(1-t)ᵇ.
  private let a, b, scale: Float
  private var colour, throat: Colour
  private let throatReach: Float
  private let hasPatch: Bool

  /// `width` is the half-width at the widest place, `throatReach` how far the throat's colour goes, of the length; a
  /// patch is the dark base that pansies have.
  init(
    origin: SIMD2<Float>, angle: Float, length: Float, width: Float, shape: PetalShape, colour: Colour, throat: Colour,
    throatReach: Float, hasPatch: Bool
  ) {
    (self.origin, axis, self.length, self.width, self.shape) = (origin, direction(angle), length, width, shape)
    (self.colour, self.throat, self.throatReach, self.hasPatch) = (colour, throat, throatReach, hasPatch)
    (a, b) =
      switch shape {
      case .round: (0.75, 0.42)
      case .notched: (0.95, 0.36)
      case .toothed: (0.8, 0.30)
      case .pointed: (0.62, 0.85)
      case .thin: (0.40, 0.38)
      }
    let widest = a / (a + b)
    scale = 1 / (pow(widest, a) * pow(1 - widest, b))
  }

  /// Where a place lies: t along the petal, s across it; |s| < 1 inside.
  func coordinates(_ p: SIMD2<Float>) -> (t: Float, s: Float)? {
    let q = p - origin
    let u = dot(q, axis)
    guard u > 0, u < length * 1.02 else { return nil }
    let v = cross(axis, q)
    guard abs(v) < width * 1.4 else { return nil }
    var t = u / length
    switch shape {
    case .notched: t += 0.16 * exp(-(v * v) / (0.05 * width * width)) * smoothstep(0.5, 1, t)
    case .toothed: t += 0.05 * (1 + cos(v / width * 9.4)) * smoothstep(0.6, 1, t)
    case .round, .pointed, .thin: break
    }
    guard t < 1 else { return nil }
    let halfWidth = width * scale * pow(t, a) * pow(1 - t, b)
    return halfWidth > 0 ? (t, v / halfWidth) : nil
  }

  func shade(t: Float, s: Float, light: SIMD3<Float>) -> Colour {
    var paint = mix(colour, throat, smoothstep(throatReach, 0, t))
    paint = mix(paint, Colour(repeating: 1), 0.14 * t * t)
    if hasPatch {
      let edge = 0.50 + 0.07 * cos(s * 17) - 0.2 * s * s
      paint = mix(paint, [0.17, 0.04, 0.16], 0.92 * smoothstep(edge + 0.05, edge - 0.05, t))
      paint = mix(paint, [0.98, 0.80, 0.12], smoothstep(0.2, 0.12, t))
    }
    let veins = 1 + 0.035 * sin(s * 19 + 2 * t) - 0.16 * exp(-(s * s) / 0.012) * (1 - t)
    // Bent across and along: the normal of a gutter that droops.
    let (across, along) = (s * 0.55, (t - 0.45) * 0.9)
    let normal = SIMD3(axis.x * along - axis.y * across, axis.y * along + axis.x * across, 1)
    let lambert = max(0, (normal * light).sum()) / (normal * normal).sum().squareRoot()
    return paint * veins * (0.52 + 0.56 * lambert) * (1 - 0.16 * s * s * s * s)
  }

  /// An inner side, in the shade of the others.
  func darkened() -> Petal {
    var petal = self
    petal.colour *= 0.72
    petal.throat *= 0.72
    return petal
  }
}
