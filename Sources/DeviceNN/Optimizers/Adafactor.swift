internal import Kernels

/// Adam without momentum whose mean squares are kept as row and column means (Shazeer and Stern 2018), as timm computes it
/// with a given rate.
///
/// A parameter counts as a matrix of its last dimension's columns, where timm takes its two largest dimensions: they differ
/// for convolutions only.
public struct Adafactor: Optimizer {
  public var groups: [ParameterGroup]
  /// Mean squares move by 1 - step to this power.
  public var decayRate: Float = -0.8
  /// Is added to squares.
  public var epsilon: Float = 1e-30
  /// The largest root mean square of a direction.
  public var threshold: Float = 1
  /// Matrices with fewer rows or columns keep all their mean squares.
  public var smallestFactored = 16
  public var state = OptimizerState()
  public var momentCount: Int { 2 }

  public init(_ groups: [ParameterGroup]) { self.groups = groups }

  public func momentShapes(_ shape: [Int]) -> [[Int]] {
    columns(shape).map { [[shape.reduce(1, *) / $0], [$0]] } ?? [shape]
  }

  /// The columns of a parameter whose squares are factored.
  private func columns(_ shape: [Int]) -> Int? {
    guard shape.count > 1, let columns = shape.last, columns >= smallestFactored else { return nil }
    return shape.dropLast().reduce(1, *) >= smallestFactored ? columns : nil
  }

  public mutating func step(_ gradients: Gradients, scale: Float = 1) {
    state.step += 1
    for (i, group) in groups.enumerated() {
      let moved = group.parameters.filter { gradients[$0] != nil }
      for (tensor, parameter) in zip(updates(i, gradients), moved) {
        tensor.value.device.adafactorStep(
          tensor, columns: columns(parameter.value.shape), step: state.step, learningRate: group.learningRate * scale,
          decayRate: decayRate, epsilon: epsilon, threshold: threshold, weightDecay: group.weightDecay)
      }
    }
  }
}
