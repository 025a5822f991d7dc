// Comparisons as pages: the runs' curves over each other, and the table.
extension Comparison {
  public func html() -> String {
    func chart(_ title: String, _ format: SVGChart.Format, _ value: (EpochMetrics) -> Double) -> String {
      numberedChart(title, format, runs.map { run in (epochs: run.epochs.map(\.epoch), values: run.epochs.map(value)) })
    }
    return htmlComparison(
      title: "\(runs.count) runs", eyebrow: "the most accurate first", warning: warning,
      lead: runs.first?.configuration.data ?? "",
      [chart("Validation accuracy", .percent, \.validationAccuracy), chart("Validation loss", .loss, \.validationLoss)],
      note: "accuracy is that of the model that was kept; beside it those of the best epoch and of the last",
      columns: columns.map { ($0.title, $0.isText) }, rows: runs.map { run in columns.map { $0.cell(run) } })
  }
}

/// The page of runs side by side; a row begins with the run's name.
func htmlComparison(
  title: String, eyebrow: String, warning: String? = nil, lead: String, _ charts: [String], note: String,
  columns: [(title: String, isText: Bool)], rows: [[String]]
) -> String {
  func kind(_ column: (title: String, isText: Bool)) -> String { column.isText ? " class=\"text\"" : "" }
  let heads = columns.map { "<th scope=\"col\"\(kind($0))>\(escaped($0.title))</th>" }
  let lines = rows.enumerated().map { index, row in
    let cells = zip(columns, row).dropFirst().map { "<td\(kind($0))>\(escaped($1))</td>" }
    return "<tr><th scope=\"row\"><i class=\"colour\(index % 8)\">\(index + 1)</i> \(escaped(row[0]))</th>\(cells.joined())</tr>"
  }
  return htmlPage(
    title: title, style: numberedStyle + "\n" + comparisonStyle,
    body: """
      <header>
      <p class="eyebrow">\(escaped(eyebrow))</p>
      <h1>\(escaped(title))</h1>
      \(warning.map { "<p class=\"lead wrong\">\(escaped($0))</p>" } ?? "<p class=\"lead\">\(escaped(lead))</p>")
      </header>
      <div class="grid">
      \(charts.joined(separator: "\n"))
      </div>
      <section class="card"><h2>The runs</h2>
      <p class="note">\(escaped(note))</p>
      <div class="classes comparison" tabindex="0">
      \(htmlTable(head: heads.joined(), lines))
      </div>
      </section>
      """)
}

/// A curve for each run, by its number; a run has some of the epochs.
func numberedChart(_ title: String, _ format: SVGChart.Format, _ runs: [(epochs: [Int], values: [Double])]) -> String {
  let last = runs.compactMap(\.epochs.last).max() ?? 1
  let series = runs.enumerated().map { index, run in
    var values = Array(repeating: Double.nan, count: last)
    for (epoch, value) in zip(run.epochs, run.values) where (1...last).contains(epoch) { values[epoch - 1] = value }
    return SVGChart.Series(name: "\(index + 1)", style: .numbered(index), values: values)
  }
  let chart = SVGChart(title: title, x: Array(1...last), marked: nil, format: format, series: series)
  return "<section class=\"card\"><h2>\(escaped(title))</h2>\n\(chart.svg())\n</section>"
}

/// Colours of curves, which are no judgement here.
let numberedStyle: String = {
  let light = ["#0f766e", "#d2542f", "#4f5fb0", "#b07d12", "#93508f", "#2f86bd", "#6f8138", "#7b6a5e"]
  let dark = ["#45c4b4", "#f0805c", "#94a3ee", "#e0b04e", "#d392cf", "#6cb9e6", "#a9bd6c", "#b8a698"]
  func variables(_ colours: [String]) -> String {
    colours.enumerated().map { "--colour\($0): \($1);" }.joined(separator: " ")
  }
  let rules = light.indices.map { i in
    "svg .line.colour\(i) { stroke: var(--colour\(i)); } svg .dot.colour\(i), svg .end.colour\(i) { fill: var(--colour\(i)); }"
      + " i.colour\(i) { background: var(--colour\(i)); }"
  }
  return """
      :root { \(variables(light)) }
      @media (prefers-color-scheme: dark) { :root { \(variables(dark)) } }
    \(rules.map { "  " + $0 }.joined(separator: "\n"))
    """
}()

private let comparisonStyle = """
    .lead.wrong { color: var(--wrong); }
    .comparison i {
      display: inline-block; min-width: 20px; margin-right: 6px; padding: 0 5px; border-radius: 10px; color: var(--card);
      font-style: normal; font-size: 12px; font-weight: 620; line-height: 20px; text-align: center;
    }
    .comparison th, .comparison td, .comparison .text, .comparison th.text { padding-left: 8px; padding-right: 8px; }
    .comparison .text, .comparison th.text { text-align: left; }
    .comparison td.text { font-size: 13px; }
    .comparison table th:first-child { padding-left: 0; }
    .comparison thead th:last-child:not(.text) { text-align: right; }
  """
