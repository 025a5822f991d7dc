internal import Foundation

extension LearningRateSweep {
  /// The curve over a logarithmic axis, with the suggestion marked: a picture that stands alone.
  public var svg: String {
    let (left, right, top, bottom) = (64.0, 616.0, 30.0, 320.0)
    let axis = ChartAxis(values: losses, startsAtZero: false)
    let (low, high) = (log10(Double(rates.first ?? 1e-6)), log10(Double(rates.last ?? 1)))
    func x(_ rate: Float) -> String { decimal(left + (right - left) * (log10(Double(rate)) - low) / max(high - low, 1e-9), places: 1) }
    func y(_ loss: Double) -> String { decimal(bottom - (bottom - top) * (loss - axis.low) / (axis.high - axis.low), places: 1) }
    var parts = axis.ticks.map { tick in
      "<path d=\"M\(left) \(y(tick))H\(right)\" stroke=\"#e5e4de\"/>"
        + "<text x=\"\(left - 8)\" y=\"\(y(tick))\" dy=\"4\" text-anchor=\"end\">\(significant(tick))</text>"
    }
    if high > low {
      for power in Int(low.rounded(.up))...Int(high.rounded(.down)) {
        parts.append("<text x=\"\(x(powf(10, Float(power))))\" y=\"\(bottom + 22)\" text-anchor=\"middle\">1e\(power)</text>")
      }
    }
    let points = zip(rates, losses).map { "\(x($0)) \(y($1))" }.joined(separator: "L")
    parts.append("<path d=\"M\(points)\" fill=\"none\" stroke=\"#0f766e\" stroke-width=\"2.25\" stroke-linejoin=\"round\"/>")
    if let suggestion, let index = rates.firstIndex(of: suggestion) {
      parts.append("<circle cx=\"\(x(suggestion))\" cy=\"\(y(losses[index]))\" r=\"6\" fill=\"none\" stroke=\"#d2542f\" stroke-width=\"2\"/>")
      parts.append("<text x=\"\(x(suggestion))\" y=\"\(top - 10)\" text-anchor=\"middle\" fill=\"#d2542f\">\(significant(Double(suggestion)))</text>")
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" font-family="system-ui, sans-serif" font-size="12" fill="#5f6966">
      <rect width="640" height="360" fill="#ffffff"/>
      \(parts.joined(separator: "\n"))
      <text x="\(right)" y="352" text-anchor="end">learning rate</text>
      <text x="12" y="18">loss</text>
      </svg>

      """
  }
}
