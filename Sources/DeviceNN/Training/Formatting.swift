// Numbers and durations as a reader wants them.
import Foundation

/// `value` with this many decimal places, the same in every locale.
func decimal(_ value: Double, places: Int) -> String {
  guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-∞" : "∞" }
  return String(format: "%.\(places)f", value)
}

/// A rate or a count of about three digits: 0.52, 5.2, 52, 5200.
func threeDigits(_ value: Double) -> String {
  decimal(value, places: abs(value) >= 99.95 ? 0 : abs(value) >= 9.995 ? 1 : 2)
}

/// A learning rate: 0.001, 0.00025, 1.2e-05.
func significant(_ value: Double) -> String {
  value.isFinite ? String(format: "%.3g", value) : decimal(value, places: 0)
}

/// A duration as a clock shows it: 0:07, 12:34, 1:02:03.
func clock(seconds: Double) -> String {
  guard seconds.isFinite, seconds < 1e7 else { return "–:––" }
  let whole = Int(max(seconds, 0).rounded())
  let tail = String(format: "%02d", whole % 60)
  guard whole >= 3600 else { return "\(whole / 60):\(tail)" }
  return "\(whole / 3600):" + String(format: "%02d", whole / 60 % 60) + ":\(tail)"
}

/// A duration as one says it: 4.2 s, 3 min 20 s, 2 h 5 min.
func duration(seconds: Double) -> String {
  guard seconds.isFinite else { return "–" }
  if seconds < 59.95 { return decimal(seconds, places: 1) + " s" }
  let whole = Int(seconds.rounded())
  if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
  return "\(whole / 3600) h \(whole / 60 % 60) min"
}

/// A count with thin spaces between its thousands: 12 345.
func grouped(_ value: Int) -> String {
  var digits = Array(String(value.magnitude))
  for index in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert("\u{2009}", at: index) }
  return (value < 0 ? "-" : "") + String(digits)
}
