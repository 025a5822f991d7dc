/// A batch normalisation's numbers of one pass: mean, 1 / standard deviation, scale and shift of each channel.
public struct BatchNormStatistics: Sendable {
  let buffer: Buffer
  /// Whether they are the batch's own, so that the gradient flows through them.
  let isBatch: Bool
}

/// A batch normalisation's gradients, of what they were asked for: dx(rows,channels), dgamma(channels) and dbeta(channels).
public struct BatchNormGradients {
  public let dx: Buffer?
  public let dgamma: Buffer?
  public let dbeta: Buffer?
}

/// The sizes of x(rows,channels); rows are all pixels of all images.
public struct BatchNormShape: Sendable, Hashable {
  public var rows: Int
  public var channels: Int

  public init(rows: Int, channels: Int) {
    self.rows = rows
    self.channels = channels
  }
}

extension Device {
  /// The batch's own statistics. Moves the running ones towards them by `momentum`, in place.
  public func batchNormStatistics(
    _ x: Buffer, _ shape: BatchNormShape, gamma: Buffer, beta: Buffer, runningMean: Buffer, runningVariance: Buffer,
    momentum: Float, epsilon: Float
  ) -> BatchNormStatistics {
    let (c, chunks) = (shape.channels, rowChunks(shape.rows))
    let partial = makeFloats(chunks * 2 * c)
    launch(
      Launch(
        "batch_norm_sums", groups: columnGroups(shape), [.int(shape.rows), .int(c), .buffer(x), .buffer(partial)]))
    let statistics = makeFloats(4 * c)
    launch(
      Launch(
        "batch_norm_finish", groups: channelGroups(c),
        [
          .int(c), .int(chunks), .int(shape.rows), .float(epsilon), .float(momentum), .buffer(partial), .buffer(x),
          .buffer(gamma), .buffer(beta), .buffer(runningMean), .buffer(runningVariance), .buffer(statistics),
        ]))
    return BatchNormStatistics(buffer: statistics, isBatch: true)
  }

  /// The running statistics, for evaluation and frozen layers.
  public func batchNormStatistics(
    channels: Int, gamma: Buffer, beta: Buffer, runningMean: Buffer, runningVariance: Buffer, epsilon: Float
  ) -> BatchNormStatistics {
    let statistics = makeFloats(4 * channels)
    launch(
      Launch(
        "batch_norm_running", groups: channelGroups(channels),
        [
          .int(channels), .float(epsilon), .buffer(gamma), .buffer(beta), .buffer(runningMean),
          .buffer(runningVariance), .buffer(statistics),
        ]))
    return BatchNormStatistics(buffer: statistics, isBatch: false)
  }

  /// y = activation(normalised x + residual)
  public func batchNormApply(
    _ x: Buffer, _ shape: BatchNormShape, _ statistics: BatchNormStatistics, residual: Buffer?, activation: Activation
  ) -> Buffer {
    let y = makeFloats(shape.rows * shape.channels)
    launch(
      Launch(
        "batch_norm_apply", groups: rowGroups(shape),
        [
          .int(shape.rows), .int(shape.channels), .int(residual == nil ? 0 : 1), .int(activation.rawValue), .buffer(x),
          .buffer(statistics.buffer), .buffer(residual ?? x), .buffer(y),
        ]))
    return y
  }

  /// Gradients of `batchNormApply` without residual; those of the parameters come with every pass, that of x if asked for.
  public func batchNormBackward(
    _ x: Buffer, dy: Buffer, _ shape: BatchNormShape, _ statistics: BatchNormStatistics, activation: Activation,
    needsParameters: Bool, needsInput: Bool
  ) -> BatchNormGradients {
    guard needsParameters || statistics.isBatch else {
      let dx = needsInput ? batchNormInput(x, dy: dy, shape, statistics, activation, coefficients: dy) : nil
      return BatchNormGradients(dx: dx, dgamma: nil, dbeta: nil)
    }
    let partial = makeFloats(rowChunks(shape.rows) * 2 * shape.channels)
    launch(
      Launch(
        "batch_norm_backward_sums", groups: columnGroups(shape),
        [
          .int(shape.rows), .int(shape.channels), .int(activation.rawValue), .buffer(x), .buffer(statistics.buffer),
          .buffer(dy), .buffer(partial),
        ]))
    return batchNormFinish(
      x, dy: dy, shape, statistics, activation, partial, needsParameters: needsParameters, needsInput: needsInput)
  }

  /// Gradients of `batchNormApply` with a residual, and the residual's own, from the result `y` and its gradient `dy`, to
  /// which `other` is added on the way.
  public func batchNormBackward(
    _ x: Buffer, y: Buffer, dy: Buffer, other: Buffer?, _ shape: BatchNormShape, _ statistics: BatchNormStatistics,
    activation: Activation, needsParameters: Bool, needsInput: Bool
  ) -> (gradients: BatchNormGradients, residual: Buffer) {
    let count = shape.rows * shape.channels
    guard (needsParameters || statistics.isBatch) && (activation != .none || other != nil) else {
      let sum = other.map { add(dy, $0, count: count) } ?? dy
      let g = activation == .none ? sum : activateBackward(y, dy: sum, activation, count: count)
      let gradients = batchNormBackward(
        x, dy: g, shape, statistics, activation: .none, needsParameters: needsParameters, needsInput: needsInput)
      return (gradients, g)
    }
    let partial = makeFloats(rowChunks(shape.rows) * 2 * shape.channels)
    let g = makeFloats(count)
    launch(
      Launch(
        "batch_norm_backward_residual_sums", groups: columnGroups(shape),
        [
          .int(shape.rows), .int(shape.channels), .int(activation.rawValue), .int(other == nil ? 0 : 1), .buffer(x),
          .buffer(statistics.buffer), .buffer(activation == .none ? dy : y), .buffer(dy), .buffer(other ?? dy), .buffer(g), .buffer(partial),
        ]))
    let gradients = batchNormFinish(
      x, dy: g, shape, statistics, .none, partial, needsParameters: needsParameters, needsInput: needsInput)
    return (gradients, g)
  }

  private func batchNormFinish(
    _ x: Buffer, dy: Buffer, _ shape: BatchNormShape, _ statistics: BatchNormStatistics, _ activation: Activation,
    _ partial: Buffer, needsParameters: Bool, needsInput: Bool
  ) -> BatchNormGradients {
    let c = shape.channels
    let (dgamma, dbeta, coefficients) = (makeFloats(c), makeFloats(c), makeFloats(2 * c))
    launch(
      Launch(
        "batch_norm_backward_finish", groups: channelGroups(c),
        [
          .int(c), .int(rowChunks(shape.rows)), .int(shape.rows), .buffer(partial), .buffer(statistics.buffer), .buffer(dgamma),
          .buffer(dbeta), .buffer(coefficients),
        ]))
    let dx = needsInput ? batchNormInput(x, dy: dy, shape, statistics, activation, coefficients: coefficients) : nil
    return BatchNormGradients(dx: dx, dgamma: needsParameters ? dgamma : nil, dbeta: needsParameters ? dbeta : nil)
  }

  /// - Parameter coefficients: where the statistics are the batch's own, what `batch_norm_backward_finish` found.
  private func batchNormInput(
    _ x: Buffer, dy: Buffer, _ shape: BatchNormShape, _ statistics: BatchNormStatistics, _ activation: Activation,
    coefficients: Buffer
  ) -> Buffer {
    let dx = makeFloats(shape.rows * shape.channels)
    launch(
      Launch(
        "batch_norm_backward_apply", groups: rowGroups(shape),
        [
          .int(shape.rows), .int(shape.channels), .int(activation.rawValue), .int(statistics.isBatch ? 1 : 0), .buffer(x),
          .buffer(statistics.buffer), .buffer(coefficients), .buffer(dy), .buffer(dx),
        ]))
    return dx
  }

  private func columnGroups(_ shape: BatchNormShape) -> SIMD3<Int> {
    columnGroups(shape.channels, chunks: rowChunks(shape.rows))
  }

  private func channelGroups(_ channels: Int) -> SIMD3<Int> { [(channels + profile.local - 1) / profile.local, 1, 1] }

  /// Groups of some 16K floats.
  private func rowGroups(_ shape: BatchNormShape) -> SIMD3<Int> {
    [1, max(1, min(shape.rows, shape.rows * shape.channels / 16384)), 1]
  }
}
