// One flower: its petals, its centre, and how it stands in the picture.
internal import Foundation

/// An individual of a species. Drawn once, then asked for its colour at every place of the picture.
struct Flower {
  /// The topmost first.
  private var petals: [Petal] = []
  private let species: FlowerSpecies
  private let place: SIMD2<Float>
  private let radius, tilt: Float
  /// The directions that its top and its slant point to.
  private let turn, tiltAxis: SIMD2<Float>
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
    turn = direction(isUpright ? generator.normal() * 0.28 : generator.uniform(0, 2 * .pi))
    tilt = isUpright ? generator.uniform(0.88, 1) : generator.uniform(0.55, 1)
    tiltAxis = direction(isUpright ? 0 : generator.uniform(0, 2 * .pi))
    centreColour = mix([0.98, 0.80, 0.13], [0.85, 0.50, 0.08], generator.uniform())
    centreSize = generator.uniform(0.25, 0.33)
    let stamenCount = species.centre == .longStamens ? 6 : 13
    stamens = (0..<stamenCount).map { i in
      (
        (Float(i) + generator.uniform(-0.25, 0.25)) * 2 * .pi / Float(stamenCount),
        species.centre == .longStamens ? generator.uniform(0.42, 0.55) : generator.uniform(0.22, 0.34)
      )
    }
    // Seen from above, a flower mostly hides its stem.
    let isCup = if case .cup = species.form { true } else { false }
    let stemWidth = radius * (isCup ? 0.12 : 0.07)
    let drawn = Blade(
      stemFrom: place + SIMD2(generator.normal() * 0.08, 1.1), to: place, width: stemWidth,
      colour: green(0.4, 0.6, &generator), using: &generator)
    stem = isCup || generator.uniform() < 0.6 ? drawn : nil
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
        width: width * (1 + generator.normal() * 0.05), shape: species.shape,
        colour: (colour ?? paint).petal * brightness,
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
        petals +=
          stride(from: 0, to: count, by: 2).map { ring[$0] } + stride(from: 1, to: count, by: 2).map { ring[$0] }
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
    let along = tiltAxis * dot(q, tiltAxis)
    q = along + (q - along) / tilt
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
