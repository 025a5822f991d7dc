import Foundation
import Testing

@testable import DeviceNN

@Suite struct AudioClipTests {
  /// A WAV file, right unless told otherwise.
  static func wav(
    codec: UInt16 = 1, channels: UInt16 = 1, rate: UInt32 = 8000, bits: UInt16 = 16, frame: UInt16? = nil, sound: [UInt8],
    claimed: UInt32? = nil, before: [UInt8] = [], isExtensible: Bool = false
  ) -> Data {
    func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    let frame = frame ?? channels * bits / 8
    var format = bytes(isExtensible ? 0xFFFE : codec) + bytes(channels) + bytes(rate) + bytes(rate * UInt32(frame)) + bytes(frame)
    format += bytes(bits)
    if isExtensible { format += bytes(UInt16(22)) + bytes(bits) + bytes(UInt32(0)) + bytes(codec) + [UInt8](repeating: 0, count: 14) }
    let body = Array("WAVE".utf8) + before + Array("fmt ".utf8) + bytes(UInt32(format.count)) + format
      + Array("data".utf8) + bytes(claimed ?? UInt32(sound.count)) + sound
    return Data(Array("RIFF".utf8) + bytes(UInt32(body.count)) + body)
  }

  private func samples(_ file: Data) throws -> [Float] { try AudioClip(decoding: file, name: "a.wav").samples }

  private func bits(_ value: Float) -> [UInt8] { withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }

  @Test func allKindsOfSamplesAreRead() throws {
    #expect(try samples(Self.wav(bits: 8, sound: [0, 128, 255])) == [-1, 0, 127 / 128])
    #expect(try samples(Self.wav(sound: [0, 0x80, 0, 0, 0xFF, 0x7F])) == [-1, 0, 32767 / 32768])
    #expect(try samples(Self.wav(bits: 24, sound: [0, 0, 0x80, 0, 0, 0x40, 0xFF, 0xFF, 0xFF])) == [-1, 0.5, -0x1p-23])
    #expect(try samples(Self.wav(bits: 32, sound: [0, 0, 0, 0x80, 0, 0, 0, 0x20])) == [-1, 0.25])
    #expect(try samples(Self.wav(codec: 3, bits: 32, sound: bits(0.3) + bits(-1.5))) == [0.3, -1.5])
    let double = withUnsafeBytes(of: (0.1).bitPattern.littleEndian) { Array($0) }
    #expect(try samples(Self.wav(codec: 3, bits: 64, sound: double)) == [0.1])
    #expect(try samples(Self.wav(codec: 3, bits: 32, sound: bits(0.5), isExtensible: true)) == [0.5])
    #expect(try AudioClip(decoding: Self.wav(rate: 48000, sound: [0, 0]), name: "").sampleRate == 48000)
  }

  @Test func channelsBecomeTheirMean() throws {
    #expect(try samples(Self.wav(channels: 2, sound: [0, 0x40, 0, 0x20, 0, 0x80, 0, 0])) == [0.375, -0.5])
    #expect(try samples(Self.wav(codec: 3, channels: 3, bits: 32, sound: bits(1) + bits(2) + bits(-6))) == [-1])
  }

  @Test func otherPartsAreSkippedAndTheLastSampleMayBeCut() throws {
    // A part of odd length is followed by a byte that belongs to nothing.
    let list = Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3, 0]
    #expect(try samples(Self.wav(sound: [0, 0x40], before: list)) == [0.5])
    #expect(try samples(Self.wav(sound: [0, 0x40, 7])) == [0.5])
  }

  /// A program that writes to a pipe claims what it does not know.
  @Test(arguments: [UInt32.max, 0x7FFF_F000]) func lengthsFromPipesAreWhatIsThere(_ claimed: UInt32) throws {
    #expect(try samples(Self.wav(sound: [0, 0x40, 0, 0x40], claimed: claimed)) == [0.5, 0.5])
  }

  @Test func damagedFilesAreRefused() {
    func refusal(_ file: Data) -> String {
      do {
        _ = try AudioClip(decoding: file, name: "a.wav")
        return "none"
      } catch { return "\(error)" }
    }
    let sound: [UInt8] = [1, 2, 3, 4]
    let cases: [(Data, String)] = [
      (Data(), "a.wav is an empty file"), (Data("RIFFxxxxAVI and more".utf8), "no RIFF file of WAVE"),
      (Self.wav(sound: sound, claimed: 6), "claims 6 bytes of sound, but 4 follow: truncated?"),
      (Self.wav(sound: []), "holds no sound"), (Self.wav(sound: [1]), "holds no sound"),
      (Self.wav(channels: 0, frame: 0, sound: sound), "0 bytes for 0 channels"),
      (Self.wav(frame: 3, sound: sound), "claims 3 bytes for 1 channels of 16 bits"),
      (Self.wav(bits: 12, sound: sound), "codec 1 with 12 bits"), (Self.wav(codec: 85, sound: sound), "codec 85"),
      (Self.wav(rate: 4000, sound: sound), "4000 samples a second"), (Self.wav(rate: 0, sound: sound), "0 samples a second"),
      (Self.wav(codec: 3, bits: 32, sound: bits(1) + bits(.nan)), "sample 1 is not a number"),
      (Self.wav(codec: 3, bits: 32, sound: bits(-.infinity)), "sample 0 is infinite"),
      (Self.wav(codec: 3, bits: 32, sound: bits(-1e30)), "sample 0 is -1e+30, too large"),
      (Self.wav(sound: sound).prefix(30), "claims 16 bytes, but 10 follow"),
      (Self.wav(sound: sound).prefix(36), "no part with sound"),
    ]
    for (file, words) in cases { #expect(refusal(file).contains(words), "\(refusal(file)), not \(words)") }
  }

  /// Whatever is cut off or changed, there is an answer.
  @Test func noBytesCrash() {
    let file = Self.wav(channels: 2, sound: Array(repeating: 77, count: 64), before: Array("LIST".utf8) + [2, 0, 0, 0, 1, 2])
    for length in 0..<file.count { _ = try? AudioClip(decoding: file.prefix(length), name: "") }
    var random = Philox(seed: 1)
    for _ in 0..<2000 {
      var damaged = file
      for _ in 0..<3 { damaged[random.integer(below: 60)] = UInt8(random.integer(below: 256)) }
      _ = try? AudioClip(decoding: damaged, name: "")
    }
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let folder = try TemporaryFolder()
    let clip = AudioClip(samples: [0, 0.5, -1, 32767 / 32768, 2, -3], sampleRate: 16000)
    try clip.write(to: folder.path(of: "a.wav"))
    let again = try AudioClip(contentsOf: folder.path(of: "a.wav"))
    #expect(again == AudioClip(samples: [0, 0.5, -1, 32767 / 32768, 32767 / 32768, -1], sampleRate: 16000))
    #expect(throws: AudioError.unreadable(file: "nothing.wav", reason: "there is no such file")) {
      try AudioClip(contentsOf: "nothing.wav")
    }
    #expect(throws: AudioError.unreadable(file: folder.path, reason: "it is a folder")) {
      try AudioClip(contentsOf: folder.path)
    }
  }

  // MARK: Other rates

  /// A tone stays the tone that it is, away from both ends, and one that the new rate can't hold goes.
  @Test(arguments: [(8000, 16000), (44100, 8000), (48000, 8000), (22050, 16000)])
  func tonesKeepTheirPitch(_ old: Int, _ new: Int) {
    func tone(_ hertz: Double, _ rate: Int) -> [Float] {
      (0..<rate / 4).map { Float(sin(2 * Double.pi * hertz * Double($0) / Double(rate))) }
    }
    let found = AudioClip(samples: tone(700, old), sampleRate: old).resampled(to: new)
    #expect(found.sampleRate == new && abs(found.samples.count - new / 4) <= 1)
    for (i, expected) in tone(700, new).enumerated().dropFirst(64).dropLast(64) {
      #expect(abs(found.samples[i] - expected) < 2e-3, "sample \(i)")
    }
    guard new < old else { return }
    let gone = AudioClip(samples: tone(Double(new) * 0.62, old), sampleRate: old).resampled(to: new)
    #expect(gone.samples.dropFirst(64).dropLast(64).allSatisfy { abs($0) < 0.02 })
  }

  @Test func resamplingCountsAsTorchaudio() {
    for (count, old, new, expected) in [(1, 48000, 8000, 1), (7, 48000, 8000, 2), (441, 44100, 8000, 80), (3, 8000, 48000, 18)] {
      let clip = AudioClip(samples: [Float](repeating: 0.5, count: count), sampleRate: old)
      #expect(clip.resampled(to: new).samples.count == expected)
      #expect(clip.resampled(to: old) == clip)
    }
  }

  @Test func fasterIsShorter() {
    let clip = AudioClip(samples: [Float](repeating: 0.1, count: 1100), sampleRate: 8000)
    #expect(clip.played(atSpeed: 1.1).samples.count == 1000)
    #expect(clip.played(atSpeed: 1.1).sampleRate == 8000)
  }

  @Test func quietEndsAreLeftOut() {
    let (quiet, loud) = ([Float](repeating: 1e-4, count: 4000), [Float](repeating: 0.5, count: 1600))
    let trimmed = AudioClip(samples: quiet + loud + quiet, sampleRate: 8000).trimmed()
    #expect(trimmed.samples.count == 1600 + 2 * 480)
    #expect(trimmed.samples.filter { $0 == 0.5 }.count == 1600)
    let silence = AudioClip(samples: [Float](repeating: 0, count: 100), sampleRate: 8000)
    #expect(silence.trimmed() == silence)
  }
}
