internal import Foundation
public import Kernels

/// How sound becomes frames of loudness by pitch.
public struct LogMelSettings: Codable, Sendable, Equatable {
  public var sampleRate = 8000
  /// Samples of a frame: a power of two.
  public var size = 256
  /// Samples from one frame to the next.
  public var hop = 80
  public var bands = 40
  /// What is added to a band's power before the logarithm.
  public var floor: Float = 1e-6

  public init() {}

  /// Whether a program can trust it: files may be damaged, or edited by hand.
  var isPossible: Bool {
    AudioClip.sampleRates.contains(sampleRate) && (2...FourierPlan.maximumSize).contains(size) && size & (size - 1) == 0
      && (1...size).contains(hop) && (1...size / 2).contains(bands) && floor > 0
  }
}

/// Logarithms of the power in bands of equal width to the ear, on a device: librosa's `melspectrogram` with its defaults (a
/// Hann window, frames around each hop, zeros beyond both ends, Slaney's mel scale and areas), then log(floor + power).
public final class LogMelSpectrogram {
  public let settings: LogMelSettings
  private let device: Device
  private let plan: FourierPlan
  /// (bins,bands)
  private let filters: Tensor

  public init(_ settings: LogMelSettings = LogMelSettings(), on device: Device) {
    self.settings = settings
    self.device = device
    let window = (0..<settings.size).map { Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(settings.size))) }
    plan = FourierPlan(window: window, on: device)
    filters = Tensor(Self.filters(settings), shape: [settings.size / 2 + 1, settings.bands], on: device)
  }

  /// Frames of a number of samples.
  public func frames(of sampleCount: Int) -> Int { 1 + sampleCount / settings.hop }

  /// (frames,bands) of a clip, at whichever rate.
  public func callAsFunction(_ clip: AudioClip) -> Tensor {
    let samples = clip.resampled(to: settings.sampleRate).samples
    precondition(!samples.isEmpty, "a clip without samples has no spectrogram")
    let frames = frames(of: samples.count)
    let spectrum = device.fourierTransform(
      device.makeBuffer(samples), length: samples.count, frames: frames, hop: settings.hop, first: -settings.size / 2, plan)
    let power = Tensor(shape: [frames, 2, plan.bins], buffer: spectrum).square().sum(axes: [1])
    return (power.linear(filters) + settings.floor).log()
  }

  /// Triangles that overlap by half, of one area: (bins,bands).
  private static func filters(_ settings: LogMelSettings) -> [Float] {
    let highest = mel(Double(settings.sampleRate) / 2)
    let corners = (0...settings.bands + 1).map { hertz(highest * Double($0) / Double(settings.bands + 1)) }
    return (0...settings.size / 2).flatMap { bin in
      let frequency = Double(bin * settings.sampleRate) / Double(settings.size)
      return (0..<settings.bands).map { band in
        let (low, middle, high) = (corners[band], corners[band + 1], corners[band + 2])
        let height = min((frequency - low) / (middle - low), (high - frequency) / (high - middle))
        return Float(max(height, 0) * 2 / (high - low))
      }
    }
  }

  // Slaney's scale (Auditory Toolbox, 1998): straight to 1000 Hz, where it is 15, then 27 steps for a factor of 6.4.
  private static func mel(_ hertz: Double) -> Double {
    hertz < 1000 ? hertz * 3 / 200 : 15 + 27 * log(hertz / 1000) / log(6.4)
  }

  private static func hertz(_ mel: Double) -> Double { mel < 15 ? mel * 200 / 3 : 1000 * pow(6.4, (mel - 15) / 27) }
}
