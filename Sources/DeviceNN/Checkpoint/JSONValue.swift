internal import Foundation

/// A value of JSON. The members of an object keep their order, and two of one name are an error.
public enum JSONValue: Sendable {
  case null
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([(String, JSONValue)])

  /// The member of an object; nil where there is none, or this is no object.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.0 == name }?.1
  }

  /// The value as one line of JSON. A number that JSON can't express is null.
  public var text: String {
    switch self {
    case .null: return "null"
    case .flag(let flag): return flag ? "true" : "false"
    case .number(let number):
      guard number.isFinite else { return "null" }
      return number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
    case .text(let text): return jsonString(text)
    case .list(let values): return "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members): return "{" + members.map { "\(jsonString($0)):\($1.text)" }.joined(separator: ",") + "}"
    }
  }

  /// The value over several lines, for a file that people read: each member of an object has a line.
  var prettyText: String { pretty(indent: "") }

  private func pretty(indent: String) -> String {
    guard case .object(let members) = self, !members.isEmpty else { return text }
    let lines = members.map { "\(indent)  \(jsonString($0)): \($1.pretty(indent: indent + "  "))" }
    return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
  }

  init(parsing bytes: Data) throws(JSONScanner.Failure) {
    var scanner = JSONScanner(bytes: [UInt8](bytes))
    self = try scanner.value()
    try scanner.end()
  }
}

extension JSONValue: Equatable {
  public static func == (a: JSONValue, b: JSONValue) -> Bool { a.text == b.text }
}

/// `text` as a string of JSON, with its quotes.
func jsonString(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case "\0"..."\u{1F}": result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
