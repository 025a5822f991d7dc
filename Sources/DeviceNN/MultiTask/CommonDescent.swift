/// MGDA (Désidéri 2012; on the features, Sener and Koltun 2018): the shortest convex combination of the gradients, which is
/// as steep for each task that has a say.
public struct MGDA: GramAggregator {
  public init() {}

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    QuadraticProgram(gram, isSimplex: true).minimum()
  }
}

/// CAGrad (Liu et al. 2021): of the directions at most `radius` · |mean| away from the mean gradient, the one along which the
/// task falls most that falls least.
public struct CAGrad: GramAggregator {
  public let radius: Double

  public init(radius: Double = 0.5) {
    precondition((0..<1).contains(radius), "a radius is in 0 ..< 1, not \(radius): beyond, CAGrad need not converge")
    self.radius = radius
  }

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    let mean = Array(repeating: 1 / Double(gram.count), count: gram.count)
    let reach = radius * max(gram.quadratic(mean), 0).squareRoot()
    guard reach > 0 else { return mean }
    // The paper's problem: the w of the simplex with the least w·b + reach · |Σ wᵢ gᵢ|. The length being the least
    // ½ (length² / s + s) of all s, it is a quadratic program in w for a given s, and its own length is s at the minimum.
    let b = gram * mean
    func combination(_ s: Double) -> (w: [Double], length: Double) {
      let program = QuadraticProgram(
        gram.scaled(by: Array(repeating: (reach / s).squareRoot(), count: gram.count)), b, isSimplex: true)
      let w = program.minimum()
      return (w, max(gram.quadratic(w), 0).squareRoot())
    }
    let longest = (gram.diagonal.max() ?? 0).squareRoot()
    var (low, high) = (longest * 1e-9, longest)
    for _ in 0..<80 where high > low * (1 + 1e-12) {
      let middle = (low * high).squareRoot()
      if combination(middle).length > middle { low = middle } else { high = middle }
    }
    let (w, length) = combination(high)
    guard length > 1e-6 * longest else { return mean }
    return zip(mean, w).map { $0 + reach / length * $1 }
  }
}

/// Nash-MTL (Navon et al. 2022): the direction that tasks which bargain would agree on, Σ αᵢ gᵢ with G α = 1 / α, scaled down
/// to `longest`, as its authors do. No task gains by making its loss a multiple of what it is.
public struct NashMTL: GramAggregator {
  public let longest: Double

  public init(longest: Double = 1) { self.longest = longest }

  public func weights(_ gram: SymmetricMatrix, at step: TaskStep) -> [Double] {
    gram.amongNonzero { gram in
      let alpha = nashBargaining(gram)
      let length = max(gram.quadratic(alpha), 0).squareRoot()
      return length > longest ? alpha.map { $0 * longest / length } : alpha
    }
  }
}
