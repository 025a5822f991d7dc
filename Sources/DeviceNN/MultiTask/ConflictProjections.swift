/// PCGrad (Yu et al. 2020): each gradient loses its part along every other that it conflicts with, in random order; the sum
/// of what remains.
public struct PCGrad: GramAggregator {
  public init() {}

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    var random = step.random
    var sum = Array(repeating: 0.0, count: gram.count)
    for i in 0..<gram.count {
      // The changed gradient of task i, as weights of the gradients that there were.
      var changed = Array(repeating: 0.0, count: gram.count)
      changed[i] = 1
      for j in random.permutation(of: gram.count) where j != i && gram[j, j] > 0 {
        let product = (gram * changed)[j]
        if product < 0 { changed[j] -= product / gram[j, j] }
      }
      sum = zip(sum, changed).map { $0 + $1 }
    }
    return sum
  }
}

/// GradVac (Wang et al. 2021): PCGrad with a goal for each pair's cosine, which is the mean of what it was, fading at `rate`;
/// a gradient whose cosine is below moves towards the other until it is met.
public struct GradVac: GramAggregator {
  public let rate: Double
  private let taskCount: Int
  /// The goals, a row a task.
  public var state: [Double] {
    didSet { precondition(state.count == taskCount * taskCount, "\(state.count) goals for \(taskCount) tasks") }
  }

  public init(taskCount: Int, rate: Double = 0.01) {
    self.taskCount = taskCount
    self.rate = rate
    state = Array(repeating: 0, count: taskCount * taskCount)
  }

  public mutating func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    var random = step.random
    var sum = Array(repeating: 0.0, count: gram.count)
    for i in 0..<gram.count {
      var changed = Array(repeating: 0.0, count: gram.count)
      changed[i] = 1
      for j in random.permutation(of: gram.count) where j != i {
        let (length, other) = (max(gram.quadratic(changed), 0).squareRoot(), gram[j, j].squareRoot())
        guard length > 0, other > 0 else { continue }
        let cosine = min(max((gram * changed)[j] / (length * other), -1), 1)
        let place = step.tasks[i] * taskCount + step.tasks[j]
        let goal = state[place]
        if cosine < goal, goal < 1 {
          let (sine, goalSine) = ((1 - cosine * cosine).squareRoot(), (1 - goal * goal).squareRoot())
          changed[j] += length * (goal * sine - cosine * goalSine) / (other * goalSine)
        }
        state[place] = (1 - rate) * goal + rate * cosine
      }
      sum = zip(sum, changed).map { $0 + $1 }
    }
    return sum
  }
}

/// The mean gradient, projected onto the cone of directions that conflict with no task (Lopez-Paz and Ranzato 2017).
public struct DualProj: GramAggregator {
  public init() {}

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    gram.dualConeProjection(of: Array(repeating: 1 / Double(gram.count), count: gram.count))
  }
}

/// The mean of the gradients, each projected onto the cone of directions that conflict with no task (Quinton and Rey 2024).
public struct UPGrad: GramAggregator {
  public init() {}

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    (0..<gram.count).reduce(into: Array(repeating: 0, count: gram.count)) { sum, i in
      let own = (0..<gram.count).map { $0 == i ? 1 / Double(gram.count) : 0 }
      sum = zip(sum, gram.dualConeProjection(of: own)).map { $0 + $1 }
    }
  }
}

extension SymmetricMatrix {
  /// The weights of the vector nearest to Σ weightᵢ gᵢ whose product with no gᵢ is negative: the shortest with weights that
  /// are nowhere smaller. The matrix is made definite by as much as Floats leave open, so that the program has a minimum.
  fileprivate func dualConeProjection(of weights: [Double]) -> [Double] {
    let definite = adding(toDiagonal: 1e-6 * diagonal.reduce(0, +))
    let more = QuadraticProgram(definite, definite * weights, isSimplex: false).minimum()
    return zip(weights, more).map { $0 + $1 }
  }
}
