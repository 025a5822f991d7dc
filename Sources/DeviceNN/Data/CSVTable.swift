// Tables as text: RFC 4180, with LF or CRLF.
internal import Foundation

/// The rows of a CSV file with a header. An empty field is a missing value.
public struct CSVTable: Sendable, Equatable {
  public struct Row: Sendable, Equatable {
    /// As many as there are columns.
    public let fields: [String]
    /// Where the row begins in the file, counted from 1.
    public let line: Int
  }

  public let path: String
  public let columns: [String]
  public let rows: [Row]

  /// Throws `DataError.malformedLine` where quotes or the numbers of fields are wrong. Empty lines are skipped.
  public init(path: String) throws {
    self.init(try Self(parsing: try imageFileBytes(path), path: path))
  }

  private init(_ other: CSVTable) { self = other }

  init(path: String, columns: [String], rows: [Row]) { (self.path, self.columns, self.rows) = (path, columns, rows) }

  init(parsing bytes: [UInt8], path: String) throws(DataError) {
    // Spreadsheets begin files with the mark of UTF-8.
    let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    var records = try Self.records(bytes, path)
    guard !records.isEmpty else { throw .malformedLine(file: path, line: 1, reason: "it is empty, but a header was wanted") }
    let header = records.removeFirst()
    if let unnamed = header.fields.firstIndex(of: "") {
      throw .malformedLine(file: path, line: header.line, reason: "column \(unnamed + 1) of the header has no name")
    }
    if let twice = header.fields.first(where: { name in header.fields.count { $0 == name } > 1 }) {
      throw .malformedLine(file: path, line: header.line, reason: "the header names the column '\(twice)' twice")
    }
    (self.path, columns, rows) = (path, header.fields, records)
    try refuse(
      records.filter { $0.fields.count != header.fields.count }.map {
        ($0.line, "it has \($0.fields.count) fields, but the header has \(header.fields.count)")
      })
  }

  private static func records(_ bytes: ArraySlice<UInt8>, _ path: String) throws(DataError) -> [Row] {
    let (quote, comma, feed, returned) = (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    var rows: [Row] = []
    var fields: [String] = []
    var (at, line) = (bytes.startIndex, 1)
    var rowLine = 1
    func failure(_ reason: String) -> DataError { .malformedLine(file: path, line: line, reason: reason) }
    while at < bytes.endIndex {
      var field: [UInt8] = []
      if bytes[at] == quote {
        let first = line
        at += 1
        while true {
          guard at < bytes.endIndex else {
            throw .malformedLine(file: path, line: first, reason: "a field that begins with a quote never ends")
          }
          if bytes[at] == quote {
            at += 1
            guard at < bytes.endIndex, bytes[at] == quote else { break }
          } else if bytes[at] == feed {
            line += 1
          }
          field.append(bytes[at])
          at += 1
        }
      } else {
        while at < bytes.endIndex, bytes[at] != comma, bytes[at] != feed {
          if bytes[at] == quote { throw failure("a quote stands within a field that doesn't begin with one") }
          field.append(bytes[at])
          at += 1
        }
        let isAtLineEnd = at == bytes.endIndex || bytes[at] == feed
        if isAtLineEnd, field.last == returned { field.removeLast() }
      }
      guard let text = String(validating: field, as: UTF8.self) else { throw failure("it is no text in UTF-8") }
      fields.append(text)
      if at < bytes.endIndex, bytes[at] == comma {
        at += 1
        // A comma at the very end has an empty field behind it.
        if at < bytes.endIndex { continue }
        fields.append("")
      }
      if at < bytes.endIndex, bytes[at] == returned { at += 1 }
      guard at == bytes.endIndex || bytes[at] == feed else { throw failure("there is text behind a closing quote") }
      if fields != [""] { rows.append(Row(fields: fields, line: rowLine)) }
      fields = []
      at += 1
      line += 1
      rowLine = line
    }
    return rows
  }
}
