import Foundation

/// Compiled programs on disk: building kernels.cl takes a driver seconds, loading it again milliseconds.
///
/// A cache may lose everything at any time, so nothing here throws: what can't be read is built again, and what
/// can't be written is not kept. An entry is `magic key length checksum program`; whatever doesn't agree is damaged.
struct ProgramCache: Sendable {
  var folder = Setting.cacheFolder.appendingPathComponent("programs", isDirectory: true)

  private static let magic = Array("DeviceNN program 1\n".utf8)

  /// The key of a program: a hash of everything that decides what the compiler makes.
  static func key(_ parts: [String]) -> UInt128 {
    // Lengths first, so that moving a letter from one part to the next gives another key.
    hash(parts.flatMap { bytes(UInt64($0.utf8.count)) + Array($0.utf8) })
  }

  func url(of key: UInt128) -> URL { folder.appendingPathComponent("\(String(key, radix: 16)).bin") }

  func load(_ key: UInt128) -> [UInt8]? {
    guard let entry = try? Data(contentsOf: url(of: key)) else { return nil }
    let program = [UInt8](entry.dropFirst(Self.header(key, []).count))
    return !program.isEmpty && entry.starts(with: Self.header(key, program)) ? program : nil
  }

  /// Writes to a temporary name and renames, so that other processes see a whole entry or none.
  func store(_ program: [UInt8], for key: UInt128) {
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try? Data(Self.header(key, program) + program).write(to: url(of: key), options: .atomic)
  }

  private static func header(_ key: UInt128, _ program: [UInt8]) -> [UInt8] {
    magic + bytes(key) + bytes(UInt64(program.count)) + bytes(hash(program))
  }

  private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// FNV-1a of 128 bits: enough against accidents, and nobody attacks their own cache.
  private static func hash(_ bytes: [UInt8]) -> UInt128 {
    bytes.reduce(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d) { ($0 ^ UInt128($1)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
  }
}
