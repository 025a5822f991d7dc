// What moves and stands on a street: pedestrians, signs and cars, each asked for its colour at every place.
internal import Foundation

/// A line with a radius: limbs, poles, shadows.
struct Capsule {
  var from, to: SIMD2<Float>
  var radius: Float

  func covers(_ p: SIMD2<Float>) -> Bool {
    let (d, q) = (to - from, p - from)
    let t = min(max(dot(d, q) / max(dot(d, d), 1e-9), 0), 1)
    let rest = q - d * t
    return dot(rest, rest) < radius * radius
  }

  var region: SIMD4<Float> {
    SIMD4(
      min(from.x, to.x) - radius, min(from.y, to.y) - radius, max(from.x, to.x) + radius, max(from.y, to.y) + radius)
  }
}

/// Something on a street that a network is to find.
struct StreetThing {
  var label: Int
  var pose: Int?
  /// The height in the picture where it stands: what stands lower is nearer.
  var depth: Float
  var region: SIMD4<Float>
  var pole: Capsule?
  var shadow: Capsule?
  var paint: (SIMD2<Float>) -> Colour?
}

func streetThings(on road: Road, using generator: inout Philox) -> [StreetThing] {
  var things: [StreetThing] = []
  func depth(_ low: Float, _ high: Float, _ generator: inout Philox) -> Float {
    road.horizon + (1 - road.horizon) * generator.uniform(low, high)
  }
  for _ in 0..<generator.integer(below: 3) {
    let y = depth(0.2, 0.75, &generator)
    let side: Float = generator.uniform() < 0.5 ? -0.5 : 0.5
    things.append(
      .car(at: SIMD2(road.centre(at: y) + side * road.halfWidth(at: y), y), width: 0.5 * road.scale(at: y), using: &generator))
  }
  for _ in 0..<generator.integer(below: 4) {
    let y = depth(0.2, 0.95, &generator)
    things.append(
      .pedestrian(
        at: SIMD2(generator.uniform(0.03, 0.97), y), height: road.scale(at: y) * generator.uniform(0.6, 0.85),
        using: &generator))
  }
  for _ in 0..<generator.integer(below: 3) {
    let y = depth(0.4, 0.85, &generator)
    let side: Float = generator.uniform() < 0.5 ? -1 : 1
    let x = road.centre(at: y) + side * (road.halfWidth(at: y) + generator.uniform(0.02, 0.15))
    things.append(.sign(at: SIMD2(min(max(x, 0.06), 0.94), y), scale: road.scale(at: y), using: &generator))
  }
  return things
}

extension StreetThing {
  /// Somebody who stands or walks; `foot` is where, and the height includes the head.
  static func pedestrian(at foot: SIMD2<Float>, height: Float, using generator: inout Philox) -> StreetThing {
    let stride = generator.uniform() < 0.3 ? generator.uniform(0, 0.03) : generator.uniform(0.05, 0.16)
    let swing = stride * generator.uniform(0.6, 1.2) + generator.uniform(0, 0.04)
    let lean = generator.normal() * 0.02
    let stout = generator.uniform(0.85, 1.25)
    func cloth(_ generator: inout Philox) -> Colour {
      Colour(generator.uniform(0.08, 0.9), generator.uniform(0.08, 0.9), generator.uniform(0.08, 0.9)) * generator.uniform(0.4, 1)
    }
    let (shirt, trousers) = (cloth(&generator), cloth(&generator) * 0.7)
    let skin = mix([0.95, 0.78, 0.65], [0.36, 0.24, 0.17], generator.uniform())
    let hair = mix([0.1, 0.08, 0.06], [0.7, 0.55, 0.3], generator.uniform())
    let hip = SIMD2<Float>(lean, -0.46)
    let shoulder = SIMD2<Float>(lean * 2, -0.77)
    let legs = [-1, 1].map { Capsule(from: hip, to: SIMD2(Float($0) * stride + lean, -0.04), radius: 0.055 * stout) }
    let torso = Capsule(from: shoulder, to: hip, radius: 0.1 * stout)
    let arms = [-1, 1].map { side in
      Capsule(
        from: shoulder + SIMD2(Float(side) * 0.08 * stout, 0), to: SIMD2(Float(side) * (0.1 + swing) + lean, -0.44),
        radius: 0.034 * stout)
    }
    let head = Capsule(from: SIMD2(lean * 2.5, -0.915), to: SIMD2(lean * 2.5, -0.925), radius: 0.075)
    let reach = 0.38 * height
    return StreetThing(
      label: 1, depth: foot.y, region: SIMD4(foot.x - reach, foot.y - 1.05 * height, foot.x + reach, foot.y + 0.05 * height),
      shadow: Capsule(from: foot - SIMD2(0.12 * height, 0), to: foot + SIMD2(0.12 * height, 0), radius: 0.03 * height)
    ) { p in
      let q = (p - foot) / height
      if head.covers(q) { return q.y < -0.93 ? hair : skin }
      if arms.contains(where: { $0.covers(q) }) { return q.y > -0.48 ? skin : shirt * 0.85 }
      if torso.covers(q) { return shirt }
      return legs.contains { $0.covers(q) } ? trousers : nil
    }
  }

  /// A blue disc on a pole, with a white arrow.
  static func sign(at foot: SIMD2<Float>, scale: Float, using generator: inout Philox) -> StreetThing {
    let pose = generator.integer(below: 3)
    let radius = scale * generator.uniform(0.08, 0.12)
    let centre = SIMD2(foot.x, foot.y - scale * generator.uniform(0.55, 0.8))
    // Ahead is up, where y falls.
    let along = direction([-.pi / 2, .pi, 0][pose] + generator.normal() * 0.08)
    let across = SIMD2(-along.y, along.x)
    let blue = Colour(0.04, 0.22, 0.62) * generator.uniform(0.8, 1.3)
    let white = Colour(0.95, 0.95, 0.95) * generator.uniform(0.85, 1)
    let reach = radius * 1.05
    return StreetThing(
      label: 2, pose: pose, depth: foot.y, region: SIMD4(centre.x - reach, centre.y - reach, centre.x + reach, centre.y + reach),
      pole: Capsule(from: centre, to: foot, radius: max(0.012 * scale, 0.003))
    ) { p in
      let q = (p - centre) / radius
      let distance = dot(q, q)
      guard distance < 1 else { return nil }
      if distance > 0.84 { return white }
      let (u, v) = (dot(q, along), abs(dot(q, across)))
      let isShaft = u > -0.65 && u < 0.15 && v < 0.15
      let isHead = u >= 0 && u < 0.65 && v < (0.65 - u) * 0.85
      return isShaft || isHead ? white : blue
    }
  }

  /// A car from behind; `foot` is the middle of its tyres' line.
  static func car(at foot: SIMD2<Float>, width: Float, using generator: inout Philox) -> StreetThing {
    let paint = Colour(generator.uniform(0.1, 0.95), generator.uniform(0.1, 0.8), generator.uniform(0.1, 0.85))
      * generator.uniform(0.4, 1)
    let height = generator.uniform(0.66, 0.95)
    let glass = Colour(0.12, 0.15, 0.2) * generator.uniform(0.6, 2)
    let roof = generator.uniform(0.3, 0.4)
    let lamp = generator.uniform() < 0.5 ? Colour(0.95, 0.1, 0.08) : Colour(0.5, 0.06, 0.05)
    return StreetThing(
      label: 0, depth: foot.y,
      region: SIMD4(foot.x - 0.52 * width, foot.y - (height + 0.02) * width, foot.x + 0.52 * width, foot.y),
      shadow: Capsule(from: foot - SIMD2(0.48 * width, 0), to: foot + SIMD2(0.48 * width, 0), radius: 0.05 * width)
    ) { p in
      let q = (p - foot) / width
      let (x, up) = (abs(q.x), -q.y / height)
      guard up >= 0, up <= 1 else { return nil }
      if up < 0.14 { return x > 0.28 && x < 0.47 ? Colour(0.05, 0.05, 0.06) : nil }
      if up < 0.6 {
        guard x < 0.5 else { return nil }
        if up > 0.42, up < 0.54, x > 0.34 { return lamp }
        if up > 0.27, up < 0.36, x < 0.13 { return Colour(0.9, 0.9, 0.85) }
        return up < 0.2 ? paint * 0.5 : paint
      }
      let side = 0.47 - (up - 0.6) / 0.4 * (0.47 - roof)
      guard x < side else { return nil }
      return up < 0.93 && x < side - 0.05 ? glass : paint * 1.05
    }
  }
}
