import DeviceNN

/// A value of a line of JSON that a command prints.
enum JSONValue {
  case text(String)
  case number(Double)
  case list([JSONValue])
  case object([(String, JSONValue)])

  var text: String {
    switch self {
    case .text(let text): return jsonString(text)
    case .number(let number):
      guard number.isFinite else { return "null" }
      return number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
    case .list(let values): return "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members): return jsonObject(members)
    }
  }
}

/// An object whose members keep their order.
func jsonObject(_ members: [(String, JSONValue)]) -> String {
  "{" + members.map { "\(JSONValue.text($0).text):\($1.text)" }.joined(separator: ",") + "}"
}
