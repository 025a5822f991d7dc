/// A spectrogram as a picture: time from left to right, pitch from below, and each character that was heard where it
/// begins.
public struct SpectrogramPicture {
  private let heard: SpeechRecognition
  private let answers: [String]
  private var features: SpeechFeatures { heard.features }

  /// - Parameter answers: lines that stand below.
  public init(_ heard: SpeechRecognition, answers: [String]) { (self.heard, self.answers) = (heard, answers) }

  /// - Parameter scale: pixels of a frame and of a band.
  public func image(scale: Int = 4) -> Image {
    let (frames, bands, margin) = (features.frames, features.bands, 8)
    let letter = BitmapFont.width * 3
    // The last letter may begin at the last frame.
    let lines = answers.map { $0.count * letter }.max() ?? 0
    let width = max(frames * scale, lines) + letter + 2 * margin
    let (top, line) = (margin, BitmapFont.height * 3 + margin)
    let height = top + bands * scale + 2 * margin + line * (1 + answers.count)
    var image = Image(width: width, height: height, red: 12, green: 12, blue: 20)
    // From the quietest tenth to the loudest place.
    let sorted = features.values.sorted()
    let (low, high) = (sorted[sorted.count / 10], sorted.last!)
    for y in 0..<bands * scale {
      for x in 0..<frames * scale {
        let value = features.values[x / scale * bands + bands - 1 - y / scale]
        image[margin + x, top + y] = Self.colour((value - low) / max(high - low, 1e-6))
      }
    }
    var free = 0
    for one in heard.characters {
      let x = max(margin + 2 * one.step * scale, free)
      BitmapFont.draw(
        one.character, at: (x, top + bands * scale + margin), scale: 3, colour: (255, 255, 255), in: &image)
      free = x + letter
    }
    for (row, answer) in answers.enumerated() {
      for (i, character) in answer.enumerated() {
        BitmapFont.draw(
          character, at: (margin + i * letter, top + bands * scale + margin + line * (row + 1)), scale: 3,
          colour: (250, 190, 90), in: &image)
      }
    }
    return image
  }

  /// From black over purple and orange to pale yellow.
  private static func colour(_ value: Float) -> (red: UInt8, green: UInt8, blue: UInt8) {
    let stops: [SIMD3<Float>] = [[2, 2, 14], [74, 18, 104], [186, 54, 84], [250, 142, 36], [252, 250, 182]]
    let place = min(max(value, 0), 0.9999) * Float(stops.count - 1)
    let mixed = stops[Int(place)] + (stops[Int(place) + 1] - stops[Int(place)]) * (place - Float(Int(place)))
    return (UInt8(mixed.x), UInt8(mixed.y), UInt8(mixed.z))
  }
}
