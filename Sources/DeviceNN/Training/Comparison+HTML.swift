// The comparison as a page: the runs' curves over each other, and the table.
extension Comparison {
  public func html() -> String {
    htmlPage(
      title: title, style: numberedStyle + "\n" + comparisonStyle,
      body: """
        <header>
        <p class="eyebrow">the most accurate first</p>
        <h1>\(escaped(title))</h1>
        \(warning.map { "<p class=\"lead wrong\">\(escaped($0))</p>" } ?? "<p class=\"lead\">\(escaped(runs.first?.configuration.data ?? ""))</p>")
        </header>
        <div class="grid">
        \(chart("Validation accuracy", .percent, \.validationAccuracy))
        \(chart("Validation loss", .loss, \.validationLoss))
        </div>
        \(table)
        """)
  }

  private var title: String { "\(runs.count) runs" }

  private func chart(_ title: String, _ format: SVGChart.Format, _ value: (EpochMetrics) -> Double) -> String {
    let last = runs.compactMap { $0.epochs.last?.epoch }.max() ?? 1
    let series = runs.enumerated().map { index, run in
      var values = Array(repeating: Double.nan, count: last)
      for epoch in run.epochs where (1...last).contains(epoch.epoch) { values[epoch.epoch - 1] = value(epoch) }
      return SVGChart.Series(name: "\(index + 1)", style: .numbered(index), values: values)
    }
    let chart = SVGChart(title: title, x: Array(1...last), marked: nil, format: format, series: series)
    return "<section class=\"card\"><h2>\(title)</h2>\n\(chart.svg())\n</section>"
  }

  private var table: String {
    let columns = columns
    let heads = columns.map { "<th scope=\"col\"\($0.isText ? " class=\"text\"" : "")>\(escaped($0.title))</th>" }
    let rows = runs.enumerated().map { index, run in
      let cells = columns.dropFirst().map { "<td\($0.isText ? " class=\"text\"" : "")>\(escaped($0.cell(run)))</td>" }
      return "<tr><th scope=\"row\"><i class=\"colour\(index % 8)\">\(index + 1)</i> \(escaped(run.path))</th>\(cells.joined())</tr>"
    }
    return """
      <section class="card"><h2>The runs</h2>
      <p class="note">accuracy is that of the model that was kept; beside it those of the best epoch and of the last</p>
      <div class="classes comparison" tabindex="0">
      \(htmlTable(head: heads.joined(), rows))
      </div>
      </section>
      """
  }
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
