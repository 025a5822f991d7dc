// The frame of every page: one file that asks for nothing from anywhere, in light and in dark.

/// - Parameters:
///   - title: as text.
///   - body: as HTML.
///   - style: what the page adds to the report's.
func htmlPage(title: String, style: String = "", body: String) -> String {
  """
  <!doctype html>
  <html lang="en">
  <head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>\(escaped(title)) · DeviceNN</title>
  <style>
  \(reportStyle)\(style.isEmpty ? "" : "\n" + style)
  </style>
  </head>
  <body>
  <main>
  \(body)
  </main>
  </body>
  </html>

  """
}

/// - Parameters:
///   - head: the cells of a first row, as HTML.
///   - rows: as HTML.
func htmlTable(_ style: String? = nil, head: String? = nil, _ rows: [String]) -> String {
  """
  <table\(style.map { " class=\"\($0)\"" } ?? "")>
  \(head.map { "<thead><tr>\($0)</tr></thead>\n" } ?? "")<tbody>
  \(rows.joined(separator: "\n"))
  </tbody>
  </table>
  """
}

/// A number that is to be seen first, with its name above and a note below.
func htmlTile(_ name: String, _ value: String, _ note: String, _ style: String = "") -> String {
  // Units are set smaller than their numbers.
  let value = escaped(value).split(separator: " ").map { part in
    part.contains { $0.isNumber } || part == "–" ? String(part) : "<i>\(part)</i>"
  }.joined(separator: "\u{202F}")
  return "<div class=\"tile \(style)\"><span>\(name)</span><strong>\(value)</strong><small>\(note)</small></div>"
}

func htmlTiles(_ tiles: [String]) -> String { "<section class=\"tiles\">\n\(tiles.joined(separator: "\n"))\n</section>" }

/// A part of a page.
///
/// - Parameters:
///   - title: as text, as is the note below it.
///   - body: as HTML.
func htmlCard(_ title: String, note: String? = nil, _ body: String) -> String {
  "<section class=\"card\"><h2>\(escaped(title))</h2>\n"
    + (note.map { "<p class=\"note\">\(escaped($0))</p>\n" } ?? "") + "\(body)\n</section>"
}

/// `text` as HTML shows it, in an element or a quoted attribute.
func escaped(_ text: String) -> String {
  var result = ""
  for character in text.unicodeScalars {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    default: result.unicodeScalars.append(character)
    }
  }
  return result
}

/// A part of a whole as a percentage with one decimal place.
func percent(_ value: Double?) -> String { value.map { decimal(100 * $0, places: 1) + " %" } ?? "–" }
