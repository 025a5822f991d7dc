internal import Kernels

extension Tensor {
  /// The mean squared distance from the mean along `axes`, or of everything; the axes go, or stay with size 1.
  ///
  /// - Parameter correction: what the count is less by as divisor: 0 for the variance of these numbers, 1 for the unbiased
  ///   estimate from a sample.
  public func variance(axes: [Int]? = nil, keepsAxes: Bool = false, correction: Int = 0) -> Tensor {
    let axes = Set(axes ?? Array(shape.indices))
    precondition(axes.allSatisfy(shape.indices.contains), "axes \(axes.sorted()) are not all in the shape \(shape)")
    let size = axes.reduce(1) { $0 * shape[$1] }
    precondition(size > correction, "a variance of \(size) numbers, less \(correction), along \(axes.sorted()) of \(shape)")
    let scale = 1 / Float(size - correction)
    // Runs of neighbouring axes one after the other, the last first.
    let runs = axes.sorted().reduce(into: [ClosedRange<Int>]()) { runs, axis in
      if let last = runs.last, last.upperBound == axis - 1 {
        runs[runs.count - 1] = last.lowerBound...axis
      } else {
        runs.append(axis...axis)
      }
    }
    var (moments, kept) = (Moments(buffer), shape)
    var splits: [(outer: Int, axis: Int, inner: Int)] = []
    for (i, run) in runs.enumerated().reversed() {
      let split = (
        outer: kept[..<run.lowerBound].reduce(1, *), axis: kept[run].reduce(1, *),
        inner: kept[(run.upperBound + 1)...].reduce(1, *)
      )
      moments = device.merge(moments, outer: split.outer, axis: split.axis, inner: split.inner, scale: i == 0 ? scale : 1)
      splits.append(split)
      kept.removeSubrange(run)
    }
    guard let square = moments.square, let rest = moments.rest else { return self * 0 }  // along no axis
    let (x, count) = (self, count)
    let mean = device.add(moments.mean, rest, count: kept.reduce(1, *))
    let newShape = keepsAxes ? shape.indices.map { axes.contains($0) ? 1 : shape[$0] } : kept
    return .result(newShape, square, from: [self]) { dy in
      let device = dy.device
      func spread(_ values: Buffer, _ scale: Float) -> Buffer {
        splits.indices.reversed().reduce(values) {
          device.broadcast(
            $0, outer: splits[$1].outer, axis: splits[$1].axis, inner: splits[$1].inner, scale: $1 == 0 ? scale : 1)
        }
      }
      let differences = device.subtract(x.buffer, spread(mean, 1), count: count)
      return [Tensor(shape: x.shape, buffer: device.multiply(differences, spread(dy.buffer, 2 * scale), count: count))]
    }
  }
}
