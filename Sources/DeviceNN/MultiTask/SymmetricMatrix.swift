/// A small symmetric matrix on the host, in Double: a row and a column a task. For tasks' gradients gᵢ it is their Gram
/// matrix, of elements gᵢ·gⱼ.
public struct SymmetricMatrix: Equatable, Sendable {
  public let count: Int
  private var elements: [Double]

  /// All zero.
  public init(count: Int) {
    self.count = count
    elements = Array(repeating: 0, count: count * count)
  }

  /// The inner products of `rows` with each other.
  public init(gramOf rows: [[Double]]) {
    self.init(count: rows.count)
    for i in 0..<count { for j in 0...i { self[i, j] = zip(rows[i], rows[j]).reduce(0) { $0 + $1.0 * $1.1 } } }
  }

  /// Setting an element sets its mirror image too.
  public subscript(_ i: Int, _ j: Int) -> Double {
    get { elements[i * count + j] }
    set {
      elements[i * count + j] = newValue
      elements[j * count + i] = newValue
    }
  }

  public var diagonal: [Double] { (0..<count).map { self[$0, $0] } }

  public static func * (matrix: SymmetricMatrix, vector: [Double]) -> [Double] {
    (0..<matrix.count).map { i in (0..<matrix.count).reduce(0) { $0 + matrix[i, $1] * vector[$1] } }
  }

  /// vᵀ A v: for a Gram matrix the squared length of Σ vᵢ gᵢ.
  public func quadratic(_ v: [Double]) -> Double { zip(v, self * v).reduce(0) { $0 + $1.0 * $1.1 } }

  /// The rows and columns `indices` alone.
  func restricted(to indices: [Int]) -> SymmetricMatrix {
    var result = SymmetricMatrix(count: indices.count)
    for (a, i) in indices.enumerated() { for (b, j) in indices[...a].enumerated() { result[a, b] = self[i, j] } }
    return result
  }

  func adding(toDiagonal number: Double) -> SymmetricMatrix {
    var result = self
    for i in 0..<count { result[i, i] += number }
    return result
  }

  /// aᵢⱼ · scaleᵢ · scaleⱼ
  func scaled(by scale: [Double]) -> SymmetricMatrix {
    var result = self
    for i in 0..<count { for j in 0...i { result[i, j] = self[i, j] * scale[i] * scale[j] } }
    return result
  }

  /// The cosines of the angles between the vectors whose Gram matrix this is, 0 with a vector of no length.
  public var cosines: SymmetricMatrix { scaled(by: diagonal.map { $0 > 0 ? 1 / $0.squareRoot() : 0 }) }
}

extension SymmetricMatrix {
  /// Eigenvalues and their vectors of unit length, by Jacobi's rotations in a fixed order.
  func eigen() -> (values: [Double], vectors: [[Double]]) {
    var a = self
    var vectors = (0..<count).map { i in (0..<count).map { $0 == i ? 1.0 : 0 } }
    for _ in 0..<60 {
      var largest = 0.0
      for p in 0..<count {
        for q in (p + 1)..<max(count, p + 1) where abs(a[p, q]) > 1e-300 {
          largest = max(largest, abs(a[p, q]))
          let theta = (a[q, q] - a[p, p]) / (2 * a[p, q])
          let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
          let c = 1 / (t * t + 1).squareRoot()
          let s = t * c
          let (app, aqq, apq) = (a[p, p], a[q, q], a[p, q])
          for k in 0..<count where k != p && k != q { (a[k, p], a[k, q]) = (c * a[k, p] - s * a[k, q], s * a[k, p] + c * a[k, q]) }
          a[p, p] = app - t * apq
          a[q, q] = aqq + t * apq
          a[p, q] = 0
          for k in 0..<count {
            (vectors[p][k], vectors[q][k]) = (c * vectors[p][k] - s * vectors[q][k], s * vectors[p][k] + c * vectors[q][k])
          }
        }
      }
      if largest <= 1e-17 * (diagonal.map(abs).max() ?? 0) { break }
    }
    return (a.diagonal, vectors)
  }

  /// The eigenvalues that are not 0, and their vectors. A Gram matrix of Floats is known to about a millionth of its largest
  /// eigenvalue: what is below counts as 0.
  func spectrum(tolerance: Double = 1e-6) -> [(value: Double, vector: [Double])] {
    let (values, vectors) = eigen()
    let least = tolerance * (values.max() ?? 0)
    return zip(values, vectors).filter { $0.0 > least && $0.0 > 0 }.map { ($0.0, $0.1) }
  }

  /// A function of the matrix, applied to `vector`: Σ function(λ) (u·vector) u over the eigenvalues λ that are not 0.
  func applying(_ function: (Double) -> Double, to vector: [Double]) -> [Double] {
    spectrum().reduce(into: Array(repeating: 0, count: count)) { sum, eigen in
      let factor = function(eigen.value) * zip(eigen.vector, vector).reduce(0) { $0 + $1.0 * $1.1 }
      for i in 0..<count { sum[i] += factor * eigen.vector[i] }
    }
  }

  /// The shortest of the vectors x whose A x is closest to `vector`: the pseudoinverse times it.
  func pseudoSolution(of vector: [Double]) -> [Double] { applying({ 1 / $0 }, to: vector) }
}

/// x of the linear equations `rows` · x = `values`, by elimination with pivots; nil where they have none, or many.
func solution(of rows: [[Double]], _ values: [Double]) -> [Double]? {
  var a = zip(rows, values).map { $0 + [$1] }
  let n = a.count
  for column in 0..<n {
    let pivot = (column..<n).max { abs(a[$0][column]) < abs(a[$1][column]) }!
    guard abs(a[pivot][column]) > 1e-300 else { return nil }
    a.swapAt(column, pivot)
    for row in (column + 1)..<max(n, column + 1) {
      let factor = a[row][column] / a[column][column]
      for k in column...n { a[row][k] -= factor * a[column][k] }
    }
  }
  var x = Array(repeating: 0.0, count: n)
  for row in (0..<n).reversed() {
    x[row] = ((row + 1)..<max(n, row + 1)).reduce(a[row][n]) { $0 - a[row][$1] * x[$1] } / a[row][row]
  }
  return x.allSatisfy(\.isFinite) ? x : nil
}
