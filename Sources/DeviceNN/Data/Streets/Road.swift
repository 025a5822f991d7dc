internal import Foundation

/// A road from the lower border to a point on the horizon, perhaps in a bend, and the ground around it in perspective.
struct Road {
  let horizon: Float
  private let vanishing, foot, bend, width: Float
  private let dash, dashPhase: Float
  private let hasEdges: Bool

  init(using generator: inout Philox) {
    horizon = generator.uniform(0.34, 0.5)
    vanishing = generator.uniform(0.3, 0.7)
    foot = generator.uniform(0.35, 0.65)
    bend = generator.uniform(-0.25, 0.25)
    width = generator.uniform(0.26, 0.46)
    dash = generator.uniform(1.2, 2.5)
    dashPhase = generator.uniform()
    hasEdges = generator.uniform() < 0.7
  }

  /// How large things are at this height of the picture: 0 at the horizon, 1 at the lower border.
  func scale(at y: Float) -> Float { max(0, (y - horizon) / (1 - horizon)) }

  func centre(at y: Float) -> Float {
    let t = scale(at: y)
    return vanishing + (foot - vanishing) * t + bend * t * (1 - t)
  }

  /// From the middle to the edge.
  func halfWidth(at y: Float) -> Float { 0.012 + width * scale(at: y) }

  func covers(_ p: SIMD2<Float>) -> Bool { p.y > horizon && abs(p.x - centre(at: p.y)) < halfWidth(at: p.y) }

  /// Whether there is white paint: dashes in the middle, lines at the edges.
  func isMarked(_ p: SIMD2<Float>) -> Bool {
    let t = scale(at: p.y)
    guard t > 0.02 else { return false }
    let offset = (p.x - centre(at: p.y)) / halfWidth(at: p.y)
    // Distance along the road grows as the inverse of the scale.
    let along = dash / t + dashPhase
    let isDash = along - along.rounded(.down) < 0.5
    return abs(offset) < 0.03 && isDash || hasEdges && abs(abs(offset) - 0.93) < 0.025
  }
}

/// Sky, houses, trees, pavement and the road itself.
struct StreetBackground {
  private struct House {
    var left, right, top: Float
    var wall, window: Colour
    var windowSize: Float
  }

  private let road: Road
  private let noise: Noise
  private let sky, haze, ground, asphalt: Colour
  private let houses: [House]
  private let trees: [(centre: SIMD2<Float>, radius: Float, colour: Colour)]

  init(_ road: Road, using generator: inout Philox) {
    self.road = road
    noise = Noise(seed: UInt32(truncatingIfNeeded: generator.next()))
    sky = mix([0.30, 0.52, 0.88], [0.62, 0.64, 0.68], generator.uniform())
    haze = mix([0.80, 0.88, 0.95], [0.92, 0.80, 0.66], generator.uniform())
    let grey = generator.uniform(0.4, 0.62)
    ground = generator.uniform() < 0.5 ? Colour(grey, grey * 0.97, grey * 0.92) : green(0.3, 0.5, &generator)
    let tar = generator.uniform(0.2, 0.38)
    asphalt = Colour(tar, tar, tar * generator.uniform(1, 1.12))
    var houses: [House] = []
    var left = generator.uniform(-0.2, 0)
    while left < 1 {
      let right = left + generator.uniform(0.1, 0.3)
      if generator.uniform() < 0.75 {
        let wall = mix([0.75, 0.68, 0.58], [0.5, 0.32, 0.27], generator.uniform()) * generator.uniform(0.6, 1.1)
        houses.append(
          House(
            left: left, right: right, top: road.horizon - generator.uniform(0.08, 0.34), wall: wall,
            window: mix([0.2, 0.25, 0.32], [0.85, 0.8, 0.55], generator.uniform() < 0.8 ? 0 : 1),
            windowSize: generator.uniform(0.025, 0.05)))
      }
      left = right
    }
    self.houses = houses
    trees = (0..<generator.integer(below: 5)).map { _ in
      let radius = generator.uniform(0.04, 0.12)
      return (
        SIMD2(generator.uniform(0, 1), road.horizon - radius * generator.uniform(0.4, 1)), radius, green(0.2, 0.5, &generator)
      )
    }
  }

  func canvas(size: Int) -> Canvas { Canvas(size: size) { p in colour(p) } }

  private func colour(_ p: SIMD2<Float>) -> Colour {
    guard p.y > road.horizon else { return distance(p) }
    let depth = max(road.scale(at: p.y), 0.03)
    let place = SIMD2((p.x - 0.5) / depth, 1 / depth)
    let grain = noise.clouds(place * 3, octaves: 3)
    if road.covers(p) {
      return road.isMarked(p) ? Colour(0.88, 0.88, 0.84) * (1 + 0.15 * grain) : asphalt * (1 + 0.35 * grain)
    }
    return ground * (1 + 0.3 * grain)
  }

  /// What is above the horizon.
  private func distance(_ p: SIMD2<Float>) -> Colour {
    for tree in trees {
      let d = p - tree.centre
      let edge = tree.radius * (1 + 0.25 * noise(p * 30))
      if dot(d, d) < edge * edge { return tree.colour * (1 + 0.5 * noise(p * 45)) }
    }
    if let house = houses.first(where: { ($0.left..<$0.right).contains(p.x) && p.y > $0.top }) {
      let cell = (p - SIMD2(house.left, house.top)) / house.windowSize
      let within = cell - cell.rounded(.down)
      let isWindow = within.x > 0.3 && within.x < 0.75 && within.y > 0.25 && within.y < 0.8
      return isWindow ? house.window : house.wall * (1 + 0.1 * noise(p * 60))
    }
    let clouds = smoothstep(-0.05, 0.5, noise.clouds(p * SIMD2(3, 6)))
    return mix(mix(sky, haze, p.y / road.horizon), [0.95, 0.95, 0.96], 0.6 * clouds)
  }
}
