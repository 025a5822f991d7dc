public import Kernels

/// The spectrogram of a clip, in memory.
public struct SpeechFeatures: Sendable, Equatable {
  public let bands: Int
  /// (frames,bands)
  public let values: [Float]

  public var frames: Int { values.count / bands }

  init(bands: Int, values: [Float]) { (self.bands, self.values) = (bands, values) }

  /// - Parameter clip: at any rate; the quiet at its ends is left out.
  public init(_ clip: AudioClip, _ spectrogram: LogMelSpectrogram) throws(DeviceError) {
    bands = spectrogram.settings.bands
    values = try spectrogram(clip.trimmed()).scalars()
  }
}

/// Clips side by side, as long as the longest of them.
struct SpeechBatch {
  /// Each clip's number in its data.
  let items: [Int]
  let features: [SpeechFeatures]
  /// What is hidden in each clip; empty where nothing is.
  var masks: [(frames: [Float], bands: [Float])] = []

  var length: Int { features.map(\.frames).max()! }
  var frames: [Int] { features.map(\.frames) }

  /// What the model says.
  func answer(of model: SpeechModel, on device: Device) -> SpeechModel.Answer {
    let (bands, length) = (features[0].bands, length)
    var x = [Float](repeating: 0, count: features.count * length * bands)
    for (n, clip) in features.enumerated() {
      x.replaceSubrange(n * length * bands..<(n * length + clip.frames) * bands, with: clip.values)
    }
    let input = Tensor(x, shape: [features.count, length, bands], on: device)
    guard !masks.isEmpty else { return model(input, frames: frames) }
    let seen = masks.flatMap { $0.frames + [Float](repeating: 0, count: length - $0.frames.count) }
    return model(
      input, frames: frames, seenFrames: seen,
      seenBands: Tensor(masks.flatMap(\.bands), shape: [features.count, bands], on: device))
  }
}
