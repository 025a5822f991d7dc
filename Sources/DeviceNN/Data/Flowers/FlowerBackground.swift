// What lies behind the flowers: meadow, soil, sky, leaves out of focus.
internal import Foundation

enum FlowerBackground: Int, CaseIterable {
  case grass, soil, sky, leaves

  func canvas(size: Int, using generator: inout Philox) -> Canvas {
    let noise = Noise(seed: UInt32(truncatingIfNeeded: generator.next()))
    let shift = SIMD2(generator.uniform(0, 50), generator.uniform(0, 50))
    var canvas: Canvas
    switch self {
    case .grass:
      let (dark, light) = (green(0.16, 0.28, &generator), green(0.42, 0.6, &generator))
      let blades = (0..<70).map { _ in
        Blade(
          root: SIMD2(generator.uniform(-0.1, 1.1), generator.uniform(0.2, 1.3)),
          angle: -.pi / 2 + generator.normal() * 0.45,
          length: generator.uniform(0.25, 0.7), width: generator.uniform(0.008, 0.02),
          colour: green(0.3, 0.75, &generator), using: &generator)
      }
      canvas = Canvas(size: size) { p in
        blades.lazy.compactMap { $0.paint(p) }.first
          ?? mix(dark, light, 0.4 + 0.3 * (p.y - 0.5) + 0.8 * noise.clouds(p * 7 + shift))
      }
    case .soil:
      let warmth = generator.uniform(-0.05, 0.06)
      let (dark, light): (Colour, Colour) = ([0.20 + warmth, 0.14, 0.10], [0.55 + warmth, 0.42, 0.30 - warmth])
      canvas = Canvas(size: size) { p in
        let grain = noise.clouds(p * 9 + shift, octaves: 5)
        let pebbles = smoothstep(0.45, 0.6, noise(p * 13 + shift * 2))
        return mix(mix(dark, light, 0.5 + 0.9 * grain), [0.6, 0.57, 0.52], 0.7 * pebbles)
      }
    case .sky:
      let top = mix([0.25, 0.5, 0.88], [0.55, 0.66, 0.8], generator.uniform())
      let bottom = mix([0.78, 0.88, 0.97], [0.97, 0.86, 0.74], generator.uniform())
      let horizon = generator.uniform(0.75, 1.3)
      let hills = green(0.3, 0.5, &generator)
      canvas = Canvas(size: size) { p in
        let clouds = smoothstep(-0.05, 0.45, noise.clouds(p * SIMD2(2.5, 4.5) + shift))
        let sky = mix(mix(top, bottom, p.y), [0.97, 0.97, 0.98], 0.8 * clouds)
        let edge = horizon + 0.06 * noise(SIMD2(p.x * 4, 3) + shift)
        return mix(sky, hills * (0.9 + 0.3 * noise.clouds(p * 12)), smoothstep(edge - 0.01, edge + 0.01, p.y))
      }
    case .leaves:
      // Discs of light, as a lens makes of what it does not focus on.
      let ground = green(0.12, 0.3, &generator)
      let discs = (0..<26).map { _ in
        (
          centre: SIMD2(generator.uniform(), generator.uniform()), radius: generator.uniform(0.03, 0.13),
          colour: generator.uniform() < 0.12 ? Colour(0.8, 0.75, 0.6) : green(0.3, 0.7, &generator),
          strength: generator.uniform(0.25, 0.8)
        )
      }
      canvas = Canvas(size: size) { p in
        var colour = ground * (1 + 0.6 * noise.clouds(p * 4 + shift))
        for disc in discs {
          let offset = p - disc.centre
          let distance = dot(offset, offset).squareRoot()
          colour = mix(colour, disc.colour, disc.strength * smoothstep(disc.radius, disc.radius * 0.8, distance))
        }
        return colour
      }
    }
    return canvas
  }
}

/// A green between dark and light, from bluish to yellowish.
func green(_ low: Float, _ high: Float, _ generator: inout Philox) -> Colour {
  let brightness = generator.uniform(low, high)
  return Colour(generator.uniform(0.45, 0.85), 1, generator.uniform(0.22, 0.5)) * brightness
}
