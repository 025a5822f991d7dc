/// What products and convolutions do to their sums before the activation: `OFFSET_…` of kernels.cl.
struct Offset {
  let kind: Int
  /// Nil where there is nothing to do.
  let buffer: Buffer?

  /// Adds bias(K), or normalises with the statistics of K channels.
  init(bias: Buffer?, normalization: BatchNormStatistics?) {
    precondition(bias == nil || normalization == nil, "a convolution that normalises its sums has no bias")
    kind = bias != nil ? 1 : normalization != nil ? 2 : 0
    buffer = bias ?? normalization?.buffer
  }
}
