// As much of XML as annotations have. Foundation's reader would make every command load libxml2, and what that loads.

/// An element with what is in it. Attributes, comments and instructions are passed over.
struct XMLElement {
  let name: String
  /// Where it begins in the file, counted from 1.
  let line: Int
  var children: [XMLElement] = []
  /// The text of the element itself, without blanks around it.
  var text = ""

  func first(_ name: String) -> XMLElement? { children.first { $0.name == name } }
  func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

  /// The outermost element of a file.
  ///
  /// - Parameter path: for messages.
  init(parsing bytes: [UInt8], path: String) throws(DataError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .malformed(file: path, reason: "it is no text in UTF-8")
    }
    var parser = XMLParser(bytes: Array(text.utf8), path: path)
    self = try parser.document()
  }

  fileprivate init(name: String, line: Int) { (self.name, self.line) = (name, line) }
}

private struct XMLParser {
  let bytes: [UInt8]
  let path: String
  var at = 0
  var line = 1

  /// Annotations are flat; what is nested deeper than this was made to hurt.
  static let depthLimit = 64

  mutating func document() throws(DataError) -> XMLElement {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    var open: [XMLElement] = []
    while true {
      let text = try text()
      if !open.isEmpty { open[open.count - 1].text += text } else if text.contains(where: { !$0.isWhitespace }) {
        throw failure("there is text outside of any element")
      }
      guard at < bytes.count else {
        throw failure(open.last.map { "it ends within the element '\($0.name)' of line \($0.line)" } ?? "it holds no element")
      }
      if skip("<!--") { try pass("-->") } else if skip("<?") { try pass("?>") } else if skip("<![CDATA[") {
        let start = at
        try pass("]]>")
        guard !open.isEmpty else { throw failure("there is text outside of any element") }
        open[open.count - 1].text += String(decoding: bytes[start..<at - 3], as: UTF8.self)
      } else if skip("<!") {
        throw failure("it declares a document type, which annotations don't need")
      } else if skip("</") {
        let name = try name()
        blanks()
        guard skip(">") else { throw failure("the end of '\(name)' has no '>'") }
        guard var element = open.popLast(), element.name == name else {
          throw failure("'\(name)' ends where it did not begin")
        }
        element.text = trimmed(element.text)
        if open.isEmpty { return element }
        open[open.count - 1].children.append(element)
      } else {
        at += 1
        let element = XMLElement(name: try name(), line: line)
        if try attributes() {
          if open.isEmpty { return element }
          open[open.count - 1].children.append(element)
        } else {
          open.append(element)
          guard open.count <= Self.depthLimit else { throw failure("its elements are nested more than \(Self.depthLimit) deep") }
        }
      }
    }
  }

  /// Passes over attributes and the end of a tag; returns whether the element ends with it.
  private mutating func attributes() throws(DataError) -> Bool {
    while at < bytes.count {
      if skip("/>") { return true }
      if skip(">") { return false }
      let byte = bytes[at]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        step()
        while at < bytes.count, bytes[at] != byte { step() }
      } else if byte == UInt8(ascii: "<") {
        throw failure("a tag begins within a tag")
      }
      step()
    }
    throw failure("it ends within a tag")
  }

  private mutating func name() throws(DataError) -> String {
    let start = at
    while at < bytes.count, !isWhitespace(bytes[at]), !Array("<>/=\"'".utf8).contains(bytes[at]) { at += 1 }
    guard at > start else { throw failure("a tag has no name") }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  /// Up to the next tag.
  private mutating func text() throws(DataError) -> String {
    var result: [UInt8] = []
    while at < bytes.count, bytes[at] != UInt8(ascii: "<") {
      if bytes[at] == UInt8(ascii: "&") { result += try Array(entity().utf8) } else {
        result.append(bytes[at])
        step()
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private mutating func entity() throws(DataError) -> String {
    let start = at + 1
    while at < bytes.count, bytes[at] != UInt8(ascii: ";"), at - start < 10 { at += 1 }
    let name = String(decoding: bytes[min(start, at)..<at], as: UTF8.self)
    guard skip(";") else { throw failure("'&' begins no entity") }
    if let known = ["lt": "<", "gt": ">", "amp": "&", "quot": "\"", "apos": "'"][name] { return known }
    let code = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
    guard let scalar = code.flatMap(Unicode.Scalar.init) else { throw failure("the entity '&\(name);' is not known") }
    return String(Character(scalar))
  }

  private mutating func pass(_ end: String) throws(DataError) {
    while at < bytes.count {
      if skip(end) { return }
      step()
    }
    throw failure("it ends where '\(end)' was wanted")
  }

  private mutating func skip(_ token: String) -> Bool {
    guard bytes[at...].starts(with: token.utf8) else { return false }
    at += token.utf8.count
    return true
  }

  private mutating func blanks() { while at < bytes.count, isWhitespace(bytes[at]) { step() } }

  private mutating func step() {
    if at < bytes.count, bytes[at] == UInt8(ascii: "\n") { line += 1 }
    at += 1
  }

  private func trimmed(_ text: String) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.prefix(start.count - start.reversed().prefix(while: \.isWhitespace).count))
  }

  private func failure(_ reason: String) -> DataError { .malformedLine(file: path, line: line, reason: reason) }
}
