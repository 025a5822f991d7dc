// The page: one file that asks for nothing from anywhere, in light and in dark.
import Foundation

extension Report {
  public func html() -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(escaped(title)) · DeviceNN</title>
    <style>
    \(reportStyle)
    </style>
    </head>
    <body>
    <main>
    \(header)
    \(tiles)
    <div class="grid">
    \(charts)
    \(facts)
    </div>
    \(classes)
    \(worstMistakes)
    </main>
    </body>
    </html>

    """
  }

  private var header: String {
    """
    <header>
    <p class="eyebrow">\(escaped(date))</p>
    <h1>\(escaped(title))</h1>
    <p class="lead">\(escaped(backbone)), trained on \(escaped(device))</p>
    <pre class="command"><code>\(escaped(command))</code></pre>
    </header>
    """
  }

  private var tiles: String {
    let epochs = self.epochs.count
    let kept = bestEpoch.map { "epoch \($0) of \(epochs)" } ?? "after \(epochs) epoch\(epochs == 1 ? "" : "s")"
    let speeds = self.epochs.map(\.imagesPerSecond).filter(\.isFinite)
    let speed = speeds.isEmpty ? .nan : speeds.reduce(0, +) / Double(speeds.count)
    let tiles = [
      tile(
        "validation accuracy", percent(confusion.accuracy),
        "\(grouped(confusion.correct)) of \(grouped(confusion.total)) images right", "right"),
      tile("validation loss", self.kept.map { decimal($0.validationLoss, places: 3) } ?? "–", kept),
      tile("macro F1", percent(confusion.macroF1), "mean of \(confusion.labels.count) classes"),
      tile("time", duration(seconds: seconds), speed.isFinite ? "\(threeDigits(speed)) images/s in training" : ""),
    ]
    return "<section class=\"tiles\">\n\(tiles.joined(separator: "\n"))\n</section>"
  }

  private func tile(_ name: String, _ value: String, _ note: String, _ style: String = "") -> String {
    "<div class=\"tile \(style)\"><span>\(name)</span><strong>\(unitsSmall(value))</strong><small>\(note)</small></div>"
  }

  /// Units are set smaller than their numbers.
  private func unitsSmall(_ value: String) -> String {
    escaped(value).split(separator: " ").map { part in
      part.contains { $0.isNumber } || part == "–" ? String(part) : "<i>\(part)</i>"
    }.joined(separator: "\u{202F}")
  }

  private var charts: String {
    let x = epochs.map(\.epoch)
    let accuracies = SVGChart(
      title: "Accuracy", x: x, marked: bestEpoch, format: .percent,
      series: [
        .init(name: "train", style: .quiet, values: epochs.map { $0.trainAccuracy ?? .nan }),
        .init(name: "validation", style: .strong, values: epochs.map(\.validationAccuracy)),
      ])
    let losses = SVGChart(
      title: "Loss", x: x, marked: bestEpoch, format: .loss,
      series: [
        .init(name: "train", style: .quiet, values: epochs.map(\.trainLoss)),
        .init(name: "validation", style: .strong, values: epochs.map(\.validationLoss)),
      ])
    let rates = SVGChart(
      title: "Learning rate", x: x, marked: nil, format: .rate,
      series: [.init(name: "", style: .strong, values: epochs.map(\.learningRate))])
    return [accuracies, losses, rates].map { "<section class=\"card\"><h2>\($0.title)</h2>\n\($0.svg())\n</section>" }
      .joined(separator: "\n")
  }

  private var facts: String {
    let all =
      [
        Detail("classes", grouped(confusion.labels.count)), Detail("images to train on", grouped(trainImages)),
        Detail("images to validate on", grouped(validationImages)),
      ] + details
    let rows = all.map { "<dt>\(escaped($0.name))</dt><dd>\(escaped($0.value))</dd>" }
    return "<section class=\"card\"><h2>The run</h2>\n<dl>\n\(rows.joined(separator: "\n"))\n</dl>\n</section>"
  }

  private var worstMistakes: String {
    guard !mistakes.isEmpty else {
      let text =
        confusion.total > 0 && confusion.correct == confusion.total
        ? "All \(grouped(confusion.total)) validation images were classified rightly." : "No photos were kept."
      return "<section class=\"card\"><h2>The worst mistakes</h2>\n<p class=\"calm\">\(text)</p>\n</section>"
    }
    let cards = mistakes.map { mistake in
      """
      <figure>
      \(image(mistake))
      <figcaption><b>\(escaped(mistake.predicted))</b> <span class="wrong">\(percent(mistake.probability))</span>\
      <br>is <b>\(escaped(mistake.actual))</b><br><small title="\(escaped(mistake.name))">\(escaped(mistake.name))</small></figcaption>
      </figure>
      """
    }
    return """
      <section class="card"><h2>The worst mistakes</h2>
      <p class="note">what the network said and how sure it was, then what the photo is</p>
      <div class="photos">
      \(cards.joined(separator: "\n"))
      </div>
      </section>
      """
  }

  private func image(_ mistake: Mistake) -> String {
    guard let type = mediaType(of: mistake.photo) else { return "<div class=\"blank\"></div>" }
    let text = "\(mistake.actual), taken for \(mistake.predicted)"
    return "<img alt=\"\(escaped(text))\" src=\"data:\(type);base64,\(mistake.photo.base64EncodedString())\">"
  }

  private func mediaType(of photo: Data) -> String? {
    if photo.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
    return photo.starts(with: [0x89, 0x50, 0x4E, 0x47]) ? "image/png" : nil
  }
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
