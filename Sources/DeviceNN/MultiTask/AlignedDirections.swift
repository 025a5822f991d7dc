/// IMTL-G (Liu et al. 2021): the combination whose projections onto all gradients are equally long, with weights that add up
/// to 1.
public struct IMTLG: GramAggregator {
  public init() {}

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    gram.amongNonzero { gram in
      let weights = gram.pseudoSolution(of: gram.diagonal.map { $0.squareRoot() })
      let sum = weights.reduce(0, +)
      // Opposite gradients: nothing is impartial but their mean.
      guard abs(sum) > 1e-6 * weights.reduce(0, { $0 + abs($1) }) else {
        return Array(repeating: 1 / Double(gram.count), count: gram.count)
      }
      return weights.map { $0 / sum }
    }
  }
}

/// Aligned-MTL (Senushkin et al. 2023): the mean of the gradients after the nearest change that makes them orthogonal and as
/// long as their least principal component.
public struct AlignedMTL: GramAggregator {
  public init() {}

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    let mean = Array(repeating: 1 / Double(gram.count), count: gram.count)
    guard let least = gram.spectrum().map(\.value).min() else { return mean }
    return gram.applying({ (least / $0).squareRoot() }, to: mean)
  }
}

/// ConFIG (Liu et al. 2025): the direction that has the same cosine with every gradient, as long as the gradients'
/// projections onto it together.
public struct ConFIG: GramAggregator {
  public init() {}

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    gram.amongNonzero { gram in
      let cosines = gram.cosines
      let direction = cosines.pseudoSolution(of: Array(repeating: 1, count: gram.count))
      let squaredLength = cosines.quadratic(direction)
      guard squaredLength > 0 else { return Array(repeating: 0, count: gram.count) }
      let lengths = gram.diagonal.map { $0.squareRoot() }
      let projections = zip(lengths, cosines * direction).reduce(0) { $0 + $1.0 * $1.1 }
      return zip(direction, lengths).map { $0 / $1 * projections / squaredLength }
    }
  }
}

extension SymmetricMatrix {
  /// `weights` of the vectors that are not 0; the others get 0.
  func amongNonzero(_ weights: (SymmetricMatrix) -> [Double]) -> [Double] {
    let places = (0..<count).filter { self[$0, $0] > 0 }
    var result = Array(repeating: 0.0, count: count)
    guard !places.isEmpty else { return result }
    for (place, weight) in zip(places, weights(restricted(to: places))) { result[place] = weight }
    return result
  }
}
