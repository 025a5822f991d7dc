// Small writers of the formats that checkpoints come in, which can also write what no other program does.
import Foundation

@testable import DeviceNN

/// Pickles of protocol 2, as lists of bytes that push one value each.
enum Pickle {
  static let none: [UInt8] = [0x4E]
  static let emptyTuple: [UInt8] = [0x29]
  static let emptyList: [UInt8] = [0x5D]
  static let orderedDictionary = global("collections", "OrderedDict") + emptyTuple + [0x52]

  /// A whole pickle.
  static func program(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + [0x2E] }

  static func text(_ text: String) -> [UInt8] { [0x58] + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8) }

  static func integer(_ value: Int) -> [UInt8] {
    switch value {
    case 0...255: [0x4B, UInt8(value)]
    case -(1 << 31)..<(1 << 31): [0x4A] + littleEndian(Int32(value))
    default: [0x8A, 8] + littleEndian(value)
    }
  }

  static func flag(_ value: Bool) -> [UInt8] { [value ? 0x88 : 0x89] }

  static func number(_ value: Double) -> [UInt8] { [0x47] + littleEndian(value.bitPattern.byteSwapped) }

  static func tuple(_ values: [[UInt8]]) -> [UInt8] { [0x28] + values.joined() + [0x74] }

  static func list(_ values: [[UInt8]]) -> [UInt8] { [0x5D, 0x28] + values.joined() + [0x65] }

  static func dictionary(_ members: [(String, [UInt8])]) -> [UInt8] {
    [0x7D, 0x28] + members.flatMap { text($0) + $1 } + [0x75]
  }

  static func global(_ module: String, _ name: String) -> [UInt8] { [0x63] + Array("\(module)\n\(name)\n".utf8) }

  static func call(_ module: String, _ name: String, _ arguments: [[UInt8]]) -> [UInt8] {
    global(module, name) + tuple(arguments) + [0x52]
  }

  static func storage(_ key: String, _ type: String = "FloatStorage", count: Int, isOld: Bool = false) -> [UInt8] {
    let parts = [text("storage"), global("torch", type), text(key), text("cpu"), integer(count)]
    return tuple(isOld ? parts + [none] : parts) + [0x51]
  }

  static func tensor(_ storage: [UInt8], offset: Int = 0, _ shape: [Int], strides: [Int]) -> [UInt8] {
    call(
      "torch._utils", "_rebuild_tensor_v2",
      [
        storage, integer(offset), tuple(shape.map(integer)), tuple(strides.map(integer)), flag(false),
        orderedDictionary,
      ])
  }
}

/// A zip archive of stored entries, every number of which may be a lie.
struct ZipSample {
  struct Entry {
    var name: String
    var bytes: [UInt8]
    var localName: String?
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var size: UInt32?
    var storedSize: UInt32?
    var start: UInt32?
    /// In the directory.
    var extra: [UInt8] = []
  }

  var entries: [Entry]
  /// Whether the record with numbers of 64 bits is written, as torch.save does.
  var isZip64 = true
  var entryCount: Int?
  var directoryStart: Int?
  var comment = ""

  init(_ entries: [(String, [UInt8])]) { self.entries = entries.map { Entry(name: $0.0, bytes: $0.1) } }

  var bytes: Data {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let start = UInt32(file.count)
      let local = entry.localName ?? entry.name
      file += littleEndian(0x0403_4B50 as UInt32) + [UInt8](repeating: 0, count: 22)
      file += littleEndian(UInt16(local.utf8.count)) + littleEndian(0 as UInt16) + Array(local.utf8) + entry.bytes
      directory += littleEndian(0x0201_4B50 as UInt32) + littleEndian(0 as UInt32)
      directory += littleEndian(entry.flags) + littleEndian(entry.method) + littleEndian(0 as UInt64)
      directory += littleEndian(entry.storedSize ?? entry.size ?? UInt32(entry.bytes.count))
      directory += littleEndian(entry.size ?? UInt32(entry.bytes.count))
      directory += littleEndian(UInt16(entry.name.utf8.count)) + littleEndian(UInt16(entry.extra.count))
      directory += littleEndian(0 as UInt16) + littleEndian(0 as UInt64) + littleEndian(entry.start ?? start)
      directory += Array(entry.name.utf8) + entry.extra
    }
    let start = directoryStart ?? file.count
    let count = entryCount ?? entries.count
    let end = file.count + directory.count
    file += directory
    if isZip64 {
      file += littleEndian(0x0606_4B50 as UInt32) + littleEndian(44 as UInt64) + littleEndian(0 as UInt32)
      file += littleEndian(0 as UInt64) + littleEndian(count) + littleEndian(count)
      file += littleEndian(directory.count) + littleEndian(start)
      file +=
        littleEndian(0x0706_4B50 as UInt32) + littleEndian(0 as UInt32) + littleEndian(end) + littleEndian(1 as UInt32)
    }
    file += littleEndian(0x0605_4B50 as UInt32) + littleEndian(0 as UInt32)
    let (shortCount, shortSize, shortStart) =
      isZip64 ? (UInt16.max, UInt32.max, UInt32.max) : (UInt16(count), UInt32(directory.count), UInt32(start))
    file += littleEndian(shortCount) + littleEndian(shortCount) + littleEndian(shortSize) + littleEndian(shortStart)
    return Data(file + littleEndian(UInt16(comment.utf8.count)) + Array(comment.utf8))
  }
}

/// The entries of a PyTorch file: a pickle, and storages by their keys.
func pyTorchEntries(_ value: [UInt8], storages: [(String, [UInt8])] = []) -> [(String, [UInt8])] {
  [("archive/data.pkl", Pickle.program(value)), ("archive/byteorder", Array("little".utf8))]
    + storages.map { ("archive/data/\($0)", $1) }
}

/// A PyTorch file of the old format.
func oldPyTorchFile(_ value: [UInt8], storages: [(String, count: Int, [UInt8])]) -> Data {
  let system = Pickle.dictionary([("little_endian", Pickle.flag(true))])
  let pickles = [Pickle.integer(1001), system, value, Pickle.list(storages.map { Pickle.text($0.0) })].map(
    Pickle.program)
  return Data(PyTorchFile.oldSignature + pickles.joined() + storages.flatMap { littleEndian($0.count) + $0.2 })
}

func floatBytes(_ values: [Float]) -> [UInt8] { values.flatMap { littleEndian($0.bitPattern) } }

func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
