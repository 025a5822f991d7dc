internal import Foundation
internal import Kernels

extension LearningTask {
  /// The mean loss of outputs(N,outputWidth) over the labels that are there; nil where none is. Never negative, as some
  /// weightings need.
  ///
  /// - Parameters:
  ///   - targets: of the same N pictures.
  ///   - classWeights: for classes, what a class's part is multiplied with.
  public func loss(
    of outputs: Tensor, _ targets: TaskTargets, labelSmoothing: Float = 0, classWeights: Tensor? = nil
  ) -> Tensor? {
    precondition(
      outputs.shape == [targets.count, kind.outputWidth] && targets.width == kind.targetWidth,
      "'\(name)' needs outputs(\(targets.count),\(kind.outputWidth)) and labels of \(kind.targetWidth) numbers, "
        + "but they are \(outputs.shape) and \(targets.width)")
    guard targets.values.contains(where: { !$0.isNaN }) else { return nil }
    switch kind {
    case .classes:
      let labels = targets.values.map { $0.isNaN ? Int32(Tensor.ignoredLabel) : Int32($0) }
      return outputs.crossEntropy(
        IntTensor(labels, on: outputs.device), labelSmoothing: labelSmoothing, classWeights: classWeights)
    case .multiLabel:
      return outputs.meanOfPresent(targets.values) { outputs.losses(.binaryCrossEntropy, $0) }
    case .ordinal(let levels):
      // Whether the level is above each threshold.
      let above = targets.values.flatMap { level -> [Float] in
        (0..<levels.count - 1).map { level.isNaN ? .nan : level > Float($0) ? 1 : 0 }
      }
      return outputs.meanOfPresent(above) { outputs.losses(.binaryCrossEntropy, $0) }
    case .regression(let mean, let deviation, let isUncertain):
      let wanted = targets.values.enumerated().map { i, value in
        (value - mean[i % mean.count]) / deviation[i % mean.count]
      }
      guard isUncertain else { return outputs.meanOfPresent(wanted) { outputs.losses(.squared, $0) } }
      let (values, logVariance) = outputs.valuesAndLogVariances
      return values.meanOfPresent(wanted) { wanted in
        // The constant is the least that the logarithm can be.
        ((values - wanted).square() * (-logVariance).exp() + logVariance + Self.logVarianceBound) * 0.5
      }
    case .counts:
      // Half of the deviance: the likelihood's logarithm, less that of the best that could have been said.
      return outputs.meanOfPresent(targets.values) { count in
        let best = targets.values.map { (y: Float) -> Float in y > 0 ? y * log(y) - y : 0 }
        return outputs.exp() - count * outputs + Tensor(best, shape: outputs.shape, on: outputs.device)
      }
    }
  }

  /// Logarithms of variances are kept within this by a smooth curve.
  static let logVarianceBound: Float = 7
}

extension Tensor {
  /// The mean of what `losses` makes of targets of this shape, over those that are not NaN.
  fileprivate func meanOfPresent(_ targets: [Float], _ losses: (Tensor) -> Tensor) -> Tensor {
    let share = 1 / Float(targets.count { !$0.isNaN })
    let known = Tensor(targets.map { $0.isNaN ? 0 : $0 }, shape: shape, on: device)
    let weights = Tensor(targets.map { $0.isNaN ? 0 : share }, shape: shape, on: device)
    return (losses(known) * weights).sum()
  }

  /// Of outputs(N,2·values): the values, and the logarithms of their variances.
  fileprivate var valuesAndLogVariances: (Tensor, Tensor) {
    let half = shape[1] / 2
    let raw = sliced(axis: 1, range: half..<2 * half)
    let bound = LearningTask.logVarianceBound
    return (sliced(axis: 1, range: 0..<half), (raw / bound).tanh() * bound)
  }
}
