internal import Kernels

extension Tensor {
  /// Each row (…,C) normalised by its own mean and variance, · gamma(C) + beta(C) (Ba et al. 2016).
  public func layerNormalized(gamma: Tensor, beta: Tensor, epsilon: Float = 1e-5) -> Tensor {
    normalized(
      GroupNormShape(batch: count / shape.last!, channels: shape.last!), gamma: gamma, beta: beta, epsilon: epsilon)
  }

  /// (N,…,C) normalised by the mean and variance of each group of neighbouring channels of each N (Wu and He 2018).
  public func groupNormalized(groups: Int, gamma: Tensor, beta: Tensor, epsilon: Float = 1e-5) -> Tensor {
    precondition(
      shape.count >= 2 && shape.last! % groups == 0, "group norm of x of shape \(shape) in \(groups) groups of channels")
    let (batch, channels) = (shape[0], shape.last!)
    return normalized(
      GroupNormShape(batch: batch, pixels: count / batch / channels, channels: channels, groups: groups), gamma: gamma,
      beta: beta, epsilon: epsilon)
  }

  private func normalized(_ sizes: GroupNormShape, gamma: Tensor, beta: Tensor, epsilon: Float) -> Tensor {
    precondition(
      gamma.shape == [sizes.channels] && beta.shape == [sizes.channels],
      "a norm of gamma \(gamma.shape) and beta \(beta.shape) does not fit x of shape \(shape)")
    let (y, statistics) = device.groupNorm(buffer, sizes, gamma: gamma.buffer, beta: beta.buffer, epsilon: epsilon)
    let x = self
    return .result(shape, y, from: [self, gamma, beta]) { dy in
      let dx = x.isTracked
        ? Tensor(
          shape: x.shape,
          buffer: dy.device.groupNormBackwardInput(
            x.buffer, sizes, gamma: gamma.buffer, statistics: statistics, dy: dy.buffer))
        : nil
      guard gamma.isTracked || beta.isTracked else { return [dx, nil, nil] }
      let (dgamma, dbeta) = dy.device.groupNormBackwardParameters(x.buffer, sizes, statistics: statistics, dy: dy.buffer)
      return [dx, Tensor(shape: gamma.shape, buffer: dgamma), Tensor(shape: beta.shape, buffer: dbeta)]
    }
  }
}
