internal import Foundation

extension AudioClip {
  /// The same sound at another rate, without what the lower of both rates can't hold: a sinc of six zero crossings under a
  /// Hann window (Smith 2002, "Digital Audio Resampling"), as torchaudio's `resample`.
  public func resampled(to rate: Int) -> AudioClip {
    precondition(rate > 0, "a clip can't be resampled to \(rate) samples a second")
    guard rate != sampleRate else { return self }
    return AudioClip(samples: ResamplingFilter(from: sampleRate, to: rate)(samples), sampleRate: rate)
  }

  /// Played faster, which makes voices higher too (Ko et al. 2015), or slower: to 1 / `speed` of the time.
  public func played(atSpeed speed: Float) -> AudioClip {
    precondition(speed > 0, "a clip can't be played at a speed of \(speed)")
    let faster = AudioClip(samples: samples, sampleRate: Int((Float(sampleRate) * speed).rounded()))
    return AudioClip(samples: faster.resampled(to: sampleRate).samples, sampleRate: sampleRate)
  }
}

/// The weights of each of the places that new samples have between old ones.
private struct ResamplingFilter {
  private let old, new: Int
  /// For each place: the first old sample that counts, from the last before it on, and the weights.
  private let phases: [(first: Int, weights: [Float])]

  init(from oldRate: Int, to newRate: Int) {
    var (divisor, rest) = (oldRate, newRate)
    while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
    let (old, new) = (oldRate / divisor, newRate / divisor)
    (self.old, self.new) = (old, new)
    let (crossings, rollOff) = (6.0, 0.99)
    // The band that is kept, as a part of the old one.
    let band = Double(min(old, new)) * rollOff / Double(old)
    phases = (0..<new).map { phase in
      let centre = Double(phase) * Double(old) / Double(new)
      let reach = crossings / band
      let places = Int((centre - reach).rounded(.up))...Int((centre + reach).rounded(.down))
      return (
        places.lowerBound,
        places.map { place in
          let t = (Double(place) - centre) * band
          let window = pow(cos(t * .pi / crossings / 2), 2)
          return Float(band * window * (t == 0 ? 1 : sin(.pi * t) / (.pi * t)))
        }
      )
    }
  }

  func callAsFunction(_ samples: [Float]) -> [Float] {
    let count = (samples.count * new + old - 1) / old
    return samples.withUnsafeBufferPointer { samples in
      [Float](unsafeUninitializedCapacity: count) { result, resultCount in
        for i in 0..<count {
          let (first, weights) = phases[i % new]
          let start = i / new * old + first
          let inside = max(-start, 0)..<max(min(weights.count, samples.count - start), max(-start, 0))
          var sum: Float = 0
          weights.withUnsafeBufferPointer { weights in
            for j in inside { sum += weights[j] * samples[start + j] }
          }
          result[i] = sum
        }
        resultCount = count
      }
    }
  }
}
