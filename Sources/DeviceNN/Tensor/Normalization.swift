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
    func tensors(_ gradients: BatchNormGradients) -> [Tensor?] {
      let parameters = [gradients.dgamma, gradients.dbeta].map { $0.map { Tensor(shape: [channels], buffer: $0) } }
      return [gradients.dx.map { Tensor(shape: x.shape, buffer: $0) }] + parameters
    }
    let needsParameters = gamma.isTracked || beta.isTracked
    guard let residual else {
      // The kernels compute the activation's input anew, which spares reading y, and keeping it.
      let apply = { x.device.batchNormApply(x.buffer, rows, statistics, residual: nil, activation: activation) }
      return .result(shape, apply(), from: [self, gamma, beta], remake: apply) { dy in
        tensors(dy.device.batchNormBackward(
          x.buffer, dy: dy.buffer, rows, statistics, activation: activation, needsParameters: needsParameters,
          needsInput: x.isTracked))
      }
    }
    let y = Tensor(
      shape: shape,
      buffer: device.batchNormApply(buffer, rows, statistics, residual: residual.buffer, activation: activation))
    func pullback(_ dy: Tensor, _ other: Tensor?) -> [Tensor?] {
      let (gradients, g) = dy.device.batchNormBackward(
        x.buffer, y: y.buffer, dy: dy.buffer, other: other?.buffer, rows, statistics, activation: activation,
        needsParameters: needsParameters, needsInput: x.isTracked)
      return tensors(gradients) + [Tensor(shape: shape, buffer: g)]
    }
    return .result(shape, y.buffer, from: [self, gamma, beta, residual]) { dy in
      pullback(dy, nil)
    } pullbackOfSum: { dy, other in
      pullback(dy, other)
    }
  }
}
