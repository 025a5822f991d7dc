/// What kind of answer a task wants, with what is known of it from its training labels.
public enum TaskKind: Codable, Sendable, Equatable {
  /// One of these.
  case classes([String])
  /// Any of these.
  case multiLabel([String])
  /// Numbers, which are learnt as multiples of `deviation` from `mean`. Where `isUncertain`, a deviation is predicted for each
  /// (Kendall and Gal 2017).
  case regression(mean: [Float], deviation: [Float], isUncertain: Bool)
  /// One of these, which have an order: consistent cumulative logits (Cao et al. 2020, CORAL).
  case ordinal([String])
  /// A number of things, of a Poisson distribution; `mean` is that of the training labels.
  case counts(mean: Float)
}

extension TaskKind {
  /// What commands and files call it.
  public var name: String {
    switch self {
    case .classes: "classes"
    case .multiLabel: "labels"
    case .regression(_, _, let isUncertain): isUncertain ? "uncertain" : "regression"
    case .ordinal: "ordinal"
    case .counts: "counts"
    }
  }

  /// How many numbers a label has.
  public var targetWidth: Int {
    switch self {
    case .classes, .ordinal, .counts: 1
    case .multiLabel(let labels): labels.count
    case .regression(let mean, _, _): mean.count
    }
  }

  /// How many numbers a head makes.
  public var outputWidth: Int {
    switch self {
    case .classes(let names), .multiLabel(let names): names.count
    case .regression(let mean, _, let isUncertain): isUncertain ? 2 * mean.count : mean.count
    case .ordinal(let levels): levels.count - 1
    case .counts: 1
    }
  }

  /// Whether a program can trust it: files may be damaged, or edited by hand.
  var isPossible: Bool {
    switch self {
    case .classes(let names), .ordinal(let names): names.count > 1 && Set(names).count == names.count
    case .multiLabel(let names): !names.isEmpty && Set(names).count == names.count
    case .regression(let mean, let deviation, _):
      !mean.isEmpty && mean.count == deviation.count && deviation.allSatisfy { $0 > 0 } && mean.allSatisfy(\.isFinite)
    case .counts(let mean): mean > 0
    }
  }
}

/// A question about each picture.
public struct LearningTask: Codable, Sendable, Equatable {
  public var name: String
  public var kind: TaskKind

  public init(_ name: String, _ kind: TaskKind) { (self.name, self.kind) = (name, kind) }
}

/// The labels of one task: a row of `width` numbers for each picture, as they are in the data. What is missing is NaN.
///
/// Classes and levels are numbers of names; several labels are 0 or 1 each.
public struct TaskTargets: Sendable, Equatable {
  public let width: Int
  public private(set) var values: [Float]

  public init(width: Int, values: [Float]) {
    precondition(width > 0 && values.count % width == 0, "\(values.count) values are no rows of \(width)")
    (self.width, self.values) = (width, values)
  }

  public var count: Int { values.count / width }

  public subscript(_ index: Int) -> ArraySlice<Float> { values[index * width..<(index + 1) * width] }

  public func selecting(_ indices: [Int]) -> TaskTargets { TaskTargets(width: width, values: indices.flatMap { self[$0] }) }

  /// How many pictures have a label.
  public var presentCount: Int { (0..<count).count { i in self[i].contains { !$0.isNaN } } }
}
