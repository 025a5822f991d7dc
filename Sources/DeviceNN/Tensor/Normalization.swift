internal import Kernels

extension Tensor {
  /// y(…,C) = activation(normalised self · gamma + beta + residual), with the statistics of this batch; the running ones
  /// move towards them in place.
  func batchNormalized(
    gamma: Tensor, beta: Tensor, runningMean: Tensor, runningVariance: Tensor, momentum: Float, epsilon: Float,
    usesBatch: Bool, residual: Tensor?, activation: Activation
  ) -> Tensor {
    let channels = shape.last!
    precondition(
      gamma.shape == [channels] && runningMean.shape == [channels],
      "batch norm of \(gamma.shape) channels does not fit x of shape \(shape)")
    precondition(residual == nil || residual!.shape == shape, "a residual of \(residual?.shape ?? []) is added to \(shape)")
    let rows = BatchNormShape(rows: count / channels, channels: channels)
    precondition(!usesBatch || rows.rows > 1, "batch norm in training needs more than one value a channel, but x is \(shape)")
    let statistics = usesBatch
      ? device.batchNormStatistics(
        buffer, rows, gamma: gamma.buffer, beta: beta.buffer, runningMean: runningMean.buffer,
        runningVariance: runningVariance.buffer, momentum: momentum, epsilon: epsilon)
      : device.batchNormStatistics(
        channels: channels, gamma: gamma.buffer, beta: beta.buffer, runningMean: runningMean.buffer,
        runningVariance: runningVariance.buffer, epsilon: epsilon)
    let x = self
    func gradients(_ g: Tensor, behind activation: Activation) -> [Tensor?] {
      let (dx, dgamma, dbeta) = g.device.batchNormBackward(
        x.buffer, dy: g.buffer, rows, statistics, activation: activation,
        needsParameters: gamma.isTracked || beta.isTracked, needsInput: x.isTracked)
      let parameters = [dgamma, dbeta].map { $0.map { Tensor(shape: [channels], buffer: $0) } }
      return [dx.map { Tensor(shape: x.shape, buffer: $0) }] + parameters
    }
    guard let residual else {
      // The kernels compute the activation's input anew, which spares reading y, and keeping it.
      let apply = { x.device.batchNormApply(x.buffer, rows, statistics, residual: nil, activation: activation) }
      return .result(shape, apply(), from: [self, gamma, beta], remake: apply) { gradients($0, behind: activation) }
    }
    let y = Tensor(
      shape: shape,
      buffer: device.batchNormApply(buffer, rows, statistics, residual: residual.buffer, activation: activation))
    return .result(shape, y.buffer, from: [self, gamma, beta, residual]) { dy in
      // Behind a sum, the activation is judged by its output, and the sum's gradient is the residual's too.
      let g = y.activationGradient(dy, activation)
      return gradients(g, behind: .none) + [g]
    }
  }
}
