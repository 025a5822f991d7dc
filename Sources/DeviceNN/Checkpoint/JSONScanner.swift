/// JSON, read from left to right.
struct JSONScanner {
  /// `reason` continues a sentence that begins with "it".
  struct Failure: Error { var reason: String }

  private let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func object(
    _ member: (inout JSONScanner, String) throws(Failure) -> Void
  ) throws(Failure) {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  mutating func integers() throws(Failure) -> [Int] {
    var result: [Int] = []
    try list { scanner throws(Failure) in result.append(try scanner.integer()) }
    return result
  }

  private mutating func list(_ element: (inout JSONScanner) throws(Failure) -> Void) throws(Failure) {
    try expect("[")
    if take("]") { return }
    repeat { try element(&self) } while take(",")
    try expect("]")
  }

  mutating func string() throws(Failure) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while let byte = next() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw failure("text in UTF-8") }
        return string
      case UInt8(ascii: "\\"): try text.append(contentsOf: escaped())
      case ..<0x20: throw failure("no control character in a text")
      default: text.append(byte)
      }
    }
    throw failure("the end of a text")
  }

  /// Any value, nested at most 64 deep: deeper ones are made to overflow a reader's stack.
  mutating func value(depth: Int = 0) throws(Failure) -> JSONValue {
    guard depth < 64 else { throw failure("lists and objects nested less than 64 deep") }
    skipBlanks()
    switch position < bytes.count ? Unicode.Scalar(bytes[position]) : nil {
    case "{":
      var members: [(String, JSONValue)] = []
      var names = Set<String>()
      try object { scanner, name throws(Failure) in
        guard names.insert(name).inserted else { throw Failure(reason: "has the name '\(name)' twice") }
        members.append((name, try scanner.value(depth: depth + 1)))
      }
      return .object(members)
    case "[":
      var values: [JSONValue] = []
      try list { scanner throws(Failure) in values.append(try scanner.value(depth: depth + 1)) }
      return .list(values)
    case "\"": return .text(try string())
    case "t": return try word("true", .flag(true))
    case "f": return try word("false", .flag(false))
    case "n": return try word("null", .null)
    default: return .number(try number())
    }
  }

  /// Nothing but blanks may follow.
  mutating func end() throws(Failure) {
    skipBlanks()
    guard position == bytes.count else { throw failure("nothing more") }
  }
}

extension JSONScanner {
  /// A whole number that is not negative.
  private mutating func integer() throws(Failure) -> Int {
    skipBlanks()
    let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let value = Int(String(decoding: digits, as: UTF8.self)) else { throw failure("a whole number below 2^63") }
    position += digits.count
    return value
  }

  private mutating func number() throws(Failure) -> Double {
    let characters = bytes[position...].prefix { "+-.0123456789eE".utf8.contains($0) }
    guard let first = characters.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "."),
      let value = Double(String(decoding: characters, as: UTF8.self))
    else { throw failure("a value") }
    position += characters.count
    return value
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(Failure) -> JSONValue {
    guard bytes[position...].starts(with: word.utf8) else { throw failure("a value") }
    position += word.utf8.count
    return value
  }

  private mutating func escaped() throws(Failure) -> [UInt8] {
    switch next() {
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case let byte? where [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/")].contains(byte): return [byte]
    case UInt8(ascii: "u"):
      var units = [try codeUnit()]
      if UTF16.isLeadSurrogate(units[0]), next() == UInt8(ascii: "\\"), next() == UInt8(ascii: "u") {
        units.append(try codeUnit())
      }
      guard let text = String(validating: units, as: UTF16.self) else { throw failure("a pair of surrogates") }
      return [UInt8](text.utf8)
    default: throw failure("an escape of JSON")
    }
  }

  private mutating func codeUnit() throws(Failure) -> UInt16 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw failure("four hexadecimal digits") }
    position += 4
    return unit
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
    guard take(character) else { throw failure("'\(character)'") }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func next() -> UInt8? {
    guard position < bytes.count else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func skipBlanks() {
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
  }

  private func failure(_ wanted: String) -> Failure {
    let found = position < bytes.count ? "byte \(bytes[position])" : "its end"
    return Failure(reason: "is not the JSON of one: wanted \(wanted) at byte \(position), found \(found)")
  }
}
