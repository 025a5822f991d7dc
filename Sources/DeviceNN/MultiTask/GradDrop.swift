/// GradDrop (Chen et al. 2020): at each place of the shared tensors one sign is drawn, the likelier the more of the gradients
/// has it, and gradients of the other are dropped.
public struct GradDrop: GradientAggregator {
  public init() {}

  public func combine(
    _ gradients: TaskGradients, at step: TaskStep
  ) -> (direction: [Tensor], weights: [Double]?) {
    var random = step.random
    let direction = gradients.rows[0].indices.map { column in
      let parts = gradients.rows.map { $0[column] }
      let sum = parts.dropFirst().reduce(parts[0], +)
      let magnitude = parts.dropFirst().reduce(parts[0].abs()) { $0 + $1.abs() }
      // The positive parts add up to (magnitude + sum) / 2. They stay where ½ (1 + sum / magnitude) is above a number drawn
      // from [0, 1).
      let drawn = Tensor.uniform(in: -1..<1, shape: sum.shape, seed: random.next(), on: sum.device)
      return (sum + .where(sum .> drawn * magnitude, magnitude, -magnitude)) * 0.5
    }
    return (direction, nil)
  }
}
