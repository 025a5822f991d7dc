internal import Foundation

/// The mean of a few measurements, and how far it may be from the truth.
public struct SampleMean: Sendable, Equatable {
  public let mean: Double
  /// Half of the 95 % confidence interval by Student's t distribution; NaN of a single measurement.
  public let halfWidth: Double

  /// The 97.5 % quantiles of Student's distribution with 1, 2, … degrees of freedom.
  private static let quantiles = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110,
    2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
  ]

  public init(_ values: [Double]) {
    precondition(!values.isEmpty, "no values have no mean")
    let mean = values.reduce(0, +) / Double(values.count)
    let freedom = values.count - 1
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(freedom, 1))
    let quantile = freedom == 0 ? .nan : freedom <= Self.quantiles.count ? Self.quantiles[freedom - 1] : 1.96
    self.mean = mean
    halfWidth = quantile * (variance / Double(values.count)).squareRoot()
  }
}
