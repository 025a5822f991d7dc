// Reading safetensors: 8 bytes of header length, a JSON header, then the tensors' bytes without gaps.
import Foundation

/// A safetensors file that was checked from its first byte to its last and whose tensors are read when asked for.
///
/// The file is mapped, not copied: a checkpoint larger than memory opens at once. It must not be overwritten in
/// place while it is open; `AtomicFile` never does that.
public struct SafetensorsFile: Checkpoint {
  public let path: String
  public let format = CheckpointFormat.safetensors
  public let metadata: [String: String]
  /// In the order of their bytes.
  public let names: [String]
  private let entries: [String: SafetensorsEntry]
  private let data: Data

  public init(path: String) throws(CheckpointError) { try self.init(bytes: mappedFile(path), path: path) }

  init(bytes: Data, path: String) throws(CheckpointError) {
    let headerEnd = try Self.headerEnd(bytes, path: path)
    let header: SafetensorsHeader
    do { header = try SafetensorsHeader(parsing: bytes[bytes.startIndex + 8..<headerEnd]) } catch {
      throw Self.damaged(path, error.reason)
    }
    self.path = path
    data = bytes[headerEnd...]
    metadata = header.metadata
    let ordered = header.entries.sorted { ($0.start, $0.end, $0.name) < ($1.start, $1.end, $1.name) }
    try Self.check(ordered, byteCount: data.count, path: path)
    names = ordered.map(\.name)
    entries = Dictionary(uniqueKeysWithValues: ordered.map { ($0.name, $0) })
  }
}

// MARK: Tensors

extension SafetensorsFile {
  public func shape(of name: String) -> [Int]? { entries[name]?.shape }

  public func type(of name: String) -> StoredType? { entries[name]?.type }

  /// The tensor with its bytes, which stay in the mapped file.
  public func record(named name: String) throws(CheckpointError) -> TensorRecord {
    guard let entry = entries[name] else { throw .missingTensor(file: path, tensor: name) }
    let bytes = data[data.startIndex + entry.start..<data.startIndex + entry.end]
    return TensorRecord(name: name, type: entry.type, shape: entry.shape, bytes: bytes)
  }
}

// MARK: Checks

extension SafetensorsFile {
  /// The format's own limit.
  static let maxHeaderByteCount = 100_000_000

  /// Whether a header of a possible length seems to follow: a file of JSON may begin with the same byte.
  static func hasHeader(_ bytes: Data) -> Bool {
    (try? headerEnd(bytes, path: "")) != nil && bytes.dropFirst(8).first == UInt8(ascii: "{")
  }

  private static func damaged(_ path: String, _ reason: String) -> CheckpointError {
    .damaged(file: path, format: .safetensors, reason: reason)
  }

  private static func headerEnd(_ bytes: Data, path: String) throws(CheckpointError) -> Data.Index {
    guard bytes.count >= 8 else {
      throw damaged(path, "it has \(bytes.count) bytes, and the header's length alone takes 8")
    }
    let length = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= maxHeaderByteCount else {
      throw damaged(path, "it claims a header of \(length) bytes, and 100 MB are the most")
    }
    guard Int(length) <= bytes.count - 8 else {
      throw damaged(path, "it claims a header of \(length) bytes, but \(bytes.count - 8) bytes follow: truncated?")
    }
    return bytes.startIndex + 8 + Int(length)
  }

  /// The tensors must cover the data from its first byte to its last, each byte once.
  private static func check(
    _ ordered: [SafetensorsEntry], byteCount: Int, path: String
  ) throws(CheckpointError) {
    var end = 0
    for entry in ordered {
      func damaged(_ found: String, _ wanted: String) -> CheckpointError {
        .damagedTensor(file: path, tensor: entry.name, found: found, wanted: wanted)
      }
      guard let wanted = entry.type.byteCount(of: entry.shape) else {
        throw damaged("the shape \(entry.shape)", "one whose size a computer can count")
      }
      guard entry.end >= entry.start, entry.end - entry.start == wanted else {
        throw damaged(
          "bytes \(entry.start)..<\(entry.end)", "\(wanted) bytes for \(entry.shape) of \(entry.type.rawValue)")
      }
      guard entry.start == end else {
        throw damaged(
          "a start at byte \(entry.start) that \(entry.start < end ? "overlaps" : "leaves a hole")", "\(end)")
      }
      guard entry.end <= byteCount else {
        throw damaged("\(byteCount) bytes of data in the file: truncated?", "at least \(entry.end)")
      }
      end = entry.end
    }
    guard end == byteCount else {
      throw damaged(path, "its tensors end at byte \(end) of \(byteCount) bytes of data")
    }
  }
}
