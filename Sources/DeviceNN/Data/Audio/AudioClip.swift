// Sound in memory.

/// A piece of sound: one channel, whose loudest samples are about 1 or -1.
public struct AudioClip: Sendable, Equatable {
  /// Samples a second.
  public let sampleRate: Int
  public let samples: [Float]

  public init(samples: [Float], sampleRate: Int) {
    precondition(sampleRate > 0, "a clip needs a positive sample rate, not \(sampleRate)")
    (self.samples, self.sampleRate) = (samples, sampleRate)
  }

  /// Seconds.
  public var duration: Double { Double(samples.count) / Double(sampleRate) }
}
