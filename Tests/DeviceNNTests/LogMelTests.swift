import Foundation
import Testing

@testable import DeviceNN

@Suite struct LogMelTests {
  /// By its definition, in Double, with neither a fast transform nor a matrix: librosa's `melspectrogram`.
  private static func definition(_ samples: [Float], _ settings: LogMelSettings) -> [Double] {
    let (size, bands) = (settings.size, settings.bands)
    func mel(_ f: Double) -> Double { f < 1000 ? 3 * f / 200 : 15 + log(f / 1000) / (log(6.4) / 27) }
    func hertz(_ m: Double) -> Double { m < 15 ? 200 * m / 3 : 1000 * exp((m - 15) * log(6.4) / 27) }
    let top = mel(Double(settings.sampleRate) / 2)
    return (0...samples.count / settings.hop).flatMap { frame -> [Double] in
      let start = frame * settings.hop - size / 2
      let windowed = (0..<size).map { i -> Double in
        guard samples.indices.contains(start + i) else { return 0 }
        return Double(samples[start + i]) * pow(sin(Double.pi * Double(i) / Double(size)), 2)
      }
      let power = (0...size / 2).map { bin -> Double in
        let turns = (0..<size).map { 2 * Double.pi * Double($0 * bin % size) / Double(size) }
        let re = zip(windowed, turns).reduce(0) { $0 + $1.0 * cos($1.1) }
        let im = zip(windowed, turns).reduce(0) { $0 + $1.0 * sin($1.1) }
        return re * re + im * im
      }
      return (0..<bands).map { band -> Double in
        let (low, middle, high) = (
          hertz(top * Double(band) / Double(bands + 1)), hertz(top * Double(band + 1) / Double(bands + 1)),
          hertz(top * Double(band + 2) / Double(bands + 1))
        )
        let sum = power.enumerated().reduce(0.0) { sum, bin in
          let f = Double(bin.offset * settings.sampleRate) / Double(size)
          let height = f <= low || f >= high ? 0 : f < middle ? (f - low) / (middle - low) : (high - f) / (high - middle)
          return sum + bin.element * height * 2 / (high - low)
        }
        return log(Double(settings.floor) + sum)
      }
    }
  }

  @Test(arguments: TestDevice.all) func isItsDefinition(_ target: TestDevice) throws {
    var settings = LogMelSettings()
    for (count, size, hop, bands) in [(1, 64, 16, 4), (257, 64, 17, 5), (700, 256, 80, 40)] {
      (settings.size, settings.hop, settings.bands) = (size, hop, bands)
      let noise = GoldenNumbers.signed("mel \(count)", count: count)
      // A tone under a little noise: bands of very different power.
      let samples = (0..<count).map { Float(0.5 * sin(0.9 * Double($0))) + 0.01 * noise[$0] }
      let found = LogMelSpectrogram(settings, on: target.device)(AudioClip(samples: samples, sampleRate: 8000))
      #expect(found.shape == [1 + count / hop, bands])
      expectClose(try found.scalars(), Self.definition(samples, settings).map { Float($0) }, absolute: 3e-4, relative: 1e-5)
    }
  }

  /// Numbers that librosa 0.11 computed: `log(1e-6 + melspectrogram(y, sr=8000, n_fft=256, hop_length=80, n_mels=40))` of
  /// y[i] = 0.5 sin(0.9 i) + 0.25 cos(0.2 i), 240 samples; bands 0, 9, 19, 29 and 39 of the four frames.
  @Test func agreesWithLibrosa() throws {
    let samples = (0..<240).map { Float(0.5 * sin(0.9 * Double($0)) + 0.25 * cos(0.2 * Double($0))) }
    let found = try LogMelSpectrogram(on: TestDevice.cpu)(AudioClip(samples: samples, sampleRate: 8000)).scalars()
    let bands = [0, 9, 19, 29, 39]
    expectClose((0..<4).flatMap { frame in bands.map { found[frame * 40 + $0] } }, Self.librosa, absolute: 1e-3, relative: 0)
  }

  private static let librosa: [Float] = [
    -4.06816, -3.29612, 1.81684, -6.68119, -12.03152,
    -7.17191, -5.83172, 2.79791, -9.07754, -13.47226,
    -6.63283, -5.86797, 2.79527, -7.98828, -9.27190,
    -3.94259, -3.51095, 1.78575, -5.66370, -6.95876,
  ]

  @Test func silenceIsTheFloor() throws {
    let settings = LogMelSettings()
    let found = LogMelSpectrogram(settings, on: TestDevice.cpu)(AudioClip(samples: [Float](repeating: 0, count: 400), sampleRate: 8000))
    #expect(try found.scalars().allSatisfy { abs($0 - log(settings.floor)) < 1e-5 })
  }
}
