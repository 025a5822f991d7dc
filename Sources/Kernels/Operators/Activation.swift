/// What an operator may apply to its result on the way out, at no cost in memory traffic.
public enum Activation: Int, Sendable, Hashable, Codable {
  case none = 0
  case relu = 1
  /// min(max(x, 0), 6), as in MobileNet.
  case relu6 = 2
}
