// One flower: its petals as outlines with shading, its centre, and where it stands.
internal import Foundation

/// A petal of one flower, in the flower's own plane, whose radius is 1.
struct Petal {
  var origin: SIMD2<Float> = .zero
  var angle, length, width: Float
  var shape: PetalShape
  var colour, throat: Colour
  /// How far the throat's colour reaches, of the length.
  var throatReach: Float = 0.45
  /// A dark patch at the base, as pansies have it.
  var hasPatch = false

  /// Where a place lies: t along the petal, s across it; |s| < 1 inside.
  func coordinates(_ p: SIMD2<Float>) -> (t: Float, s: Float)? {
    let axis = direction(angle)
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
    let halfWidth = width * profile(t)
    return halfWidth > 0 ? (t, v / halfWidth) : nil
  }

  /// The half-width of 0 … 1 at t: tᵃ·(1-t)ᵇ, scaled to a largest value of 1.
  private func profile(_ t: Float) -> Float {
    let (a, b): (Float, Float) =
      switch shape {
      case .round: (0.75, 0.42)
      case .notched: (0.95, 0.36)
      case .toothed: (0.8, 0.30)
      case .pointed: (0.62, 0.85)
      case .thin: (0.40, 0.38)
      }
    let top = a / (a + b)
    return pow(t, a) * pow(1 - t, b) / (pow(top, a) * pow(1 - top, b))
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
    let axis = direction(angle)
    let normal = SIMD3(axis.x * along - axis.y * across, axis.y * along + axis.x * across, 1)
    let lambert = max(0, (normal * light).sum()) / (normal * normal).sum().squareRoot()
    return paint * veins * (0.52 + 0.56 * lambert) * (1 - 0.16 * s * s * s * s)
  }
}

struct Flower {
  /// The topmost first.
  private var petals: [Petal] = []
  private let species: FlowerSpecies
  private let place: SIMD2<Float>
  private let radius, rotation, tilt, tiltAxis: Float
  private let light: SIMD3<Float>
  private let centreColour: Colour
  private let centreSize: Float
  private let stamens: [(angle: Float, length: Float)]
  private let stem: Blade?

  init(_ species: FlowerSpecies, light: SIMD3<Float>, using generator: inout Philox) {
    self.species = species
    self.light = light
    radius = generator.uniform(0.25, 0.44)
    place = SIMD2(0.5 + generator.normal() * 0.07, 0.5 + generator.normal() * 0.07)
    let isUpright = if case .rings = species.form { false } else { true }
    rotation = isUpright ? generator.normal() * 0.28 : generator.uniform(0, 2 * .pi)
    tilt = isUpright ? generator.uniform(0.88, 1) : generator.uniform(0.55, 1)
    tiltAxis = isUpright ? 0 : generator.uniform(0, 2 * .pi)
    centreColour = mix([0.98, 0.80, 0.13], [0.85, 0.50, 0.08], generator.uniform())
    centreSize = generator.uniform(0.25, 0.33)
    let stamenCount = species.centre == .longStamens ? 6 : 13
    stamens = (0..<stamenCount).map { i in
      (
        (Float(i) + generator.uniform(-0.25, 0.25)) * 2 * .pi / Float(stamenCount),
        species.centre == .longStamens ? generator.uniform(0.42, 0.55) : generator.uniform(0.22, 0.34)
      )
    }
    if case .cup = species.form {
      stem = Blade(
        root: place + SIMD2(generator.normal() * 0.08, 1.1), angle: -.pi / 2, length: 1.9, width: radius * 0.12,
        colour: green(0.4, 0.6, &generator), using: &generator)
    } else {
      stem = nil
    }
    petals = Self.petals(species, using: &generator)
  }

  private static func petals(_ species: FlowerSpecies, using generator: inout Philox) -> [Petal] {
    let paint = species.colours[generator.integer(below: species.colours.count)]
    let other = species.colours[generator.integer(below: species.colours.count)]
    let reach = generator.uniform(0.25, 0.6)

    func petal(
      _ angle: Float, _ length: Float, _ width: Float, origin: SIMD2<Float> = .zero, colour: FlowerColour? = nil,
      hasPatch: Bool = false, using generator: inout Philox
    ) -> Petal {
      let brightness = 1 + generator.normal() * 0.035
      return Petal(
        origin: origin, angle: angle + generator.normal() * 0.035, length: length * (1 + generator.normal() * 0.035),
        width: width * (1 + generator.normal() * 0.05), shape: species.shape, colour: (colour ?? paint).petal * brightness,
        throat: (colour ?? paint).throat * brightness, throatReach: reach, hasPatch: hasPatch)
    }

    switch species.form {
    case .rings(let rows):
      var petals: [Petal] = []
      var phase: Float = 0
      for row in rows {
        let count = generator.integer(below: row.count.count) + row.count.lowerBound
        let step = 2 * Float.pi / Float(count)
        let ring = (0..<count).map { petal(phase + Float($0) * step, row.length, row.width, using: &generator) }
        // Every second petal lies over its neighbours.
        petals += stride(from: 0, to: count, by: 2).map { ring[$0] } + stride(from: 1, to: count, by: 2).map { ring[$0] }
        phase += step / 2 + generator.uniform(-0.1, 0.1) * step
      }
      return petals
    case .pansy:
      let hasPatch = generator.uniform() < 0.85
      let back = generator.uniform() < 0.5 ? other : paint
      // Angles run clockwise from the right, since y points down.
      return [
        petal(.pi / 2, 0.92, 0.62, origin: [0, -0.04], hasPatch: hasPatch, using: &generator),
        petal(.pi * 0.06, 0.90, 0.46, origin: [0, -0.05], hasPatch: hasPatch, using: &generator),
        petal(.pi * 0.94, 0.90, 0.46, origin: [0, -0.05], hasPatch: hasPatch, using: &generator),
        petal(-.pi * 0.36, 1.0, 0.56, colour: back, using: &generator),
        petal(-.pi * 0.64, 1.0, 0.56, colour: back, using: &generator),
      ]
    case .cup:
      let spread = generator.uniform(0.12, 0.3)
      let up = -Float.pi / 2
      return [
        petal(up, 1.52, 0.42, origin: [0, 0.8], using: &generator),
        petal(up - spread, 1.62, 0.44, origin: [-0.08, 0.78], using: &generator),
        petal(up + spread, 1.62, 0.44, origin: [0.08, 0.78], using: &generator),
        petal(up - spread * 0.45, 1.66, 0.36, origin: [0, 0.7], using: &generator).darkened(),
        petal(up + spread * 0.45, 1.66, 0.36, origin: [0, 0.7], using: &generator).darkened(),
      ]
    }
  }

  /// The flower's own coordinates of a place in the picture: moved, turned back, the slant undone.
  private func local(_ p: SIMD2<Float>) -> SIMD2<Float> {
    var q = (p - place) / radius
    let axis = direction(tiltAxis)
    let along = dot(q, axis)
    q = axis * along + (q - axis * along) / tilt
    let turn = direction(rotation)
    return SIMD2(dot(q, turn), cross(turn, q))
  }

  func covers(_ p: SIMD2<Float>) -> Bool {
    let q = local(p)
    return petals.contains { petal in petal.coordinates(q).map { abs($0.s) < 1 } ?? false }
  }

  func paint(_ p: SIMD2<Float>) -> Colour? {
    let q = local(p)
    guard dot(q, q) < 2.6 else { return stem?.paint(p) }
    if let centre = paintCentre(q) { return centre }
    var shadow: Float = 1
    for petal in petals {
      guard let (t, s) = petal.coordinates(q) else { continue }
      if abs(s) < 1 { return petal.shade(t: t, s: s, light: light) * shadow }
      // Just outside of a petal above: its shadow on those below.
      shadow *= 1 - 0.34 * smoothstep(1.35, 1, abs(s)) * smoothstep(0, 0.2, t)
    }
    return stem?.paint(p)
  }

  private func paintCentre(_ q: SIMD2<Float>) -> Colour? {
    let distance = dot(q, q).squareRoot()
    let angle = atan2(q.y, q.x)
    switch species.centre {
    case .closed: return nil
    case .dome:
      let r = distance / (species.shape == .thin ? centreSize : centreSize * 0.72)
      guard r < 1 else { return nil }
      let florets = sin(angle * 13 + r * 17) * sin(angle * 8 - r * 14)
      let normal = SIMD3(q.x / max(distance, 1e-3) * r, q.y / max(distance, 1e-3) * r, 1.1 - 0.6 * r)
      let lambert = max(0, (normal * light).sum()) / (normal * normal).sum().squareRoot()
      let paint = mix(centreColour, centreColour * Colour(0.72, 0.52, 0.4), smoothstep(0.55, 0.1, r))
      return paint * (0.55 + 0.5 * lambert) * (1 + 0.16 * florets) * (1 - 0.3 * smoothstep(0.85, 1, r))
    case .eye:
      let edge = 0.21 + 0.07 * cos(angle * 5)
      guard distance < edge else { return nil }
      return mix([0.38, 0.48, 0.10], mix([0.99, 0.78, 0.1], centreColour, 0.4), smoothstep(0.04, 0.07, distance))
    case .face:
      guard distance < 0.07 else { return nil }
      return mix([0.55, 0.6, 0.12], [0.98, 0.82, 0.15], smoothstep(0.02, 0.06, distance))
    case .stamens, .longStamens:
      let isLong = species.centre == .longStamens
      for stamen in stamens {
        let axis = direction(stamen.angle)
        let (u, v) = (dot(q, axis), cross(axis, q))
        let anther = SIMD2((u - stamen.length) / (isLong ? 0.045 : 0.035), v / (isLong ? 0.085 : 0.035))
        if dot(anther, anther) < 1 { return isLong ? [0.52, 0.22, 0.06] : [0.16, 0.12, 0.14] }
        if u > 0, u < stamen.length, abs(v) < (isLong ? 0.018 : 0.012) {
          return isLong ? [0.80, 0.86, 0.55] : [0.22, 0.16, 0.2]
        }
      }
      if distance < (isLong ? 0.07 : 0.15) {
        return isLong ? [0.55, 0.68, 0.25] : Colour(0.42, 0.5, 0.25) * (0.75 + 0.25 * cos(angle * 10))
      }
      return nil
    }
  }
}

extension Petal {
  /// An inner side, in the shade of the others.
  fileprivate func darkened() -> Petal {
    var petal = self
    petal.colour *= 0.72
    petal.throat *= 0.72
    return petal
  }
}
