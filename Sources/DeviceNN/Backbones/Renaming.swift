extension [String: String] {
  /// `name` with its longest beginning that is called otherwise here replaced: `features.0.1.weight` becomes
  /// `bn1.weight` where `features.0.1` is `bn1`.
  func renamed(_ name: String) -> String {
    var beginning = name[...]
    while true {
      if let other = self[String(beginning)] { return other + name[beginning.endIndex...] }
      guard let dot = beginning.lastIndex(of: ".") else { return name }
      beginning = name[..<dot]
    }
  }

  /// Keras' names of a batch norm's parameters.
  mutating func addKerasNorm(_ name: String, as norm: String) {
    for (leaf, kind) in [
      "weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance",
    ] { self["\(name).\(leaf)"] = "\(norm).\(kind)" }
  }
}
