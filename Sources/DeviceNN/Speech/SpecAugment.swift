/// Hides bands and times of spectrograms while a model trains (Park et al. 2019, without the warp of time).
public struct SpecAugment: Codable, Sendable, Equatable {
  public var frequencyMasks = 2
  /// Bands that a mask hides at most: Park's F.
  public var frequencyWidth = 5
  public var timeMasks = 2
  /// Frames that a mask hides at most: Park's T,
  public var timeWidth = 20
  /// but no larger part of a clip than this: Park's p.
  public var timeShare: Float = 0.1

  public init() {}

  /// 1 for each frame and each band that is seen, and 0 for those that are hidden; the generator decides.
  public func masks(frames: Int, bands: Int, random: inout Philox) -> (frames: [Float], bands: [Float]) {
    let longest = min(timeWidth, Int(timeShare * Float(frames)))
    return (
      mask(frames, masks: timeMasks, width: longest, &random),
      mask(bands, masks: frequencyMasks, width: min(frequencyWidth, bands), &random)
    )
  }

  private func mask(_ count: Int, masks: Int, width: Int, _ random: inout Philox) -> [Float] {
    var seen = [Float](repeating: 1, count: count)
    for _ in 0..<masks {
      let hidden = random.integer(below: width + 1)
      let start = random.integer(below: count - hidden + 1)
      for i in start..<start + hidden { seen[i] = 0 }
    }
    return seen
  }
}
