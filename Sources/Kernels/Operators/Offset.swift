/// What products and convolutions do to their sums before the activation: `OFFSET_…` of kernels.cl.
struct Offset {
  let kind: Int
  /// Nil where there is nothing to do.
  let buffer: Buffer?
  /// Of the result's shape.
  let residual: Buffer?

  /// Adds bias(K), or normalises with the statistics of K channels and then adds what else there is to add.
  init(bias: Buffer?, normalization: BatchNormStatistics?, residual: Buffer? = nil) {
    precondition(bias == nil || normalization == nil, "a convolution that normalises its sums has no bias")
    precondition(residual == nil || normalization != nil, "a residual is added to sums that were normalised")
    kind = bias != nil ? 1 : residual != nil ? 3 : normalization != nil ? 2 : 0
    buffer = bias ?? normalization?.buffer
    self.residual = residual
  }
}
