// The JSON header of a safetensors file, parsed by hand: Foundation's decoder keeps one of two equal names in
// silence, and which tensor a damaged file means is not ours to guess.
import Foundation

/// What the header says of one tensor. Offsets count from the first byte after the header.
struct SafetensorsEntry: Equatable {
  var name: String
  var type: StoredType
  var shape: [Int]
  var start: Int
  var end: Int
}

struct SafetensorsHeader: Equatable {
  var metadata: [String: String] = [:]
  var entries: [SafetensorsEntry] = []

  struct Failure: Error { var reason: String }

  init(parsing bytes: Data) throws(Failure) {
    var scanner = JSONScanner(bytes: [UInt8](bytes))
    var names = Set<String>()
    do throws(JSONScanner.Failure) {
      try scanner.object { scanner, name throws(JSONScanner.Failure) in
        guard names.insert(name).inserted else { throw .init(reason: "has the name '\(name)' twice") }
        if name == "__metadata__" {
          metadata = try Self.strings(&scanner)
        } else {
          entries.append(try Self.entry(&scanner, name: name))
        }
      }
      try scanner.end()
    } catch {
      throw Failure(reason: "its header \(error.reason)")
    }
  }

  private static func strings(_ scanner: inout JSONScanner) throws(JSONScanner.Failure) -> [String: String] {
    var result: [String: String] = [:]
    try scanner.object { scanner, key throws(JSONScanner.Failure) in result[key] = try scanner.string() }
    return result
  }

  private static func entry(
    _ scanner: inout JSONScanner, name: String
  ) throws(JSONScanner.Failure) -> SafetensorsEntry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { scanner, key throws(JSONScanner.Failure) in
      switch key {
      case "dtype": type = try scanner.string()
      case "shape": shape = try scanner.integers()
      case "data_offsets": offsets = try scanner.integers()
      default: throw .init(reason: "has the unknown field '\(key)' at tensor '\(name)'")
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2 else {
      throw .init(reason: "lacks the dtype, the shape or the two data_offsets of tensor '\(name)'")
    }
    guard let stored = StoredType(rawValue: type) else {
      throw .init(
        reason: "gives tensor '\(name)' the unknown type '\(type)', wanted one of "
          + StoredType.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return SafetensorsEntry(name: name, type: stored, shape: shape, start: offsets[0], end: offsets[1])
  }
}
