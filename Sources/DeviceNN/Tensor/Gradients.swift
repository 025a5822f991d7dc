internal import Kernels

/// The gradients of one loss with respect to everything that it was made from and that is tracked: a value, so that
/// several losses' gradients can be kept, combined and compared.
public struct Gradients {
  /// False inside `withoutGradients`.
  @TaskLocal static var areWanted = true

  private var byTensor: [ObjectIdentifier: (tensor: Tensor, gradient: Tensor)] = [:]
  /// The tensors in the order in which the walk reached them: sums over all gradients have it.
  private var order: [ObjectIdentifier] = []

  /// The gradient with respect to `tensor`; nil where the loss does not depend on it.
  public subscript(_ tensor: Tensor) -> Tensor? { byTensor[ObjectIdentifier(tensor)]?.gradient }

  public subscript(_ parameter: Parameter) -> Tensor? { self[parameter.value] }

  /// All gradients, in an order that the network alone determines.
  var ordered: [Tensor] { order.map { byTensor[$0]!.gradient } }

  /// Others in the place of the `ordered` ones.
  func replaced(by gradients: [Tensor]) -> Gradients {
    var result = self
    for (key, gradient) in zip(order, gradients) { result.byTensor[key]!.gradient = gradient }
    return result
  }

  /// The sums with another loss's gradients. What only one of the losses depends on keeps its gradient.
  public func adding(_ other: Gradients) -> Gradients {
    var result = self
    for key in other.order {
      let (tensor, gradient) = other.byTensor[key]!
      if let own = byTensor[key]?.gradient {
        result.byTensor[key]!.gradient = own + gradient
      } else {
        result.byTensor[key] = (tensor, gradient)
        result.order.append(key)
      }
    }
    return result
  }

  /// Without those of `tensors`.
  func removing(_ tensors: [Tensor]) -> Gradients {
    let removed = Set(tensors.map(ObjectIdentifier.init))
    var result = self
    result.order.removeAll(where: removed.contains)
    for key in removed { result.byTensor[key] = nil }
    return result
  }

  /// Walks back from `loss`, and no further than to the tensors `boundary`, whose gradients are then here too.
  init(of loss: Tensor, downTo boundary: [Tensor] = [], keepingHistory: Bool) {
    precondition(loss.count == 1, "gradients are those of one number, not of a tensor of shape \(loss.shape)")
    precondition(loss.isTracked, "the loss depends on nothing that is trained")
    let one = Tensor(repeating: 1, shape: loss.shape, on: loss.device)
    self.init(from: [(loss, one)], downTo: boundary, keepingHistory: keepingHistory)
  }

  /// Walks back from tensors whose gradients are known, each tensor after all that were made from it. Iterative: networks
  /// are deep.
  init(from starts: [(tensor: Tensor, gradient: Tensor)], downTo boundary: [Tensor] = [], keepingHistory: Bool) {
    let boundary = Set(boundary.map(ObjectIdentifier.init))
    var order = Self.inputsFirst(of: starts.map(\.tensor), downTo: boundary)
    // Two gradients wait for a pullback that adds them on its way; else what arrives is added at once.
    var pending: [ObjectIdentifier: (gradient: Tensor, other: Tensor?)] = [:]
    func add(_ gradient: Tensor, to tensor: Tensor) {
      precondition(gradient.shape == tensor.shape, "a gradient of shape \(gradient.shape) for a tensor of \(tensor.shape)")
      let key = ObjectIdentifier(tensor)
      guard let (first, second) = pending.removeValue(forKey: key) else { return pending[key] = (gradient, nil) }
      let sum = second.map { first + $0 } ?? first
      let canWait = tensor.history?.pullbackOfSum != nil && !boundary.contains(key)
      pending[key] = canWait ? (sum, gradient) : (sum + gradient, nil)
    }
    for (tensor, gradient) in starts { add(gradient, to: tensor) }
    while let tensor = order.popLast() {
      guard let (gradient, other) = pending.removeValue(forKey: ObjectIdentifier(tensor)) else { continue }
      let isBoundary = boundary.contains(ObjectIdentifier(tensor))
      guard !isBoundary, let history = tensor.history else {
        precondition(
          isBoundary || tensor.isLeaf,
          "the history of a tensor of shape \(tensor.shape) was used up: keepingHistory in earlier gradients")
        byTensor[ObjectIdentifier(tensor)] = (tensor, gradient)
        self.order.append(ObjectIdentifier(tensor))
        continue
      }
      if !keepingHistory { tensor.history = nil }
      let gradients = labelled(history.label) {
        other.map { history.pullbackOfSum!(gradient, $0) } ?? history.pullback(gradient)
      }
      for (input, gradient) in zip(history.inputs, gradients) where input.isTracked {
        guard let gradient else { preconditionFailure("a pullback left out the gradient of a tracked input \(input.shape)") }
        add(gradient, to: input)
      }
    }
  }

  /// Every tracked tensor that `results` were made from down to `boundary`, inputs before results.
  private static func inputsFirst(of results: [Tensor], downTo boundary: Set<ObjectIdentifier>) -> [Tensor] {
    var order: [Tensor] = []
    var seen: Set<ObjectIdentifier> = []
    for result in results where seen.insert(ObjectIdentifier(result)).inserted {
      var stack: [(tensor: Tensor, next: Int)] = [(result, 0)]
      while let (tensor, next) = stack.last {
        let isBoundary = boundary.contains(ObjectIdentifier(tensor))
        if !isBoundary, let inputs = tensor.history?.inputs, next < inputs.count {
          stack[stack.count - 1].next += 1
          let input = inputs[next]
          if input.isTracked, seen.insert(ObjectIdentifier(input)).inserted { stack.append((input, 0)) }
        } else {
          order.append(tensor)
          stack.removeLast()
        }
      }
    }
    return order
  }
}

extension Tensor {
  /// The gradients of this one number. The history is used up on the way, so that its memory is free at once; keep it
  /// where a second loss shares it.
  public func gradients(keepingHistory: Bool = false) -> Gradients { Gradients(of: self, keepingHistory: keepingHistory) }
}

/// Runs `body` without remembering how tensors are made: for evaluation and prediction. Weights are packed for products once,
/// and again only after they have changed.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try Gradients.$areWanted.withValue(false) { try PackedOperands.$areKept.withValue(true, operation: body) }
}
