import Foundation

/// The range of an axis and the round numbers on it.
struct ChartAxis {
  let low: Double
  let high: Double
  let step: Double

  /// About five steps of 1, 2 or 5 times a power of ten around the finite ones of `values`. The axis begins at 0 where
  /// that wastes less than half of it or is asked for, and does not go beyond `limit`.
  init(values: [Double], startsAtZero: Bool, limit: Double? = nil) {
    let finite = values.filter(\.isFinite)
    let highest = finite.max() ?? 1
    let lowest = finite.min() ?? 0
    let bottom = startsAtZero && lowest >= 0 || lowest > 0 && lowest < 0.4 * highest ? 0 : lowest
    let span = highest > bottom ? highest - bottom : highest == 0 ? 1 : abs(highest) * 0.1
    let step = Self.step(span: span)
    let slack = span * 0.001
    let low = ((bottom + slack) / step).rounded(.down) * step
    let high = max(((highest - slack) / step).rounded(.up) * step, low + step)
    self.step = step
    self.high = min(high, limit ?? high)
    self.low = low < self.high ? low : self.high - step
  }

  var ticks: [Double] {
    let count = Int(((high - low) / step + 1e-6).rounded(.down))
    return (0...max(count, 1)).map { low + Double($0) * step }.map { abs($0) < step * 1e-9 ? 0 : $0 }
  }

  /// The step between whole numbers for at most about eight of `count`.
  static func wholeStep(count: Int) -> Int {
    [1, 2, 5, 10, 20, 50, 100, 200, 500].first { count / $0 <= 10 } ?? max(count / 8, 1)
  }

  private static func step(span: Double) -> Double {
    let power = pow(10, (log10(span / 4)).rounded(.down))
    return [1, 2, 5, 10].map { $0 * power }.first { span / $0 <= 5 } ?? 10 * power
  }
}
