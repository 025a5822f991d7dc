// One portrait: a head in front of something, lit from a side.
internal import Foundation

/// A head to be asked for its colour at every place. Its own coordinates have the middle of the face at 0, the chin at
/// y = 1 and the crown at y = -1.
struct Portrait {
  private let person: PortraitPerson
  private let centre, right: SIMD2<Float>
  private let light: Float
  private let halfWidth, eyeHeight, eyeSize, mouthHeight: Float

  init(_ person: PortraitPerson, using generator: inout Philox) {
    self.person = person
    centre = SIMD2(0.5 + person.place, 0.47 + generator.normal() * 0.02)
    right = direction(person.turn)
    light = generator.uniform(-0.5, 0.5)
    halfWidth = 0.74 + 0.10 * person.childhood + person.roundness
    eyeHeight = -0.10 + 0.16 * person.childhood
    eyeSize = 0.115 + 0.055 * person.childhood
    mouthHeight = 0.55 + 0.06 * person.childhood
  }

  /// What is at a place of the picture, if it is not the ground.
  func paint(_ p: SIMD2<Float>) -> Colour? {
    let away = (p - centre) / person.scale
    let q = SIMD2(dot(away, right), cross(right, away))
    return glasses(q) ?? frontHair(q) ?? brows(q) ?? eyes(q) ?? mouth(q) ?? face(q) ?? ears(q) ?? backHair(q) ?? body(q)
  }

  // MARK: The face

  /// 1 at the face's outline, less inside.
  private func outline(_ q: SIMD2<Float>) -> Float {
    let width = halfWidth * (1 - 0.14 * max(q.y, 0) * (1 - person.childhood))
    return (q.x * q.x / (width * width) + q.y * q.y).squareRoot()
  }

  private func shade(_ colour: Colour, _ q: SIMD2<Float>) -> Colour {
    colour * (0.97 + light * q.x * 0.5 - 0.12 * max(outline(q) - 0.6, 0))
  }

  private func face(_ q: SIMD2<Float>) -> Colour? {
    guard outline(q) < 1 else { return nil }
    var colour = shade(person.skin, q)
    // The nose: a shadow beside it and below.
    let nose = SIMD2((abs(q.x) - 0.09) / 0.05, (q.y - 0.24) / 0.09)
    colour *= 1 - 0.22 * smoothstep(1, 0, dot(nose, nose))
    let cheek = SIMD2((abs(q.x) - 0.42) / 0.18, (q.y - 0.3) / 0.14)
    colour = mix(colour, colour * Colour(1.06, 0.86, 0.84), smoothstep(1, 0, dot(cheek, cheek)) * (0.35 + 0.4 * person.childhood))
    return colour * (1 - person.lines * wrinkles(q))
  }

  /// Lines on the forehead, at the eyes' corners and from the nose to the mouth, and what hangs below the eyes.
  private func wrinkles(_ q: SIMD2<Float>) -> Float {
    let x = abs(q.x)
    var depth: Float = 0
    for row in 0..<3 where x < 0.42 {
      let y = eyeHeight - 0.38 - 0.1 * Float(row) + 0.05 * q.x * q.x
      depth = max(depth, smoothstep(0.028, 0.006, abs(q.y - y)))
    }
    for row in -1...1 where x > 0.47 && x < 0.66 {
      depth = max(depth, smoothstep(0.024, 0.005, abs(q.y - eyeHeight - Float(row) * (x - 0.42) * 0.45)))
    }
    if q.y > 0.2, q.y < 0.66 { depth = max(depth, smoothstep(0.035, 0.008, abs(x - 0.17 - (q.y - 0.2) * 0.42))) }
    let bag = SIMD2((x - 0.32) / 0.17, (q.y - eyeHeight - 0.16) / 0.05)
    return max(depth * 0.5, 0.3 * smoothstep(1.2, 0.3, dot(bag, bag)))
  }

  private func eyes(_ q: SIMD2<Float>) -> Colour? {
    let centre = SIMD2(0.31, eyeHeight)
    let e = (SIMD2(abs(q.x), q.y) - centre) / eyeSize
    guard dot(e, e) < 2 else { return nil }
    // Lids come down with the years, and narrow a smile's eyes.
    let open = 0.72 - 0.22 * person.lines - 0.14 * max(person.bend, 0)
    let lid = e.x * e.x / 1.5 + e.y * e.y / (open * open)
    guard lid < 1 else { return lid < 1.35 && e.y < 0 ? shade(person.skin * 0.45, q) : nil }
    let toMiddle = dot(e, e).squareRoot()
    if toMiddle < 0.22 { return [0.03, 0.03, 0.03] }
    return toMiddle < 0.5 ? person.iris : [0.95, 0.95, 0.93]
  }

  private func brows(_ q: SIMD2<Float>) -> Colour? {
    let x = abs(q.x) - 0.31
    guard abs(x) < 0.19 else { return nil }
    // Sad ones rise towards the middle.
    let y = eyeHeight - 0.22 - 0.5 * x * x - 0.25 * min(person.bend, 0) * x
    return abs(q.y - y) < 0.032 - 0.05 * abs(x) * (x > 0 ? 1 : 0.2) ? person.hairColour * 0.8 : nil
  }

  private func mouth(_ q: SIMD2<Float>) -> Colour? {
    let width: Float = 0.27 + 0.05 * max(person.bend, 0)
    let x = q.x / width
    guard abs(x) < 1 else { return nil }
    let curve = mouthHeight - person.bend * 0.11 * (x * x - 0.4)
    let lips = mix(person.skin, [0.72, 0.25, 0.26], 0.6)
    if person.isMouthOpen {
      let upper = mouthHeight - person.bend * 0.05 * (x * x - 0.4)
      if q.y > upper, q.y < curve { return q.y < upper + 0.05 ? [0.96, 0.95, 0.92] : [0.35, 0.08, 0.09] }
    }
    let thickness = 0.045 * (1 - 0.7 * x * x)
    return abs(q.y - curve) < thickness ? shade(lips, q) : nil
  }

  // MARK: Around the face

  private func glasses(_ q: SIMD2<Float>) -> Colour? {
    guard person.hasGlasses else { return nil }
    let e = (SIMD2(abs(q.x), q.y) - SIMD2(0.32, eyeHeight + 0.02)) / SIMD2(0.24, 0.19)
    let edge = (e * e * e * e).sum()
    if edge > 0.55, edge < 1.25 { return person.frame }
    let isBridge = abs(q.x) < 0.1 && abs(q.y - eyeHeight + 0.04) < 0.03
    let isTemple = abs(q.x) > 0.55 && abs(q.x) < halfWidth + 0.03 && abs(q.y - eyeHeight + 0.03) < 0.028
    return isBridge || isTemple ? person.frame : nil
  }

  private func strands(_ q: SIMD2<Float>) -> Colour {
    person.hairColour * (0.9 + 0.16 * sin(q.x * 26 + q.y * 7) + light * q.x * 0.4)
  }

  private func frontHair(_ q: SIMD2<Float>) -> Colour? {
    guard person.hair != .bald, outline(q / 1.1) < 1 else { return nil }
    let hairline = -0.52 - 0.34 * person.recession + 0.5 * q.x * q.x
    let side = person.hair == .long ? 0.35 : eyeHeight - 0.05
    let isBeside = abs(q.x) > halfWidth * 0.93 && q.y < side
    return q.y < min(hairline, side) || isBeside ? strands(q) : nil
  }

  private func backHair(_ q: SIMD2<Float>) -> Colour? {
    guard person.hair == .long else { return nil }
    let width = halfWidth + 0.2 - 0.08 * max(q.y - 0.6, 0)
    return abs(q.x) < width && q.y > -0.5 && q.y < 1.25 || outline(q / 1.2) < 1 && q.y < 0 ? strands(q) * 0.8 : nil
  }

  private func ears(_ q: SIMD2<Float>) -> Colour? {
    let e = SIMD2((abs(q.x) - halfWidth) / 0.11, (q.y - 0.08) / 0.2)
    return dot(e, e) < 1 && person.hair != .long ? shade(person.skin * 0.9, q) : nil
  }

  private func body(_ q: SIMD2<Float>) -> Colour? {
    if abs(q.x) < 0.34, q.y > 0.6, q.y < 1.3 { return person.skin * 0.78 }
    let shoulders = 1.22 + 0.16 * q.x * q.x
    return q.y > shoulders && abs(q.x) < 1.7 ? person.shirt * (0.85 + 0.1 * light * q.x) : nil
  }
}
