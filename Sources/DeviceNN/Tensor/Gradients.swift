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

  /// The sums with another loss's gradients, of which each must be here too.
  public func adding(_ other: Gradients) -> Gradients {
    var result = self
    for key in other.order {
      precondition(byTensor[key] != nil, "a gradient of shape \(other.byTensor[key]!.tensor.shape) has nothing to be added to")
      result.byTensor[key]!.gradient = byTensor[key]!.gradient + other.byTensor[key]!.gradient
    }
    return result
  }

  /// The sums with another loss's gradients; those that only one of both has stay as they are.
  public func merging(_ other: Gradients) -> Gradients {
    var result = self
    for key in other.order {
      guard let gradient = byTensor[key]?.gradient else {
        result.byTensor[key] = other.byTensor[key]
        result.order.append(key)
        continue
      }
      result.byTensor[key]!.gradient = gradient + other.byTensor[key]!.gradient
    }
    return result
  }

  /// Walks back from `loss`, each tensor after all that were made from it. Iterative: networks are deep.
  init(of loss: Tensor, keepingHistory: Bool) {
    precondition(loss.count == 1, "gradients are those of one number, not of a tensor of shape \(loss.shape)")
    precondition(loss.isTracked, "the loss depends on nothing that is trained")
    var order = Self.inputsFirst(of: loss)
    var pending = [ObjectIdentifier(loss): Tensor(repeating: 1, shape: loss.shape, on: loss.device)]
    while let tensor = order.popLast() {
      guard let gradient = pending.removeValue(forKey: ObjectIdentifier(tensor)) else { continue }
      guard let history = tensor.history else {
        precondition(
          tensor.isLeaf, "the history of a tensor of shape \(tensor.shape) was used up: keepingHistory in earlier gradients")
        byTensor[ObjectIdentifier(tensor)] = (tensor, gradient)
        self.order.append(ObjectIdentifier(tensor))
        continue
      }
      if !keepingHistory { tensor.history = nil }
      let gradients = history.pullback(gradient)
      for (input, gradient) in zip(history.inputs, gradients) where input.isTracked {
        guard let gradient else { preconditionFailure("a pullback left out the gradient of a tracked input \(input.shape)") }
        precondition(gradient.shape == input.shape, "a gradient of shape \(gradient.shape) for a tensor of \(input.shape)")
        let key = ObjectIdentifier(input)
        pending[key] = pending[key].map { $0 + gradient } ?? gradient
      }
    }
  }

  /// Every tracked tensor that `loss` was made from, inputs before results.
  private static func inputsFirst(of loss: Tensor) -> [Tensor] {
    var order: [Tensor] = []
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(loss)]
    var stack: [(tensor: Tensor, next: Int)] = [(loss, 0)]
    while let (tensor, next) = stack.last {
      if let inputs = tensor.history?.inputs, next < inputs.count {
        stack[stack.count - 1].next += 1
        let input = inputs[next]
        if input.isTracked, seen.insert(ObjectIdentifier(input)).inserted { stack.append((input, 0)) }
      } else {
        order.append(tensor)
        stack.removeLast()
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

/// Runs `body` without remembering how tensors are made: for evaluation and prediction.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try Gradients.$areWanted.withValue(false, operation: body)
}
