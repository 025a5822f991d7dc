// Writing safetensors.
import Foundation

/// Writes tensors as a safetensors file, whole or not at all.
///
/// Larger elements come first and equal ones by name, as in the format's own writer: so every tensor is aligned to
/// its elements, and the same tensors give the same bytes in whatever order they came.
public func writeSafetensors(
  _ records: [TensorRecord], metadata: [String: String] = [:], to path: String
) throws(FileError) {
  let ordered = records.sorted { ($1.type.byteCount, $0.name) < ($0.type.byteCount, $1.name) }
  let header = safetensorsHeader(ordered.map { ($0.name, $0.type, $0.shape) }, metadata: metadata)
  try AtomicFile.write(to: path) { file throws(FileError) in
    try file.append(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) })
    try file.append(header)
    for record in ordered { try file.append(record.bytes) }
  }
}

/// Writes float tensors; a name may occur once.
public func writeSafetensors(
  _ tensors: [(name: String, shape: [Int], values: [Float])], metadata: [String: String] = [:], to path: String
) throws(FileError) {
  let records = tensors.map { TensorRecord(name: $0.name, shape: $0.shape, $0.values) }
  try writeSafetensors(records, metadata: metadata, to: path)
}

/// The header with spaces behind it, so that the data begins at a multiple of 8 in the file.
func safetensorsHeader(
  _ records: [(name: String, type: StoredType, shape: [Int])], metadata: [String: String]
) -> Data {
  let names = Set(records.map(\.name))
  precondition(names.count == records.count, "two of the \(records.count) tensors have the same name")
  precondition(!names.contains("__metadata__"), "the name __metadata__ is the format's own")
  var members: [String] = []
  if !metadata.isEmpty {
    let pairs = metadata.sorted { $0.key < $1.key }.map { "\(jsonString($0.key)):\(jsonString($0.value))" }
    members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
  }
  var start = 0
  for record in records {
    let end = start + record.shape.reduce(record.type.byteCount, *)
    let shape = record.shape.map(String.init).joined(separator: ",")
    members.append(
      "\(jsonString(record.name)):{\"dtype\":\"\(record.type.rawValue)\",\"shape\":[\(shape)],"
        + "\"data_offsets\":[\(start),\(end)]}")
    start = end
  }
  var header = Data("{\(members.joined(separator: ","))}".utf8)
  header.append(Data(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
  return header
}
