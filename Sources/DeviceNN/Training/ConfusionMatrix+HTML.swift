// The confusion matrix in a page.

extension ConfusionMatrix {
  /// A row for each true class, a column for each predicted one.
  var html: String {
    let predicted = labels.map { "<th scope=\"col\"><span>\(escaped($0))</span></th>" }
    return """
      <div class="matrix \(style)" tabindex="0">
      \(htmlTable(head: "<td></td>" + predicted.joined(), labels.indices.map(row)))
      </div>
      """
  }

  /// Cells shrink with the number of classes; above 40 the table scrolls under names that stay.
  private var style: String {
    switch labels.count {
    case ...8: "large"
    case ...40: "medium"
    default: "small"
    }
  }

  /// Colours are parts of the row, so that classes of all sizes compare; mistakes are drawn stronger (by the square
  /// root), because the few that there are should be seen.
  private func row(_ actual: Int) -> String {
    let support = support(of: actual)
    let cells = labels.indices.map { predicted in
      let count = counts[actual][predicted]
      guard count > 0 else { return actual == predicted ? "<td class=\"d\">0</td>" : "<td></td>" }
      let part = Double(count) / Double(support)
      let heat = Int((100 * (actual == predicted ? part : part.squareRoot())).rounded())
      let style = (actual == predicted ? "r" : "w") + (heat > (actual == predicted ? 60 : 75) ? " s" : "")
      let title = "\(labels[actual]) taken for \(labels[predicted]): \(count) of \(support)"
      return "<td class=\"\(style)\" style=\"--p:\(heat)%\" title=\"\(escaped(title))\">\(count)</td>"
    }
    return
      "<tr><th scope=\"row\" title=\"\(escaped(labels[actual]))\">\(escaped(labels[actual]))</th>\(cells.joined())</tr>"
  }
}
