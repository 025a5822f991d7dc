/// Makes one step's gradients of the losses of several tasks which share a part of the network.
///
/// With a loss weighting alone that is one backward pass of the weighted sum. With an aggregator, each task's gradient is
/// computed through its own head down to the shared features; they are combined there, and one pass through what the tasks
/// share goes on from the result (as MGDA-UB of Sener and Koltun 2018). The heads get the gradients of their own tasks.
///
///     var objective = MultiTaskObjective(tasks: ["age", "gender"], balance: .gradients(.upgrad), on: device)
///     let features = backbone(images)
///     let step = try objective.step(
///       [ageHead(features).loss(.squared, ages), nil], shared: [features], at: 0)   // a batch without genders
///     optimizer.step(step!.gradients)
public struct MultiTaskObjective {
  public let tasks: [String]
  public var weighting: any LossWeighting
  public var aggregator: (any GradientAggregator)?
  public let seed: UInt64

  public init(
    tasks: [String], weighting: any LossWeighting, aggregator: (any GradientAggregator)? = nil, seed: UInt64 = 0
  ) {
    precondition(!tasks.isEmpty && Set(tasks).count == tasks.count, "tasks need different names, not \(tasks)")
    self.tasks = tasks
    self.weighting = weighting
    self.aggregator = aggregator
    self.seed = seed
  }

  /// What the optimizer has to train beside the network, without weight decay; part of a checkpoint. Often nothing.
  public var parameters: [Parameter] { weighting.parameters }

  /// What the methods remember at the end of an epoch, beside the parameters: a run that goes on from it has the same bits.
  public var state: [Double] {
    get { weighting.state + (aggregator?.state ?? []) }
    set {
      let own = weighting.state.count
      let count = own + (aggregator?.state.count ?? 0)
      precondition(newValue.count == count, "\(newValue.count) numbers for methods that remember \(count)")
      weighting.state = Array(newValue[..<own])
      aggregator?.state = Array(newValue[own...])
    }
  }

  /// To be called after each pass over the data.
  public mutating func endEpoch() throws { try weighting.endEpoch() }

  /// The gradients of one step.
  ///
  /// - Parameters:
  ///   - losses: a scalar a task, nil where the batch has no label of it: such a task costs nothing, has no say in the weights,
  ///     and its head rests.
  ///   - shared: the tensors through which heads depend on what they share: the backbone's features. Whatever else two heads
  ///     have in common gets the sum of its gradients.
  ///   - step: counts the steps of the run, from 0: random numbers are functions of it.
  ///   - measuresCosines: whether the cosines between the tasks' gradients are wanted where the method needs none, for the
  ///     price of a pass through each head instead of one through all.
  /// - Returns: nil for a batch without any label.
  /// - Throws: `MultiTaskError` where the method reads losses or gradients and one is not finite; `MultiTaskStep.losses()`
  ///   tells it of the others.
  public mutating func step(
    _ losses: [Tensor?], shared: [Tensor], at step: Int, measuresCosines: Bool = false
  ) throws -> MultiTaskStep? {
    precondition(losses.count == tasks.count, "\(losses.count) losses for the tasks \(tasks)")
    let present = losses.indices.filter { losses[$0] != nil }
    guard !present.isEmpty else { return nil }
    let at = TaskStep(tasks: present, of: tasks.count, step: step, seed: seed)
    let taskLosses = TaskLosses(present.map { losses[$0]! }, at: at, names: tasks)
    let (terms, weights) = try weighting.terms(taskLosses)
    let tracked = shared.filter(\.isTracked)
    guard aggregator != nil || weighting.needsGradientNorms || measuresCosines, !tracked.isEmpty else {
      let sum = terms.dropFirst().reduce(terms[0], +)
      return MultiTaskStep(gradients: sum.gradients(), losses: taskLosses, weights: weights, aggregated: nil, gram: nil)
    }

    var heads: Gradients?
    var rows: [[Tensor]] = []
    for term in terms {
      // Heads may have more in common than what is shared, so no walk may use up their history.
      let gradients = Gradients(of: term, downTo: tracked, keepingHistory: true)
      rows.append(tracked.map { gradients[$0] ?? Tensor(repeating: 0, shape: $0.shape, on: $0.device) })
      let own = gradients.removing(tracked)
      heads = heads?.adding(own) ?? own
    }
    let gradients = try TaskGradients(rows)
    for (i, square) in gradients.gram.diagonal.enumerated() where !square.isFinite {
      _ = try taskLosses.values()
      throw MultiTaskError.gradientNotFinite(task: tasks[present[i]], step: step)
    }
    if weighting.needsGradientNorms {
      try weighting.learn(gradientNorms: gradients.gram.diagonal.map { max($0, 0).squareRoot() }, of: taskLosses)
    }
    let combined = aggregator?.combine(gradients, at: at)
      ?? (direction: gradients.sum(Array(repeating: 1, count: terms.count)), weights: nil)
    let backbone = Gradients(from: Array(zip(tracked, combined.direction)), keepingHistory: false)
    return MultiTaskStep(
      gradients: heads!.adding(backbone), losses: taskLosses, weights: weights, aggregated: combined.weights,
      gram: gradients.gram)
  }
}

/// What came of a step: the gradients, and for the report the numbers behind them, read when they are asked for.
public struct MultiTaskStep {
  public let gradients: Gradients
  private let taskLosses: TaskLosses
  private let lossWeights: TaskWeights
  private let aggregated: [Double]?
  private let gram: SymmetricMatrix?

  init(gradients: Gradients, losses: TaskLosses, weights: TaskWeights, aggregated: [Double]?, gram: SymmetricMatrix?) {
    self.gradients = gradients
    taskLosses = losses
    lossWeights = weights
    self.aggregated = aggregated
    self.gram = gram
  }

  /// The loss of each task, nil without a label. Waits for the device.
  ///
  /// - Throws: `MultiTaskError.lossNotFinite`, which names the task.
  public func losses() throws -> [Double?] { spread(try taskLosses.values()) }

  /// What each task's loss counts for in what the tasks share, nil without a label: the loss weight, times the aggregator's
  /// where that makes a weighted sum. Waits for the device where a method keeps its weights there.
  public func weights() throws -> [Double?] {
    let weights = try lossWeights.values()
    return spread(aggregated.map { zip(weights, $0).map { $0 * $1 } } ?? weights)
  }

  /// The cosine between the gradients of tasks i and j with respect to the shared features, nil where one of them has no
  /// label. No cosines were computed if neither the method needed them nor `measuresCosines` asked for them.
  public var cosines: [[Double?]]? {
    gram.map { gram in
      let cosines = gram.cosines
      return spread((0..<cosines.count).map { i in spread((0..<cosines.count).map { cosines[i, $0] }) })
        .map { $0 ?? Array(repeating: nil, count: taskLosses.step.taskCount) }
    }
  }

  /// Values of the tasks that take part, in the places of all.
  private func spread<Value>(_ values: [Value]) -> [Value?] {
    var result = [Value?](repeating: nil, count: taskLosses.step.taskCount)
    for (task, value) in zip(taskLosses.step.tasks, values) { result[task] = value }
    return result
  }
}
