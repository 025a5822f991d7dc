/// The positive α of G α = 1 / α, element by element: the bargaining solution of Nash for vectors whose Gram matrix is G
/// (Navon et al. 2022). It is the minimum of ½ αᵀ G α − Σ log αᵢ, which Newton's method finds from anywhere.
///
/// - Parameters:
///   - gram: of vectors none of which is 0.
///   - ridge: added to the diagonal of the cosines, so that opposite vectors have a solution, too.
func nashBargaining(_ gram: SymmetricMatrix, ridge: Double = 1e-6) -> [Double] {
  let n = gram.count
  // Vectors of unit length make it well scaled: α of the others is this one over their lengths.
  let lengths = gram.diagonal.map { $0.squareRoot() }
  let g = gram.scaled(by: lengths.map { 1 / $0 }).adding(toDiagonal: ridge)
  var alpha = Array(repeating: 1.0, count: n)
  for _ in 0..<500 {
    let slope = zip(g * alpha, alpha).map { $0 - 1 / $1 }
    let rows = (0..<n).map { i in (0..<n).map { g[i, $0] + (i == $0 ? 1 / (alpha[i] * alpha[i]) : 0) } }
    guard let step = solution(of: rows, slope) else { break }
    let decrement = zip(step, slope).reduce(0) { $0 + $1.0 * $1.1 }
    guard decrement > 1e-24 else { break }
    // A self-concordant function: this damped step stays inside, and the full one converges quadratically near the end.
    let length = decrement < 0.01 ? 1 : 1 / (1 + decrement.squareRoot())
    alpha = zip(alpha, step).map { $0 - length * $1 }
  }
  return zip(alpha, lengths).map { $0 / $1 }
}
