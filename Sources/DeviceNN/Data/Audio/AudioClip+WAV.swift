// WAV files, by Microsoft's and IBM's "Multimedia Programming Interface" (1991) with WAVEFORMATEXTENSIBLE.
public import Foundation

extension AudioClip {
  /// Rates that are read: from a telephone's to a studio's.
  public static let sampleRates = 8000...48000

  /// Reads a WAV file of integers (8 bits without sign, 16, 24 or 32 with it) or floats; several channels become their
  /// mean.
  ///
  /// A header may claim more sound than follows only where a program wrote to a pipe and could not know: then all is
  /// taken that is there. A last sample that is not whole is left out. Floats beyond 1 stay as they are.
  public init(contentsOf path: String) throws(AudioError) {
    let bytes: Data
    do { bytes = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw .unreadable(file: path, reason: whyUnreadable(path, error))
    }
    try self.init(decoding: bytes, name: path)
  }

  /// Decodes a file's bytes; `name` is for messages.
  public init(decoding bytes: Data, name: String) throws(AudioError) {
    let (format, sound) = try WAVFormat.parse(Data(bytes), name: name)
    let samples = try format.samples(of: sound, name: name)
    guard !samples.isEmpty else { throw .empty(file: name) }
    self.init(samples: samples, sampleRate: format.sampleRate)
  }

  /// A WAV file of 16 bits; what is beyond 1 is clipped.
  public func wavData() -> Data {
    var bytes = Data()
    func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
    func append<Integer: FixedWidthInteger>(_ value: Integer) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    let byteCount = UInt32(samples.count * 2)
    append("RIFF")
    append(36 + byteCount)
    append("WAVEfmt ")
    append(UInt32(16))
    for value in [UInt16(1), 1] { append(value) }
    for value in [UInt32(sampleRate), UInt32(sampleRate * 2)] { append(value) }
    for value in [UInt16(2), 16] { append(value) }
    append("data")
    append(byteCount)
    for sample in samples { append(Int16((min(max(sample, -1), 32767 / 32768) * 32768).rounded())) }
    return bytes
  }

  public func write(to path: String) throws(FileError) { try AtomicFile.write(wavData(), to: path) }
}

/// How a WAV file's samples lie.
private struct WAVFormat {
  let isFloat: Bool
  let channels: Int
  let sampleRate: Int
  let bits: Int

  /// The format, and the bytes of the sound.
  static func parse(_ file: Data, name: String) throws(AudioError) -> (WAVFormat, Data) {
    guard file.count >= 12, file.starts(with: Data("RIFF".utf8)), file[8..<12] == Data("WAVE".utf8) else {
      throw .unknownFormat(file: name, found: file.isEmpty ? "an empty file" : "no RIFF file of WAVE")
    }
    var format: WAVFormat?
    var at = 12
    while at + 8 <= file.count {
      let (kind, size) = (file[at..<at + 4], Int(file.integer(UInt32.self, at: at + 4)))
      let (start, left) = (at + 8, file.count - at - 8)
      if kind == Data("data".utf8) {
        guard let format else { throw .damaged(file: name, reason: "the sound comes before its format") }
        // What programs write that don't know the length: the largest number, or one near the largest with a sign.
        guard size <= left || size >= 0x7FFF_0000 else {
          throw .damaged(file: name, reason: "it claims \(size) bytes of sound, but \(left) follow: truncated?")
        }
        return (format, file[start..<start + min(size, left)])
      }
      guard size <= left else {
        throw .damaged(
          file: name, reason: "its part '\(printable(kind))' claims \(size) bytes, but \(left) follow: truncated?")
      }
      if kind == Data("fmt ".utf8) { format = try WAVFormat(file[start..<start + size], name: name) }
      at = start + size + size % 2
    }
    throw .damaged(file: name, reason: format == nil ? "it has no format" : "it has no part with sound")
  }

  private init(_ bytes: Data, name: String) throws(AudioError) {
    guard bytes.count >= 16 else {
      throw .damaged(file: name, reason: "its format has \(bytes.count) bytes, not 16 or more")
    }
    let start = bytes.startIndex
    var codec = bytes.integer(UInt16.self, at: start)
    if codec == 0xFFFE, bytes.count >= 26 { codec = bytes.integer(UInt16.self, at: start + 24) }
    channels = Int(bytes.integer(UInt16.self, at: start + 2))
    sampleRate = Int(bytes.integer(UInt32.self, at: start + 4))
    bits = Int(bytes.integer(UInt16.self, at: start + 14))
    isFloat = codec == 3
    guard (codec == 1 && [8, 16, 24, 32].contains(bits)) || (codec == 3 && [32, 64].contains(bits)) else {
      throw .unknownFormat(file: name, found: "WAV of codec \(codec) with \(bits) bits")
    }
    let frame = Int(bytes.integer(UInt16.self, at: start + 12))
    guard channels > 0, frame == channels * bits / 8 else {
      throw .damaged(file: name, reason: "it claims \(frame) bytes for \(channels) channels of \(bits) bits")
    }
    guard AudioClip.sampleRates.contains(sampleRate) else { throw .unsupportedRate(file: name, rate: sampleRate) }
  }

  /// One number a time: the mean of all channels.
  func samples(of sound: Data, name: String) throws(AudioError) -> [Float] {
    let (width, count) = (bits / 8, sound.count / (bits / 8 * channels))
    let samples = sound.withUnsafeBytes { bytes in
      (0..<count).map { i in
        var sum: Float = 0
        for channel in 0..<channels { sum += sample(bytes, at: (i * channels + channel) * width) }
        return sum / Float(channels)
      }
    }
    // Floats may have been made from integers of 32 bits; the squares of much larger ones have no sum.
    if let odd = samples.firstIndex(where: { !(abs($0) <= 0x1p31) }) {
      let sample = samples[odd]
      throw .notFinite(
        file: name, sample: odd, found: sample.isNaN ? "not a number" : sample.isInfinite ? "infinite" : "\(sample), too large")
    }
    return samples
  }

  private func sample(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Float {
    func load<Value: BitwiseCopyable>(_ type: Value.Type) -> Value { bytes.loadUnaligned(fromByteOffset: place, as: type) }
    return switch (isFloat, bits) {
    case (true, 32): Float(bitPattern: UInt32(littleEndian: load(UInt32.self)))
    case (true, _): Float(Double(bitPattern: UInt64(littleEndian: load(UInt64.self))))
    case (_, 8): (Float(bytes[place]) - 128) / 128
    case (_, 16): Float(Int16(littleEndian: load(Int16.self))) / 32768
    case (_, 24):
      Float(Int32(bytes[place]) << 8 | Int32(bytes[place + 1]) << 16 | Int32(Int8(bitPattern: bytes[place + 2])) << 24)
        / 0x1p31
    default: Float(Int32(littleEndian: load(Int32.self))) / 0x1p31
    }
  }
}

/// A part's name, which in a damaged file may be anything.
private func printable(_ name: Data) -> String {
  String(String.UnicodeScalarView(name.map { (32..<127).contains($0) ? Unicode.Scalar($0) : "?" }))
}

extension Data {
  fileprivate func integer<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type, at place: Int) -> Integer {
    withUnsafeBytes { Integer(littleEndian: $0.loadUnaligned(fromByteOffset: place - startIndex, as: type)) }
  }
}
