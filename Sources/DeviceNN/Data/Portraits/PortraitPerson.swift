// Who is drawn: what is asked about a portrait, and all else that varies.
internal import Foundation

/// A person's looks. What is asked (age, glasses, expression, hair) is drawn independently of each other, so that no answer
/// gives another away.
struct PortraitPerson {
  enum Expression: String, CaseIterable { case sad, neutral, happy }
  enum Hair: String, CaseIterable { case bald, short, long }

  /// In years, 5 … 85.
  let age: Float
  let hasGlasses: Bool
  let expression: Expression
  let hair: Hair

  let skin, hairColour, iris, shirt, frame: Colour
  /// How much of a child's proportions the face has, 0 … 1.
  let childhood: Float
  /// How deep lines are, 0 … 1.
  let lines: Float
  /// How far the hairline is from where it was.
  let recession: Float
  /// How strongly the mouth is bent, upwards at its corners where it is positive.
  let bend: Float
  let isMouthOpen: Bool
  let roundness, place, turn, scale: Float

  init(using generator: inout Philox) {
    age = (5 + 80 * generator.uniform()).rounded()
    hasGlasses = generator.uniform() < 0.4
    expression = Expression.allCases[generator.integer(below: 3)]
    hair = Hair.allCases[generator.integer(below: 3)]
    let tone = generator.uniform()
    skin = mix([0.98, 0.82, 0.72], [0.42, 0.27, 0.19], tone) * (1 + generator.normal() * 0.03)
    let colours: [Colour] = [[0.10, 0.08, 0.07], [0.32, 0.20, 0.11], [0.62, 0.44, 0.20], [0.55, 0.23, 0.10]]
    let grey = smoothstep(32, 78, age + generator.normal() * 5)
    hairColour = mix(colours[generator.integer(below: colours.count)], Colour(repeating: 0.78), grey)
    iris = [[0.25, 0.16, 0.09], [0.24, 0.42, 0.62], [0.33, 0.45, 0.24]][generator.integer(below: 3)]
    shirt = Colour(generator.uniform(0.1, 0.9), generator.uniform(0.1, 0.9), generator.uniform(0.1, 0.9))
    frame = mix([0.08, 0.08, 0.09], [0.55, 0.28, 0.14], generator.uniform())
    childhood = smoothstep(22, 5, age + generator.normal() * 1.5)
    lines = smoothstep(24, 84, age + generator.normal() * 4)
    recession = smoothstep(30, 90, age) * generator.uniform(0.3, 1)
    bend =
      switch expression {
      case .sad: generator.uniform(-1.2, -0.7)
      case .neutral: generator.uniform(-0.15, 0.15)
      case .happy: generator.uniform(0.7, 1.3)
      }
    isMouthOpen = expression == .happy && generator.uniform() < 0.5
    roundness = generator.uniform(-0.05, 0.06)
    place = generator.normal() * 0.03
    turn = generator.normal() * 0.08
    scale = generator.uniform(0.29, 0.35)
  }
}
