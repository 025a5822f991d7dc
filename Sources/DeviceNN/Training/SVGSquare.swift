// Two numbers of one range against each other, as inline SVG: calibration, ROC curves, what was said and what is right.

/// One square chart with both axes from 0 to 100 %, and the diagonal.
struct SVGSquare {
  struct Series {
    var name: String
    /// What is said of the curve in a number.
    var value: String
    var isStrong: Bool
    var points: [Point]
  }

  struct Point {
    var x, y: Double
    /// What it counts for, as a part of the most, if it is a dot; nil for a point of a line.
    var weight: Double?
    /// What is shown while the pointer is over the dot.
    var note = ""
  }

  var title: String
  var xName: String
  var yName: String
  var series: [Series]
  /// What is written at a part of an axis.
  var tick: (Double) -> String = { "\(Int(100 * $0)) %" }

  // The drawing's own units; the page scales it to the width of its card.
  private let left = 52.0
  private let top = 34.0
  private let side = 360.0

  func svg() -> String {
    let parts = stride(from: 0.0, through: 1, by: 0.25).flatMap(gridLines) + [
      "<path class=\"guide\" d=\"M\(x(0)) \(y(0))L\(x(1)) \(y(1))\"/>",
      "<text class=\"tick\" x=\"\(left - 44)\" y=\"14\">\(yName)</text>",
      "<text class=\"tick\" x=\"560\" y=\"\(y(0) + 20)\" text-anchor=\"end\">\(xName)</text>",
    ] + series.map(curve) + series.enumerated().map(key)
    return """
      <svg viewBox="0 0 560 424" role="img" aria-label="\(title)">
      \(parts.joined(separator: "\n"))
      </svg>
      """
  }

  private func gridLines(_ tick: Double) -> [String] {
    let text = self.tick(tick)
    return [
      "<path class=\"rule\" d=\"M\(x(0)) \(y(tick))H\(x(1))M\(x(tick)) \(y(0))V\(y(1))\"/>",
      "<text class=\"tick\" x=\"\(left - 8)\" y=\"\(y(tick) + 4)\" text-anchor=\"end\">\(text)</text>",
      "<text class=\"tick\" x=\"\(x(tick))\" y=\"\(y(0) + 20)\" text-anchor=\"middle\">\(text)</text>",
    ]
  }

  private func curve(_ series: Series) -> String {
    let style = series.isStrong ? "strong" : "quiet"
    let path = series.points.map { "\(x($0.x)) \(y($0.y))" }.joined(separator: "L")
    let dots = series.points.compactMap { point in
      point.weight.map {
        "<circle class=\"dot \(style)\" cx=\"\(x(point.x))\" cy=\"\(y(point.y))\" r=\"\(rounded(3 + 7 * $0.squareRoot()))\">"
          + "<title>\(point.note)</title></circle>"
      }
    }
    // Dots of few answers jump, and a line would make curves of that.
    return dots.isEmpty ? "<path class=\"line \(style)\" d=\"M\(path)\"/>" : dots.joined()
  }

  private func key(_ index: Int, _ series: Series) -> String {
    let (x, y) = (left + side + 20, top + 12 + 48 * Double(index))
    return "<text class=\"end \(series.isStrong ? "strong" : "quiet")\" x=\"\(x)\" y=\"\(y)\">\(series.value)"
      + "<tspan class=\"name\" x=\"\(x)\" dy=\"15\">\(series.name)</tspan></text>"
  }

  private func x(_ part: Double) -> Double { rounded(left + side * part) }
  private func y(_ part: Double) -> Double { rounded(top + side * (1 - part)) }
  private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
