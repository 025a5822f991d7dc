/// Minimises ½ xᵀ A x + bᵀ x over x ≥ 0, and where `isSimplex`, over those x alone that add up to 1. A is positive
/// semidefinite.
///
/// An active set: the places that are not 0 grow by the one along which the objective falls fastest, and shrink where the
/// minimum over them would be negative (Lawson and Hanson 1974). Exact but for rounding, and without chance.
struct QuadraticProgram {
  var a: SymmetricMatrix
  var b: [Double]
  var isSimplex: Bool

  init(_ a: SymmetricMatrix, _ b: [Double]? = nil, isSimplex: Bool) {
    self.a = a
    self.b = b ?? Array(repeating: 0, count: a.count)
    self.isSimplex = isSimplex
    precondition(self.b.count == a.count, "\(self.b.count) linear terms for \(a.count) unknowns")
  }

  func minimum() -> [Double] {
    let n = a.count
    let scale = max(a.diagonal.max() ?? 0, b.map(abs).max() ?? 0)
    guard n > 0, scale > 0 else { return Array(repeating: isSimplex ? 1 / Double(max(n, 1)) : 0, count: n) }
    var x = Array(repeating: 0.0, count: n)
    var free: [Int] = []
    if isSimplex {
      let best = (0..<n).min { a[$0, $0] / 2 + b[$0] < a[$1, $1] / 2 + b[$1] }!
      (x[best], free) = (1, [best])
    }
    for _ in 0..<(10 * n + 10) {
      let slope = self.slope(at: x)
      guard let entering = (0..<n).filter({ !free.contains($0) }).min(by: { slope[$0] < slope[$1] }),
        slope[entering] < -1e-12 * scale
      else { break }
      free = (free + [entering]).sorted()
      while let target = minimum(over: free) {
        guard free.contains(where: { target[$0] <= 0 }) else {
          x = target
          break
        }
        let blocking = free.filter { target[$0] <= 0 }
        let step = blocking.map { x[$0] / (x[$0] - target[$0]) }.filter(\.isFinite).min() ?? 0
        for i in free { x[i] += step * (target[i] - x[i]) }
        let least = blocking.min { x[$0] < x[$1] }!
        free.removeAll { x[$0] <= 1e-15 || $0 == least }
        for i in 0..<n where !free.contains(i) { x[i] = 0 }
        if free.isEmpty { break }
      }
    }
    if isSimplex {
      let sum = x.reduce(0, +)
      x = x.map { $0 / sum }
    }
    return x
  }

  /// The gradient at `x`; on the simplex, less the Lagrange multiplier of the sum. 0 or more wherever `x` is the minimum.
  func slope(at x: [Double]) -> [Double] {
    let gradient = zip(a * x, b).map { $0 + $1 }
    guard isSimplex else { return gradient }
    let multiplier = zip(gradient, x).reduce(0) { $0 + $1.0 * $1.1 }
    return gradient.map { $0 - multiplier }
  }

  /// The minimum over the places `free` without a bound; nil where there is none.
  private func minimum(over free: [Int]) -> [Double]? {
    // So little that no gradient of Floats shows it, but enough for a matrix that is singular up to rounding.
    let ridge = 1e-13 * (a.diagonal.max() ?? 0)
    var rows = free.map { i in free.map { a[i, $0] + (i == $0 ? ridge : 0) } }
    var values = free.map { -b[$0] }
    if isSimplex {
      rows = rows.map { $0 + [1] } + [Array(repeating: 1, count: free.count) + [0]]
      values.append(1)
    }
    guard let solution = solution(of: rows, values) else { return nil }
    var x = Array(repeating: 0.0, count: a.count)
    for (i, value) in zip(free, solution) { x[i] = value }
    return x
  }
}
