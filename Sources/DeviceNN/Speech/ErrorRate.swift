/// How many changes make what was heard what was said, for each unit of what was said: of characters or of words.
public struct ErrorRate: Codable, Sendable, Equatable {
  public private(set) var edits = 0
  public private(set) var length = 0

  public init() {}

  /// Nil where nothing was said. It may be more than 1.
  public var value: Double? { length == 0 ? nil : Double(edits) / Double(length) }

  public mutating func add<Unit: Equatable>(heard: [Unit], said: [Unit]) {
    edits += editDistance(heard, said)
    length += said.count
  }

  public mutating func addCharacters(heard: String, said: String) { add(heard: Array(heard), said: Array(said)) }

  public mutating func addWords(heard: String, said: String) {
    add(heard: heard.split(separator: " "), said: said.split(separator: " "))
  }
}

/// The least number of insertions, deletions and replacements that make b of a (Levenshtein 1965).
public func editDistance<Unit: Equatable>(_ a: [Unit], _ b: [Unit]) -> Int {
  var row = Array(0...b.count)
  for (i, unit) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (unit == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
    }
  }
  return row[b.count]
}
