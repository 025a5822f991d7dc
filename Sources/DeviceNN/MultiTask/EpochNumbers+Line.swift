extension EpochNumbers {
  /// The line that an epoch of several tasks leaves behind.
  public func line(_ tasks: [LearningTask], epochs: Int) -> String {
    let number = "\(epoch)"
    let blanks = String(repeating: " ", count: max("\(epochs)".count - number.count, 0))
    let measured = tasks.map { task in
      let (name, isBetterHigher) = task.kind.mainMetric
      let metric = TaskMetric(
        name: name, value: self["validation/\(task.name)/\(name)"], isBetterHigher: isBetterHigher)
      return "\(task.name) \(name == "accuracy" ? "" : metric.title + " ")\(metric.text)"
    }
    return ([
      "epoch \(blanks)\(number)/\(epochs)", "loss \(decimal(self["loss"], places: 3))",
      "validation \(decimal(self["validation/loss"], places: 3))",
    ] + measured + ["\(threeDigits(self["itemsPerSecond"])) images/s", clock(seconds: self["seconds"])])
      .joined(separator: "  ")
  }
}
