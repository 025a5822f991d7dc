// The confusion matrix and the table of classes in the report.
import Foundation

extension Report {
  var classes: String {
    guard confusion.total > 0 else { return "" }
    let columns = ["class", "images", "precision", "recall", "F1", "mostly taken for"].map { "<th scope=\"col\">\($0)</th>" }
    return """
      <div class="\(confusion.labels.count <= 8 ? "pair" : "stack")">
      <section class="card"><h2>What was taken for what</h2>
      <p class="note">one row for each true class, one column for each predicted one</p>
      \(confusion.html)
      </section>
      <div class="stack">
      <section class="card"><h2>Class by class</h2>
      <p class="note">the hardest first</p>
      <div class="classes\(confusion.labels.count > 24 ? " long" : "")" tabindex="0">
      \(htmlTable(head: columns.joined(), hardestFirst.map(classRow)))
      </div>
      </section>
      \(mostConfused)
      </div>
      </div>
      """
  }

  /// The most frequent mistakes; a matrix of two classes says as much.
  private var mostConfused: String {
    let shown = confusion.confusions.prefix(5)
    guard confusion.labels.count > 2, let most = shown.first?.count else { return "" }
    let rows = shown.map { pair in
      let part = Double(pair.count) / Double(confusion.support(of: pair.actual))
      return "<tr><th scope=\"row\">\(escaped(confusion.labels[pair.actual])) <small>taken for</small> "
        + "\(escaped(confusion.labels[pair.predicted]))</th>"
        + "<td class=\"meter wrong\" style=\"--p:\(decimal(100 * Double(pair.count) / Double(most), places: 1))%\"></td>"
        + "<td>\(grouped(pair.count))</td><td><small>\(percent(part)) of its images</small></td></tr>"
    }
    return """
      <section class="card"><h2>Most confused</h2>
      <div class="classes">
      \(htmlTable("amounts", rows))
      </div>
      </section>
      """
  }

  private var hardestFirst: [Int] {
    confusion.labels.indices.sorted { (confusion.f1(of: $0) ?? 2, $0) < (confusion.f1(of: $1) ?? 2, $1) }
  }

  private func classRow(_ label: Int) -> String {
    let mistake = confusion.labels.indices.filter { $0 != label && confusion.counts[label][$0] > 0 }
      .max { (confusion.counts[label][$0], $1) < (confusion.counts[label][$1], $0) }
    let taken = mistake.map { "\(escaped(confusion.labels[$0])) <small>× \(confusion.counts[label][$0])</small>" } ?? ""
    return
      "<tr><th scope=\"row\">\(escaped(confusion.labels[label]))</th><td>\(grouped(confusion.support(of: label)))</td>"
      + [confusion.precision(of: label), confusion.recall(of: label), confusion.f1(of: label)].map(bar).joined()
      + "<td class=\"text\">\(taken)</td></tr>"
  }

  private func bar(_ value: Double?) -> String {
    "<td class=\"bar\" style=\"--p:\(decimal(100 * (value ?? 0), places: 1))%\"><span>\(percent(value))</span></td>"
  }
}
