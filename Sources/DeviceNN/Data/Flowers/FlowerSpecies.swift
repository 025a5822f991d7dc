// What tells the species of the synthetic flowers apart: form, never colour.

/// How a petal's half-width runs from its base (t = 0) to its tip (t = 1).
enum PetalShape: Sendable {
  case round, pointed, thin, notched, toothed
}

enum FlowerCentre: Sendable {
  /// A disc of many small florets.
  case dome
  /// A small star around a hole.
  case eye
  /// A dark ground with a ring of stamens.
  case stamens
  /// Long stamens that reach over the petals.
  case longStamens
  /// Dark patches with whiskers on the lower petals, as a face.
  case face
  /// Petals to the middle.
  case closed
}

struct FlowerSpecies: Sendable {
  /// A ring of petals; the first row lies on top.
  struct Row: Sendable {
    var count: ClosedRange<Int>
    /// Of the flower's radius.
    var length: Float
    /// The half-width at the widest place, of the flower's radius.
    var width: Float
  }

  enum Form: Sendable {
    /// Seen from above or at a slant.
    case rings([Row])
    /// Two petals up, two aside, one down.
    case pansy
    /// Seen from the side, on its stem.
    case cup
  }

  var name: String
  var form: Form
  var shape: PetalShape
  var centre: FlowerCentre
  var colours: [FlowerColour]

  /// Species share most of their colours, so that colour alone tells little.
  static let all: [FlowerSpecies] = [
    FlowerSpecies(
      name: "daisy",
      form: .rings([Row(count: 13...19, length: 1, width: 0.13), Row(count: 13...19, length: 0.97, width: 0.12)]),
      shape: .thin, centre: .dome, colours: [.white, .pink, .yellow, .violet, .cream]),
    FlowerSpecies(
      name: "tulip", form: .cup, shape: .pointed, centre: .closed,
      colours: [.red, .yellow, .pink, .white, .violet, .orange]),
    FlowerSpecies(
      name: "pansy", form: .pansy, shape: .round, centre: .face,
      colours: [.violet, .yellow, .white, .blue, .orange, .magenta]),
    FlowerSpecies(
      name: "primrose", form: .rings([Row(count: 5...5, length: 1, width: 0.50)]), shape: .notched, centre: .eye,
      colours: [.cream, .yellow, .pink, .magenta, .blue, .white]),
    FlowerSpecies(
      name: "dahlia",
      form: .rings([
        Row(count: 6...8, length: 0.34, width: 0.13), Row(count: 9...11, length: 0.58, width: 0.15),
        Row(count: 12...14, length: 0.80, width: 0.16), Row(count: 14...16, length: 1, width: 0.17),
      ]), shape: .pointed, centre: .closed, colours: [.red, .orange, .pink, .violet, .white, .magenta]),
    FlowerSpecies(
      name: "lily",
      form: .rings([Row(count: 3...3, length: 1, width: 0.27), Row(count: 3...3, length: 0.98, width: 0.20)]),
      shape: .pointed, centre: .longStamens, colours: [.white, .orange, .pink, .yellow, .cream, .red]),
    FlowerSpecies(
      name: "poppy", form: .rings([Row(count: 4...4, length: 1, width: 0.68)]), shape: .round, centre: .stamens,
      colours: [.red, .orange, .yellow, .white, .pink]),
    FlowerSpecies(
      name: "cosmos", form: .rings([Row(count: 8...8, length: 1, width: 0.36)]), shape: .toothed, centre: .dome,
      colours: [.pink, .magenta, .white, .orange, .red]),
  ]
}

typealias Colour = SIMD3<Float>

enum FlowerColour: Sendable {
  case white, cream, yellow, orange, red, pink, magenta, violet, blue

  var petal: Colour {
    switch self {
    case .white: [0.97, 0.96, 0.93]
    case .cream: [0.98, 0.92, 0.70]
    case .yellow: [0.99, 0.83, 0.14]
    case .orange: [0.97, 0.55, 0.13]
    case .red: [0.86, 0.12, 0.15]
    case .pink: [0.96, 0.57, 0.72]
    case .magenta: [0.82, 0.16, 0.52]
    case .violet: [0.52, 0.27, 0.75]
    case .blue: [0.33, 0.39, 0.87]
    }
  }

  /// Towards the middle of the flower.
  var throat: Colour {
    switch self {
    case .white, .cream: [0.86, 0.90, 0.55]
    case .yellow: [0.96, 0.60, 0.08]
    case .orange: [0.85, 0.25, 0.08]
    case .red: [0.50, 0.03, 0.10]
    case .pink: [0.88, 0.25, 0.48]
    case .magenta: [0.55, 0.05, 0.36]
    case .violet: [0.28, 0.10, 0.48]
    case .blue: [0.85, 0.86, 0.98]
    }
  }
}
