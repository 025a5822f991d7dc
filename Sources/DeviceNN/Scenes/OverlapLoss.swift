extension Tensor {
  /// What is missing from the overlaps of regions, 0 … 1: one less the mean over regions of intersection over union, counted
  /// in probabilities over all places (Rahman and Wang 2016). Cross-entropy counts places, most of which are easy; this
  /// counts what a measured overlap loses at the regions' borders.
  ///
  /// The tensor holds logits(places,regions).
  ///
  /// - Parameter shares: of the same shape: 1 for a place's region, else 0; a place without a region is left out.
  func overlapLoss(_ shares: Tensor) -> Tensor {
    precondition(shape == shares.shape, "regions' overlaps need shares of the shape \(shape), but it is \(shares.shape)")
    let probabilities = softmax() * shares.sum(axes: [1], keepsAxes: true)
    let both = probabilities * shares
    // One place more keeps regions that are nowhere from a division by zero.
    let ratios = (both.sum(axes: [0]) + 1) / ((probabilities + shares - both).sum(axes: [0]) + 1)
    return 1 - ratios.mean()
  }
}
