/// The sizes of x(batch,pixels,channels), normalised over the pixels and channels of each of `groups` groups of channels.
/// Layer normalisation has one pixel and one group, and rows for a batch.
public struct GroupNormShape: Sendable, Hashable {
  public var batch: Int
  public var pixels: Int
  public var channels: Int
  public var groups: Int

  public init(batch: Int, pixels: Int = 1, channels: Int, groups: Int = 1) {
    precondition(channels % groups == 0, "\(channels) channels do not make \(groups) equal groups")
    self.batch = batch
    self.pixels = pixels
    self.channels = channels
    self.groups = groups
  }

  var count: Int { batch * pixels * channels }
  var arguments: [Launch.Argument] { [.int(pixels), .int(channels), .int(groups)] }
}

extension Device {
  /// y = normalised x · gamma + beta; statistics(batch,groups,2) are each group's mean and 1 / standard deviation.
  public func groupNorm(
    _ x: Buffer, _ shape: GroupNormShape, gamma: Buffer, beta: Buffer, epsilon: Float
  ) -> (y: Buffer, statistics: Buffer) {
    let (y, statistics) = (makeFloats(shape.count), makeFloats(shape.batch * shape.groups * 2))
    launch(
      Launch(
        "group_norm", groups: [shape.batch * shape.groups, 1, 1],
        shape.arguments + [.float(epsilon), .buffer(x), .buffer(gamma), .buffer(beta), .buffer(y), .buffer(statistics)]))
    return (y, statistics)
  }

  public func groupNormBackwardInput(
    _ x: Buffer, _ shape: GroupNormShape, gamma: Buffer, statistics: Buffer, dy: Buffer
  ) -> Buffer {
    let dx = makeFloats(shape.count)
    launch(
      Launch(
        "group_norm_backward", groups: [shape.batch * shape.groups, 1, 1],
        shape.arguments + [.buffer(x), .buffer(gamma), .buffer(statistics), .buffer(dy), .buffer(dx)]))
    return dx
  }

  public func groupNormBackwardParameters(
    _ x: Buffer, _ shape: GroupNormShape, statistics: Buffer, dy: Buffer
  ) -> (dgamma: Buffer, dbeta: Buffer) {
    let (c, chunks) = (shape.channels, rowChunks(shape.batch * shape.pixels))
    let (dgamma, dbeta) = (makeFloats(chunks * c), makeFloats(chunks * c))
    launch(
      Launch(
        "group_norm_backward_sums",
        groups: [(c / shape.groups + columnsPerGroup - 1) / columnsPerGroup, chunks, shape.groups],
        [.int(shape.batch * shape.pixels)] + shape.arguments
          + [.buffer(x), .buffer(statistics), .buffer(dy), .buffer(dgamma), .buffer(dbeta)]))
    guard chunks > 1 else { return (dgamma, dbeta) }
    return (sum(dgamma, outer: 1, axis: chunks, inner: c), sum(dbeta, outer: 1, axis: chunks, inner: c))
  }
}
