public import Kernels

/// Makes one direction of several tasks' gradients with respect to what they share.
///
/// Most methods need no more than the gradients' inner products: they are a `GramAggregator`, and compute weights on the
/// host. Tasks without a label in a batch are not among the gradients.
public protocol GradientAggregator {
  /// The direction, a tensor for each of the shared ones, and the tasks' weights in it where it is a weighted sum.
  mutating func combine(_ gradients: TaskGradients, at step: TaskStep) -> (direction: [Tensor], weights: [Double]?)
  /// What it remembers of earlier steps, for a checkpoint. As many numbers at any time.
  var state: [Double] { get set }
}

extension GradientAggregator {
  public var state: [Double] {
    get { [] }
    set { precondition(newValue.isEmpty, "\(Self.self) has no state, but \(newValue.count) numbers are given") }
  }
}

/// An aggregator whose direction is Σ wᵢ gᵢ, the weights being a function of the Gram matrix of the gradients gᵢ.
public protocol GramAggregator: GradientAggregator {
  /// A weight for each row of `gram`, which are the tasks of `step`.
  mutating func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double]
}

extension GramAggregator {
  public mutating func combine(
    _ gradients: TaskGradients, at step: TaskStep
  ) -> (direction: [Tensor], weights: [Double]?) {
    let weights = self.weights(gradients.gram, at: step)
    return (gradients.sum(weights), weights)
  }
}

/// The gradients of several tasks with respect to the same tensors, and their inner products.
public struct TaskGradients {
  /// A row a task, a column a shared tensor.
  public let rows: [[Tensor]]
  public let gram: SymmetricMatrix

  /// Waits for the device, once, to read the inner products.
  public init(_ rows: [[Tensor]]) throws(DeviceError) {
    precondition(
      !rows.isEmpty && rows.allSatisfy { $0.map(\.shape) == rows[0].map(\.shape) },
      "gradients of the same tensors are wanted, not of \(rows.map { $0.map(\.shape) })")
    self.rows = rows
    var products: [Tensor] = []
    for i in rows.indices {
      for j in 0...i {
        let parts = zip(rows[i], rows[j]).map { ($0 * $1).sum().reshaped([1]) }
        products.append(parts.dropFirst().reduce(parts[0], +))
      }
    }
    var numbers = try Tensor.concatenated(products, axis: 0).scalars()[...]
    var gram = SymmetricMatrix(count: rows.count)
    for i in rows.indices { for j in 0...i { gram[i, j] = Double(numbers.removeFirst()) } }
    self.gram = gram
  }

  /// Σ weightᵢ · gradientᵢ
  public func sum(_ weights: [Double]) -> [Tensor] {
    precondition(weights.count == rows.count, "\(weights.count) weights for the gradients of \(rows.count) tasks")
    return rows[0].indices.map { column in
      let terms = zip(rows, weights).map { $0[column].times($1) }
      return terms.dropFirst().reduce(terms[0], +)
    }
  }
}

extension Tensor {
  /// Itself where there is nothing to multiply.
  func times(_ weight: Double) -> Tensor { weight == 1 ? self : self * Float(weight) }
}
