// As much of the zip format (PKWARE's APPNOTE 6.3) as torch.save and numpy.savez_compressed write: entries that are
// stored as they are, or deflated where the reader says that they may be, in one archive of any size. Checksums are not compared, and PyTorch doesn't compare them either: torch.save may be told to
// leave them out, and whoever opens a large file doesn't want all of it to be read.
internal import Foundation

/// Where the entries of an archive lie in its bytes.
struct ZipArchive {
  static let signature: [UInt8] = [0x50, 0x4B, 0x03, 0x04]

  private let bytes: Data
  /// Counted from the archive's first byte.
  private let ranges: [String: Range<Int>]
  /// The sizes that deflated entries have when they are inflated.
  private let inflatedSizes: [String: Int]

  /// - Parameter isDeflatedToo: whether entries may be deflated; PyTorch's, which are mapped, may not.
  init(
    _ bytes: Data, file: String, format: CheckpointFormat = .pyTorch, isDeflatedToo: Bool = false
  ) throws(CheckpointError) {
    var reader = ByteReader(bytes, file: file, format: format)
    let directory = try Self.directory(&reader, byteCount: bytes.count)
    let entries = try Self.headers(&reader, directory, isDeflatedToo: isDeflatedToo)
    var ranges: [String: Range<Int>] = [:]
    for entry in entries {
      let range = try Self.content(of: entry, &reader, below: directory.start)
      guard ranges.updateValue(range, forKey: entry.name) == nil else {
        throw reader.damaged("the zip archive has the entry '\(entry.name)' twice")
      }
    }
    let ordered = entries.sorted { $0.headerStart < $1.headerStart }
    for (entry, next) in zip(ordered, ordered.dropFirst()) where ranges[entry.name]!.upperBound > next.headerStart {
      throw reader.damaged("the entries '\(entry.name)' and '\(next.name)' of the zip archive overlap")
    }
    self.bytes = bytes
    self.ranges = ranges
    inflatedSizes = Dictionary(uniqueKeysWithValues: entries.compactMap { e in e.inflatedSize.map { (e.name, $0) } })
  }

  var names: some Collection<String> { ranges.keys }

  /// The bytes of an entry as they lie in the archive.
  subscript(name: String) -> Data? {
    ranges[name].map { bytes[bytes.startIndex + $0.lowerBound..<bytes.startIndex + $0.upperBound] }
  }

  /// The bytes of an entry, inflated where they are deflated; nil where there is no such entry or it is damaged.
  func contents(of name: String) -> Data? {
    guard let stored = self[name], let size = inflatedSizes[name] else { return self[name] }
    return inflated(stored, byteCount: size)
  }
}

// MARK: The central directory

extension ZipArchive {
  private struct Directory {
    var start: Int
    var end: Int
    var entryCount: Int
  }

  private struct Entry {
    var name: String
    var headerStart: Int
    var byteCount: Int
    /// Nil where it is stored as it is.
    var inflatedSize: Int?
  }

  /// Reads the record at the archive's end that says where the directory is.
  private static func directory(_ reader: inout ByteReader, byteCount: Int) throws(CheckpointError) -> Directory {
    // A comment of at most 64 KiB may follow the record's 22 bytes.
    var end: Int?
    for start in stride(from: byteCount - 22, through: max(0, byteCount - 22 - 0xFFFF), by: -1) {
      try reader.move(to: start)
      guard try reader.integer(UInt32.self) == 0x0605_4B50 else { continue }
      try reader.move(to: start + 20)
      guard start + 22 + (try reader.count(UInt16.self)) == byteCount else { continue }
      end = start
      break
    }
    guard let end else { throw reader.damaged("the zip archive has no directory at its end: truncated?") }
    try reader.move(to: end + 4)
    var disks = [try reader.count(UInt16.self), try reader.count(UInt16.self)]
    _ = try reader.integer(UInt16.self)
    var directory = Directory(start: 0, end: end, entryCount: try reader.count(UInt16.self))
    var size = try reader.count(UInt32.self)
    directory.start = try reader.count(UInt32.self)
    // A locator before that record points to one with larger fields, which torch.save always writes.
    try reader.move(to: max(0, end - 20))
    if try reader.integer(UInt32.self) == 0x0706_4B50 {
      disks.append(try reader.count(UInt32.self))
      directory.end = try reader.count(UInt64.self)
      try reader.move(to: directory.end)
      guard try reader.integer(UInt32.self) == 0x0606_4B50 else {
        throw reader.damaged("no zip64 record is at byte \(directory.end)")
      }
      _ = try reader.take(12)
      disks += [try reader.count(UInt32.self), try reader.count(UInt32.self)]
      _ = try reader.integer(UInt64.self)
      directory.entryCount = try reader.count(UInt64.self)
      size = try reader.count(UInt64.self)
      directory.start = try reader.count(UInt64.self)
    }
    guard disks.allSatisfy({ $0 == 0 }) else { throw reader.damaged("it is a part of a split zip archive") }
    guard directory.start <= directory.end, size == directory.end - directory.start else {
      throw reader.damaged(
        "its zip directory of \(size) bytes at byte \(directory.start) does not end at byte \(directory.end)")
    }
    return directory
  }

  private static func headers(
    _ reader: inout ByteReader, _ directory: Directory, isDeflatedToo: Bool
  ) throws(CheckpointError) -> [Entry] {
    try reader.move(to: directory.start)
    var entries: [Entry] = []
    while reader.position < directory.end {
      guard try reader.integer(UInt32.self) == 0x0201_4B50 else {
        throw reader.damaged("no entry of the zip directory is at byte \(reader.position - 4)")
      }
      _ = try reader.take(4)
      let flags = try reader.integer(UInt16.self)
      let method = try reader.integer(UInt16.self)
      _ = try reader.take(8)
      let storedSize = try reader.integer(UInt32.self)
      let size = try reader.integer(UInt32.self)
      let nameLength = try reader.count(UInt16.self)
      let extraLength = try reader.count(UInt16.self)
      let commentLength = try reader.count(UInt16.self)
      _ = try reader.take(8)
      let headerStart = try reader.integer(UInt32.self)
      let name = try reader.text(nameLength)
      let extra = try reader.take(extraLength)
      _ = try reader.take(commentLength)
      let isDeflated = method == 8 && isDeflatedToo
      guard method == 0 || isDeflated, flags & 1 == 0 else {
        throw reader.damaged(
          "'\(name)' is compressed or encrypted, and \(isDeflatedToo ? "only deflate is read" : "torch.save does neither")")
      }
      let sizes = try largeSizes([size, storedSize, headerStart], extra, reader)
      // Deflate can't shrink anything to less than a 1032nd.
      guard isDeflated ? sizes[0] / 1032 <= sizes[1] : sizes[0] == sizes[1] else {
        throw reader.damaged("'\(name)' of \(sizes[0]) bytes is stored in \(sizes[1])")
      }
      entries.append(
        Entry(
          name: name, headerStart: sizes[2], byteCount: sizes[1], inflatedSize: isDeflated ? sizes[0] : nil))
    }
    guard entries.count == directory.entryCount, reader.position == directory.end else {
      throw reader.damaged("its zip directory has \(entries.count) entries, and says \(directory.entryCount)")
    }
    return entries
  }

  /// Numbers, those replaced that the zip64 field of an entry has because they do not fit into 32 bits.
  private static func largeSizes(
    _ small: [UInt32], _ extra: Data, _ reader: ByteReader
  ) throws(CheckpointError) -> [Int] {
    var sizes = small.map { Int($0) }
    guard small.contains(.max) else { return sizes }
    var extra = ByteReader(extra, file: reader.file, format: reader.format)
    while true {
      let identifier = try extra.integer(UInt16.self)
      let length = try extra.count(UInt16.self)
      if identifier == 1 { break }
      _ = try extra.take(length)
    }
    for place in sizes.indices where small[place] == .max { sizes[place] = try extra.count(UInt64.self) }
    return sizes
  }

  /// Where the entry's bytes are, behind its own header.
  private static func content(
    of entry: Entry, _ reader: inout ByteReader, below limit: Int
  ) throws(CheckpointError) -> Range<Int> {
    try reader.move(to: entry.headerStart)
    guard try reader.integer(UInt32.self) == 0x0403_4B50 else {
      throw reader.damaged("'\(entry.name)' is not at byte \(entry.headerStart)")
    }
    try reader.move(to: entry.headerStart + 26)
    let nameLength = try reader.count(UInt16.self)
    let extraLength = try reader.count(UInt16.self)
    let name = try reader.text(nameLength)
    guard name == entry.name else { throw reader.damaged("the zip directory calls '\(name)' '\(entry.name)'") }
    _ = try reader.take(extraLength)
    guard reader.position <= limit, entry.byteCount <= limit - reader.position else {
      throw reader.damaged("'\(name)' of \(entry.byteCount) bytes runs into the zip directory")
    }
    return reader.position..<reader.position + entry.byteCount
  }
}
