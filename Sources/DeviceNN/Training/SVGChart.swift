// Curves by epoch as inline SVG: no script, no library; colours come from the page's style.

/// One chart with an axis of epochs. Values that are no numbers (a loss that diverged) leave a gap.
struct SVGChart {
  struct Series {
    enum Style: String { case strong, quiet }

    var name: String
    var style: Style
    /// One for each epoch.
    var values: [Double]
  }

  enum Format { case loss, percent, rate }

  var title: String
  var x: [Int]
  /// An epoch whose strong value gets a ring.
  var marked: Int?
  var format: Format
  var series: [Series]

  // The drawing's own units; the page scales it to the width of its card.
  private let width = 560.0
  private let left = 52.0
  private let right = 448.0
  private let top = 22.0
  private let bottom = 236.0

  func svg() -> String {
    let drawn = series.filter { $0.values.contains(where: \.isFinite) }
    guard !drawn.isEmpty else { return "<p class=\"calm\">There is nothing to draw.</p>" }
    let axis = ChartAxis(
      values: drawn.flatMap(\.values), startsAtZero: format != .percent, limit: format == .percent ? 1 : nil)
    let parts =
      axis.ticks.map { gridLine($0, axis) } + epochTicks + drawn.map { curve($0, axis) } + endLabels(drawn, axis)
      + [mark(drawn, axis)] + x.indices.map { hover($0, drawn, axis) }
    return """
      <svg viewBox="0 0 \(Int(width)) 268" role="img" aria-label="\(title) by epoch">
      \(parts.filter { !$0.isEmpty }.joined(separator: "\n"))
      </svg>
      """
  }

  private func gridLine(_ tick: Double, _ axis: ChartAxis) -> String {
    let y = height(tick, axis)
    return "<path class=\"rule\" d=\"M\(left) \(y)H\(right)\"/>"
      + "<text class=\"tick\" x=\"\(left - 8)\" y=\"\(y + 4)\" text-anchor=\"end\">\(text(tick, step: axis.step))</text>"
  }

  private var epochTicks: [String] {
    let step = ChartAxis.wholeStep(count: x.count)
    let shown = x.indices.filter { x[$0] % step == 0 || x.count <= 2 || $0 == 0 && step > 2 }
    return shown.map { "<text class=\"tick\" x=\"\(place($0))\" y=\"256\" text-anchor=\"middle\">\(x[$0])</text>" }
      + ["<text class=\"tick\" x=\"\(width)\" y=\"256\" text-anchor=\"end\">epoch</text>"]
  }

  private func curve(_ series: Series, _ axis: ChartAxis) -> String {
    var path = ""
    var dots = ""
    for (index, value) in series.values.enumerated() where value.isFinite {
      let before = index > 0 && series.values[index - 1].isFinite
      let after = index + 1 < series.values.count && series.values[index + 1].isFinite
      path += "\(before ? "L" : "M")\(place(index)) \(height(value, axis))"
      if !before, !after { dots += dot(index, value, series, axis) }
    }
    return "<path class=\"line \(series.style.rawValue)\" d=\"\(path)\"/>\(dots)"
  }

  /// Each curve is named where it ends; names that would collide move apart.
  private func endLabels(_ drawn: [Series], _ axis: ChartAxis) -> [String] {
    let ends = drawn.compactMap { series in
      series.values.lastIndex(where: \.isFinite).map { (series: series, index: $0, value: series.values[$0]) }
    }
    var y = ends.map { height($0.value, axis) }
    if y.count == 2, abs(y[0] - y[1]) < 36 {
      let middle = min(max((y[0] + y[1]) / 2, top + 18), bottom - 18)
      let isFirstAbove = y[0] <= y[1]
      y = [rounded(middle + (isFirstAbove ? -18 : 18)), rounded(middle + (isFirstAbove ? 18 : -18))]
    }
    return zip(ends, y).map { end, y in
      let x = right + 12
      let name = end.series.name.isEmpty ? "" : "<tspan class=\"name\" x=\"\(x)\" dy=\"14\">\(end.series.name)</tspan>"
      return dot(end.index, end.value, end.series, axis)
        + "<text class=\"end \(end.series.style.rawValue)\" x=\"\(x)\" y=\"\(y + (name.isEmpty ? 5 : 0))\">\(text(end.value))\(name)</text>"
    }
  }

  private func mark(_ drawn: [Series], _ axis: ChartAxis) -> String {
    guard let marked, let index = x.firstIndex(of: marked), let series = drawn.first(where: { $0.style == .strong }),
      series.values[index].isFinite
    else { return "" }
    return "<circle class=\"ring\" cx=\"\(place(index))\" cy=\"\(height(series.values[index], axis))\" r=\"7\"/>"
  }

  /// A band over each epoch that shows its values while the pointer is there.
  private func hover(_ index: Int, _ drawn: [Series], _ axis: ChartAxis) -> String {
    let half = x.count > 1 ? (right - left) / Double(x.count - 1) / 2 : (right - left) / 2
    let values = drawn.map { ($0.name.isEmpty ? "" : $0.name + " ") + text($0.values[index]) }
    let line = (["epoch \(x[index])"] + values).joined(separator: " · ")
    let dots = drawn.filter { $0.values[index].isFinite }.map { dot(index, $0.values[index], $0, axis) }
    return
      "<g class=\"at\"><rect x=\"\(rounded(place(index) - half))\" y=\"0\" width=\"\(rounded(2 * half))\" height=\"\(bottom)\"/>"
      + "<g><path class=\"guide\" d=\"M\(place(index)) \(top)V\(bottom)\"/>\(dots.joined())"
      + "<text x=\"\(right)\" y=\"12\" text-anchor=\"end\">\(line)</text></g><title>\(line)</title></g>"
  }

  private func dot(_ index: Int, _ value: Double, _ series: Series, _ axis: ChartAxis) -> String {
    "<circle class=\"dot \(series.style.rawValue)\" cx=\"\(place(index))\" cy=\"\(height(value, axis))\" r=\"4\"/>"
  }

  private func place(_ index: Int) -> Double {
    x.count > 1 ? rounded(left + (right - left) * Double(index) / Double(x.count - 1)) : (left + right) / 2
  }

  private func height(_ value: Double, _ axis: ChartAxis) -> Double {
    rounded(bottom - (bottom - top) * (value - axis.low) / (axis.high - axis.low))
  }

  /// Tenths of a unit are finer than any screen shows.
  private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

  private func text(_ value: Double, step: Double? = nil) -> String {
    guard value.isFinite else { return "–" }
    return switch format {
    case .loss: step == nil ? decimal(value, places: 3) : significant(value)
    case .percent: decimal(100 * value, places: step.map { $0 < 0.0095 ? 1 : 0 } ?? 1) + " %"
    case .rate: significant(value)
    }
  }
}
