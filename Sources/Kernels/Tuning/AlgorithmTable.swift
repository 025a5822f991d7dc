import Synchronization

/// How a product reads its right operand, a pointwise weight gradient both, or how a convolution is computed.
public enum Algorithm: String, Sendable, Codable, CaseIterable {
  /// The operand where it lies.
  case inPlace
  /// The operand copied into panels first.
  case packed
  /// Winograd's method, on transformed filters.
  case winograd
}

/// What was measured to be fastest at some shapes. Operators ask it, and follow a rule where it knows nothing.
struct AlgorithmTable: Sendable {
  private var choices: [ProductOperation: Algorithm]
  /// How often each shape was asked for; nil while nobody counts.
  private(set) var requests: [ProductOperation: Int]?

  init(_ choices: [ProductOperation: Algorithm] = [:], countsRequests: Bool = false) {
    self.choices = choices
    requests = countsRequests ? [:] : nil
  }

  /// What trials chose.
  init(_ trials: [TuningRecord.AlgorithmTrial]) {
    self.init(Dictionary(trials.compactMap { trial in trial.choice.map { (trial.operation, $0) } }, uniquingKeysWith: { $1 }))
  }

  mutating func choice(for operation: ProductOperation) -> Algorithm? {
    requests?[operation, default: 0] += 1
    return choices.isEmpty ? nil : choices[operation]
  }
}

extension Device {
  /// The algorithm that was measured to be the fastest; nil where a rule has to decide.
  func choice(for operation: @autoclosure () -> ProductOperation) -> Algorithm? {
    algorithms.withLock { $0.choice(for: operation()) }
  }

  /// Follows another table from now on.
  func use(_ table: AlgorithmTable) { algorithms.withLock { $0 = table } }

  /// The products that `body` launches on this device, each with how often, largest first.
  public func products(in body: () -> Void) -> [(operation: ProductOperation, count: Int)] {
    let before = algorithms.withLock { table in
      defer { table = AlgorithmTable(countsRequests: true) }
      return table
    }
    body()
    let requests = algorithms.withLock { table in
      defer { table = before }
      return table.requests ?? [:]
    }
    return requests.map { (operation: $0, count: $1) }.sorted {
      ($0.operation.flops, "\($0.operation)") > ($1.operation.flops, "\($1.operation)")
    }
  }
}
