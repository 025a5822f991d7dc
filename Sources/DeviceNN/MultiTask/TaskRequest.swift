/// A task as a command names it: a column, and perhaps its kind and what belongs to that: `age`, `age:regression`,
/// `size:ordinal:small,medium,large`.
public struct TaskRequest: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case classes, labels, regression, ordinal, counts
    /// Regression that predicts a deviation too.
    case uncertain
  }

  public var column: String
  /// Nil is guessed by the labels.
  public var kind: Kind?
  /// Of an ordinal task, from the lowest to the highest; nil sorts what is found.
  public var levels: [String]?

  public init(column: String, kind: Kind? = nil, levels: [String]? = nil) {
    (self.column, self.kind, self.levels) = (column, kind, levels)
  }

  /// The request that makes the task again, of the same data.
  public init(_ task: LearningTask) {
    column = task.name
    switch task.kind {
    case .classes: kind = .classes
    case .multiLabel: kind = .labels
    case .regression(_, _, let isUncertain): kind = isUncertain ? .uncertain : .regression
    case .ordinal(let levels): (kind, self.levels) = (.ordinal, levels)
    case .counts: kind = .counts
    }
  }

  /// Nil where the text is no task.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard (1...3).contains(parts.count), !parts[0].isEmpty else { return nil }
    column = parts[0]
    if parts.count > 1 {
      guard let kind = Kind(rawValue: parts[1]) else { return nil }
      self.kind = kind
    }
    if parts.count > 2 {
      let levels = parts[2].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard kind == .ordinal, levels.count > 1, !levels.contains(""), Set(levels).count == levels.count else { return nil }
      self.levels = levels
    }
  }
}

extension TaskRequest {
  /// The kind that the training labels suggest: few different whole numbers and words are classes, other numbers are
  /// regression, and words with semicolons between them are several labels. A word among many numbers is a mistake, which
  /// regression names.
  static func guess(_ labels: [String]) -> Kind {
    let numbers = labels.filter { Float($0) != nil }
    if numbers.count * 10 >= labels.count * 9, Set(numbers).count > 10 { return .regression }
    if labels.allSatisfy({ Float($0) != nil }) {
      return Set(labels).count <= 10 && labels.allSatisfy { Int($0) != nil } ? .classes : .regression
    }
    let parts = labels.flatMap { $0.split(separator: ";") }
    return labels.contains { $0.contains(";") } && !parts.allSatisfy({ Float($0) != nil })
      ? .labels : parts.count > labels.count ? .regression : .classes
  }
}
