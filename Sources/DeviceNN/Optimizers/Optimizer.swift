internal import Kernels

/// Parameters that share a learning rate and a weight decay.
public struct ParameterGroup {
  public var parameters: [Parameter]
  public var learningRate: Float
  public var weightDecay: Float

  public init(_ parameters: [Parameter], learningRate: Float, weightDecay: Float = 0) {
    self.parameters = parameters
    self.learningRate = learningRate
    self.weightDecay = weightDecay
  }

  /// Two groups, of which that with scales and biases, the parameters of one dimension, does not decay.
  public static func decaying(_ parameters: [Parameter], learningRate: Float, weightDecay: Float) -> [ParameterGroup] {
    let trainable = parameters.filter(\.isTrainable)
    return [
      ParameterGroup(trainable.filter { $0.value.shape.count > 1 }, learningRate: learningRate, weightDecay: weightDecay),
      ParameterGroup(trainable.filter { $0.value.shape.count == 1 }, learningRate: learningRate),
    ]
  }
}

/// Moves parameters against their gradients, in place. Parameters without a gradient stay.
public protocol Optimizer {
  var groups: [ParameterGroup] { get set }
  /// - Parameter scale: what a schedule makes of the groups' learning rates at this step.
  mutating func step(_ gradients: Gradients, scale: Float)
  /// How many tensors it keeps for each parameter.
  var momentCount: Int { get }
  /// The shapes of these tensors for a parameter of `shape`: by default the same.
  func momentShapes(_ shape: [Int]) -> [[Int]]
  /// What it remembers of earlier steps, for a checkpoint.
  var state: OptimizerState { get set }
}

/// The moments of each parameter that was ever moved, by its place among all groups' parameters, and the number of steps.
public struct OptimizerState {
  public var step = 0
  public var moments: [Int: [Tensor]] = [:]

  public init() {}
}

extension Optimizer {
  public func momentShapes(_ shape: [Int]) -> [[Int]] { Array(repeating: shape, count: momentCount) }

  /// The tensors to move in a group with their moments, which start at zero.
  mutating func updates(_ group: Int, _ gradients: Gradients) -> [UpdatedTensor] {
    let first = groups[..<group].reduce(0) { $0 + $1.parameters.count }
    return groups[group].parameters.enumerated().compactMap { i, parameter in
      guard let gradient = gradients[parameter] else { return nil }
      let value = parameter.value
      let moments = state.moments[first + i] ?? momentShapes(value.shape).map { Tensor(repeating: 0, shape: $0, on: value.device) }
      state.moments[first + i] = moments
      return UpdatedTensor(count: value.count, gradient: gradient.buffer, value: value.buffer, moments: moments.map(\.buffer))
    }
  }
}
