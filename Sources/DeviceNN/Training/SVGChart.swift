// Curves by epoch as inline SVG: no script, no library; colours come from the page's style.

/// One chart with an axis of epochs. Values that are no numbers (a loss that diverged) leave a gap.
struct SVGChart {
  struct Series {
    enum Style: Equatable {
      case strong, quiet
      /// One of many, which are told apart by colour and number.
      case numbered(Int)

      /// Its name in the page's style.
      var name: String {
        switch self {
        case .strong: "strong"
        case .quiet: "quiet"
        case .numbered(let number): "colour\(number % 8)"
        }
      }

      var isNumbered: Bool { self != .strong && self != .quiet }
    }

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
    return "<path class=\"line \(series.style.name)\" d=\"\(path)\"/>\(dots)"
  }

  /// Each curve is named where it ends; names that would collide move apart.
  private func endLabels(_ drawn: [Series], _ axis: ChartAxis) -> [String] {
    let ends = drawn.compactMap { series in
      series.values.lastIndex(where: \.isFinite).map { (series: series, index: $0, value: series.values[$0]) }
    }
    let ys = apart(ends.map { height($0.value, axis) }, by: drawn[0].style.isNumbered ? 17 : 36)
    return zip(ends, ys).map { end, y in
      let x = right + 12
      let (name, style) = (escaped(end.series.name), end.series.style)
      let label =
        style.isNumbered
        ? "<tspan class=\"name\">\(name)</tspan> \(text(end.value))"
        : text(end.value) + (name.isEmpty ? "" : "<tspan class=\"name\" x=\"\(x)\" dy=\"14\">\(name)</tspan>")
      return dot(end.index, end.value, end.series, axis)
        + "<text class=\"end \(style.name)\" x=\"\(x)\" y=\"\(y + (style.isNumbered || name.isEmpty ? 5 : 0))\">\(label)</text>"
    }
  }

  /// Heights moved as little as it takes for each to be so far from the next: those that would collide stand around
  /// their middle.
  private func apart(_ heights: [Double], by distance: Double) -> [Double] {
    var clusters: [(members: [Int], sum: Double)] = []
    func first(_ cluster: (members: [Int], sum: Double)) -> Double {
      let length = distance * Double(cluster.members.count - 1)
      return max(top, min(cluster.sum / Double(cluster.members.count) - length / 2, bottom - length))
    }
    for index in heights.indices.sorted(by: { heights[$0] < heights[$1] }) {
      clusters.append(([index], heights[index]))
      while clusters.count > 1, case let (above, below) = (clusters[clusters.count - 2], clusters[clusters.count - 1]),
        first(below) - first(above) < distance * Double(above.members.count)
      {
        clusters.removeLast(2)
        clusters.append((above.members + below.members, above.sum + below.sum))
      }
    }
    var result = heights
    for cluster in clusters {
      for (place, index) in cluster.members.enumerated() { result[index] = rounded(first(cluster) + distance * Double(place)) }
    }
    return result
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
    let values = drawn.filter { $0.values[index].isFinite || !$0.style.isNumbered }
      .map { ($0.name.isEmpty ? "" : escaped($0.name) + " ") + text($0.values[index]) }
    let line = (["epoch \(x[index])"] + values).joined(separator: " · ")
    let dots = drawn.filter { $0.values[index].isFinite }.map { dot(index, $0.values[index], $0, axis) }
    return
      "<g class=\"at\"><rect x=\"\(rounded(place(index) - half))\" y=\"0\" width=\"\(rounded(2 * half))\" height=\"\(bottom)\"/>"
      + "<g><path class=\"guide\" d=\"M\(place(index)) \(top)V\(bottom)\"/>\(dots.joined())"
      + "<text x=\"\(right)\" y=\"12\" text-anchor=\"end\">\(line)</text></g><title>\(line)</title></g>"
  }

  private func dot(_ index: Int, _ value: Double, _ series: Series, _ axis: ChartAxis) -> String {
    "<circle class=\"dot \(series.style.name)\" cx=\"\(place(index))\" cy=\"\(height(value, axis))\" r=\"4\"/>"
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
