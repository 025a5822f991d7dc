// What was seen, drawn over the picture.

extension Image {
  /// The picture with coloured regions, boxes and their names; small ones are enlarged first, so that letters can be read.
  public func showing(_ answer: SceneAnswer, of tasks: SceneTasks) -> Image {
    let zoom = max(1, (640 + width - 1) / width)
    var image = zoom == 1 ? self : resized(width: width * zoom, height: height * zoom)
    if !answer.regions.isEmpty { image.tint(answer, zoom: zoom) }
    for detection in answer.detections.reversed() {
      let colour = Self.palette[detection.label % Self.palette.count]
      let box = detection.box
      let (left, top) = (Int(box.left * Float(zoom)), Int(box.top * Float(zoom)))
      let (right, bottom) = (Int(box.right * Float(zoom)), Int(box.bottom * Float(zoom)))
      for thickness in 0..<2 {
        image.fill(left, top + thickness, right, top + thickness + 1, colour)
        image.fill(left, bottom - thickness - 1, right, bottom - thickness, colour)
        image.fill(left + thickness, top, left + thickness + 1, bottom, colour)
        image.fill(right - thickness - 1, top, right - thickness, bottom, colour)
      }
      let text = "\(tasks.name(of: detection)) \(Int((detection.score * 100).rounded()))"
      image.write(text, x: left, y: max(0, top - PixelFont.height - 2), on: colour)
    }
    for (i, (question, chosen)) in zip(tasks.questions, answer.answers).enumerated() {
      image.write("\(question.name): \(question.answers[chosen])", x: 0, y: i * (PixelFont.height + 2), on: Self.palette[i])
    }
    return image
  }

  private typealias Colour3 = (red: UInt8, green: UInt8, blue: UInt8)

  private static let palette: [Colour3] = [
    (255, 176, 0), (0, 200, 255), (255, 80, 160), (120, 220, 80), (180, 130, 255), (255, 255, 90),
  ]

  /// Colours every region but the first, which is the background.
  private mutating func tint(_ answer: SceneAnswer, zoom: Int) {
    let side = Int(Double(answer.regions.count).squareRoot().rounded())
    for y in 0..<height {
      for x in 0..<width {
        let place = answer.places((SIMD2(Float(x), Float(y)) + 0.5) / Float(zoom)) / Float(SceneModel.stride)
        let (u, v) = (Int(place.x), Int(place.y))
        guard (0..<side).contains(u), (0..<side).contains(v), case let region = answer.regions[v * side + u], region > 0 else { continue }
        let (old, new) = (self[x, y], Self.palette[(region + 2) % Self.palette.count])
        func mixed(_ a: UInt8, _ b: UInt8) -> UInt8 { UInt8((Int(a) * 5 + Int(b) * 3) / 8) }
        self[x, y] = (mixed(old.red, new.red), mixed(old.green, new.green), mixed(old.blue, new.blue))
      }
    }
  }

  private mutating func fill(_ left: Int, _ top: Int, _ right: Int, _ bottom: Int, _ colour: Colour3) {
    for y in max(top, 0)..<max(min(bottom, height), max(top, 0)) {
      for x in max(left, 0)..<max(min(right, width), max(left, 0)) { self[x, y] = colour }
    }
  }

  private mutating func write(_ text: String, x: Int, y: Int, on colour: Colour3) {
    let start = min(x, max(0, width - text.count * PixelFont.width))
    fill(start, y, start + text.count * PixelFont.width + 2, y + PixelFont.height + 2, colour)
    for (i, character) in text.enumerated() {
      for (dx, dy) in PixelFont.dots(of: character) {
        let (left, top) = (start + 2 + i * PixelFont.width + dx, y + 2 + dy)
        fill(left, top, left + PixelFont.dot, top + PixelFont.dot, (0, 0, 0))
      }
    }
  }
}

/// Letters of 3 x 5 dots, each `dot` pixels a side.
enum PixelFont {
  static let dot = 2
  /// From one letter to the next, and the height of a line.
  static let width = 4 * dot
  static let height = 6 * dot

  /// Rows from the top, three bits each.
  private static let letters: [Character: UInt16] = [
    "A": 0b010_101_111_101_101, "B": 0b110_101_110_101_110, "C": 0b011_100_100_100_011, "D": 0b110_101_101_101_110,
    "E": 0b111_100_110_100_111, "F": 0b111_100_110_100_100, "G": 0b011_100_101_101_011, "H": 0b101_101_111_101_101,
    "I": 0b111_010_010_010_111, "J": 0b001_001_001_101_010, "K": 0b101_101_110_101_101, "L": 0b100_100_100_100_111,
    "M": 0b101_111_111_101_101, "N": 0b110_101_101_101_101, "O": 0b010_101_101_101_010, "P": 0b110_101_110_100_100,
    "Q": 0b010_101_101_110_011, "R": 0b110_101_110_101_101, "S": 0b011_100_010_001_110, "T": 0b111_010_010_010_010,
    "U": 0b101_101_101_101_111, "V": 0b101_101_101_101_010, "W": 0b101_101_111_111_101, "X": 0b101_101_010_101_101,
    "Y": 0b101_101_010_010_010, "Z": 0b111_001_010_100_111, "0": 0b111_101_101_101_111, "1": 0b010_110_010_010_111,
    "2": 0b110_001_010_100_111, "3": 0b110_001_010_001_110, "4": 0b101_101_111_001_001, "5": 0b111_100_110_001_110,
    "6": 0b011_100_111_101_111, "7": 0b111_001_010_010_010, "8": 0b111_101_111_101_111, "9": 0b111_101_111_001_110,
    ":": 0b000_010_000_010_000, ".": 0b000_000_000_000_010, "-": 0b000_000_111_000_000, "/": 0b001_001_010_100_100,
    "%": 0b101_001_010_100_101,
  ]

  /// The top left corners of a letter's dots; none for a blank, and for what this font lacks.
  static func dots(of character: Character) -> [(x: Int, y: Int)] {
    guard let bits = letters[Character(character.uppercased())] else { return [] }
    return (0..<15).filter { bits >> (14 - $0) & 1 == 1 }.map { ($0 % 3 * dot, $0 / 3 * dot) }
  }
}
