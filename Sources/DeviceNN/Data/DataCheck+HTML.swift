// The page of a data check: one file that asks for nothing from anywhere, in the style of a run's report.
internal import Foundation

extension DataCheck {
  /// The findings with the pictures they are about, and some of each class.
  public func html() -> String {
    let title = URL(fileURLWithPath: path).lastPathComponent
    return htmlPage(
      title: title,
      body: """
        <header>
        <p class="eyebrow">data check</p>
        <h1>\(escaped(title))</h1>
        <p class="lead">\(grouped(pictures.count)) pictures of \(grouped(classes.count)) classes</p>
        </header>
        \(findingCards)
        \(classTable)
        \(samples)
        """)
  }

  private var findingCards: String {
    let findings = self.findings
    guard !findings.isEmpty else {
      return "<section class=\"card\"><h2>Findings</h2>\n<p class=\"calm\">Nothing odd was found.</p>\n</section>"
    }
    return findings.map { finding in
      let shown = finding.examples.prefix(6).flatMap { $0.prefix(4) }
      let figures = shown.isEmpty ? "" : "\n<div class=\"photos\">\n\(photos(shown, hasPart: true))\n</div>"
      let files = finding.title.contains("can't be read") ? unreadableList : ""
      return """
        <section class="card"><h2>\(escaped(finding.title))</h2>
        <p class="note">\(escaped(finding.advice))</p>\(figures)\(files)
        </section>
        """
    }.joined(separator: "\n")
  }

  private var unreadableList: String {
    let rows = unreadable.prefix(50).map { "<dt>\(escaped($0.file))</dt><dd>\(escaped($0.error.reason))</dd>" }
    let more = unreadable.count > 50 ? "\n<p class=\"calm\">and \(grouped(unreadable.count - 50)) more</p>" : ""
    return "\n<dl>\n\(rows.joined(separator: "\n"))\n</dl>\(more)"
  }

  private var classTable: String {
    let head = parts.map { "<th scope=\"col\">\($0.rawValue)</th>" }.joined()
    let rows = classes.indices.map { label in
      let counts = parts.map { "<td>\(grouped(count(of: label, in: $0)))</td>" }.joined()
      return "<tr><th scope=\"row\">\(escaped(classes[label]))</th>\(counts)<td></td></tr>"
    }
    let sizes = self.sizes.map {
      "width x height: \($0.smallest.0)x\($0.smallest.1) the smallest, \($0.median.0)x\($0.median.1) the median, "
        + "\($0.largest.0)x\($0.largest.1) the largest"
    }
    return """
      <section class="card"><h2>Pictures of each class</h2>
      <p class="note">\(sizes ?? "")</p>
      <div class="classes\(classes.count > 24 ? " long" : "")" tabindex="0">
      \(htmlTable(head: "<th scope=\"col\">class</th>\(head)<th></th>", rows))
      </div>
      </section>
      """
  }

  /// Six of each class, evenly spaced, for as many classes as a page can hold.
  private var samples: String {
    classes.indices.prefix(40).map { label in
      let members = pictures.indices.filter { pictures[$0].label == label && pictures[$0].part == .train }
      let count = min(6, members.count)
      let shown = (0..<count).map { members[$0 * members.count / count] }
      return """
        <section class="card"><h2>\(escaped(classes[label]))</h2>
        <div class="photos">
        \(photos(shown, hasPart: false))
        </div>
        </section>
        """
    }.joined(separator: "\n")
  }

  private func photos(_ shown: [Int], hasPart: Bool) -> String {
    let thumbnails = concurrentMap(shown.count) { thumbnail(pictures[shown[$0]]) }
    return zip(shown, thumbnails).map { number, photo in
      let picture = pictures[number]
      let caption = hasPart ? "<b>\(escaped(classes[picture.label]))</b> \(picture.part.rawValue)" : ""
      let image = photo.map { "<img alt=\"\(escaped(picture.name))\" src=\"data:image/jpeg;base64,\($0.base64EncodedString())\">" }
      return """
        <figure>
        \(image ?? "<div class=\"blank\"></div>")
        <figcaption>\(caption)<small title="\(escaped(picture.name))">\(escaped(picture.name))</small></figcaption>
        </figure>
        """
    }.joined(separator: "\n")
  }

  private func thumbnail(_ picture: Picture) -> Data? {
    guard let image = try? sources[picture.part]!.image(at: picture.index, atLeast: 160) else { return nil }
    let scale = min(1, 160 / Double(min(image.width, image.height)))
    let small = image.resized(
      width: max(1, Int(Double(image.width) * scale)), height: max(1, Int(Double(image.height) * scale)))
    return Data(small.jpegData(quality: 80))
  }
}
