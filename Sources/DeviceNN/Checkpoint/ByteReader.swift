internal import Foundation

/// Little-endian numbers and runs of bytes, read in order; throws where the bytes end too early.
struct ByteReader {
  let file: String
  let format: CheckpointFormat
  private let bytes: Data
  /// Counts from the first byte.
  private(set) var position = 0

  init(_ bytes: Data, file: String, format: CheckpointFormat) {
    self.bytes = bytes
    self.file = file
    self.format = format
  }

  func damaged(_ reason: String) -> CheckpointError { .damaged(file: file, format: format, reason: reason) }

  mutating func move(to newPosition: Int) throws(CheckpointError) {
    guard newPosition >= 0, newPosition <= bytes.count else {
      throw damaged("it refers to byte \(newPosition) of \(bytes.count): truncated?")
    }
    position = newPosition
  }

  mutating func take(_ count: Int) throws(CheckpointError) -> Data {
    guard count >= 0, count <= bytes.count - position else {
      throw damaged("\(count) bytes were wanted at byte \(position) of \(bytes.count): truncated?")
    }
    defer { position += count }
    return bytes[bytes.startIndex + position..<bytes.startIndex + position + count]
  }

  mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type
  ) throws(CheckpointError) -> Integer {
    let taken = try take(MemoryLayout<Integer>.size)
    return taken.withUnsafeBytes { Integer(littleEndian: $0.loadUnaligned(as: Integer.self)) }
  }

  /// A number that counts bytes or things, which no computer has 2^63 of.
  mutating func count<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type
  ) throws(CheckpointError) -> Int {
    let value = try integer(type)
    guard let count = Int(exactly: value), count >= 0 else { throw damaged("it counts \(value) at byte \(position)") }
    return count
  }

  mutating func text(_ count: Int) throws(CheckpointError) -> String {
    let start = position
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw damaged("the \(count) bytes at byte \(start) are no text in UTF-8")
    }
    return text
  }

  /// The text up to the next line feed, which is read too.
  mutating func line() throws(CheckpointError) -> String {
    guard let end = bytes[(bytes.startIndex + position)...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw damaged("the line at byte \(position) has no end: truncated?")
    }
    let line = try text(end - bytes.startIndex - position)
    position += 1
    return line
  }
}
