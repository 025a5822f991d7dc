extension AudioClip {
  /// Without the quiet at both ends: what comes before the first and after the last fiftieth of a second whose power is
  /// within `decibels` of the loudest one's, but for a margin of three fiftieths. Where all is silent, all is kept.
  public func trimmed(decibels: Float = 40) -> AudioClip {
    let length = sampleRate / 50
    let powers = stride(from: 0, to: samples.count, by: length).map { start in
      let part = samples[start..<min(start + length, samples.count)]
      return part.reduce(0) { $0 + $1 * $1 } / Float(part.count)
    }
    var bound = powers.max() ?? 0
    for _ in 0..<Int(decibels / 10) { bound /= 10 }
    let isLoud = { (power: Float) in power >= bound }
    guard bound > 0, let first = powers.firstIndex(where: isLoud), let last = powers.lastIndex(where: isLoud) else {
      return self
    }
    let kept = max(first - 3, 0) * length..<min((last + 4) * length, samples.count)
    return AudioClip(samples: Array(samples[kept]), sampleRate: sampleRate)
  }
}
