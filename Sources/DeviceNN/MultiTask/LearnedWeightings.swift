public import Kernels

/// Σ ½ exp(−s) L + ½ s, where s = log σ² of each task is trained with the network (Kendall et al. 2018). The formula for
/// regression is used for all tasks, as is usual: for classes σ² takes up the factor of 2.
public struct UncertaintyWeighting: LossWeighting {
  /// s of each task, from 0.
  public let parameters: [Parameter]

  public init(taskCount: Int, on device: Device) { parameters = zeros(taskCount, on: device) }

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    let s = losses.step.tasks.map { parameters[$0].value }
    let weights = s.map { (-$0).exp() * 0.5 }
    return (
      zip(losses.tensors, zip(s, weights)).map { loss, scale in loss * scale.1 + scale.0 * 0.5 }, .onDevice(weights)
    )
  }
}

/// Σ exp(s) L − s, where s of each task is trained with the network (IMTL-L; Liu et al. 2021): at the best s all terms are as
/// large.
public struct IMTLLWeighting: LossWeighting {
  /// s of each task, from 0.
  public let parameters: [Parameter]

  public init(taskCount: Int, on device: Device) { parameters = zeros(taskCount, on: device) }

  public mutating func terms(_ losses: TaskLosses) throws -> (terms: [Tensor], weights: TaskWeights) {
    let s = losses.step.tasks.map { parameters[$0].value }
    let weights = s.map { $0.exp() }
    return (zip(losses.tensors, zip(s, weights)).map { loss, scale in loss * scale.1 - scale.0 }, .onDevice(weights))
  }
}

/// A number for each task: one alone, so that a task without a label in a batch rests.
private func zeros(_ count: Int, on device: Device) -> [Parameter] {
  (0..<count).map { _ in Parameter(Tensor(repeating: 0, shape: [], on: device)) }
}
