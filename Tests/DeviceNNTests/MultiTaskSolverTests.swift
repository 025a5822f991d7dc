import Foundation
import Testing

@testable import DeviceNN

/// The small problems on the host that gradient aggregators solve, by the conditions that tell a solution.
@Suite struct MultiTaskSolverTests {
  /// Gradients of as many tasks: random ones, fewer than independent, and degenerate ones.
  enum Kind: CaseIterable { case random, dependent, equal, opposite, zero }

  static func gradients(_ kind: Kind, count: Int, seed: UInt64) -> [[Double]] {
    var random = Philox(seed: seed, stream: UInt64(count))
    let size = kind == .dependent ? max(1, count / 2) : count + 3
    var rows = (0..<count).map { _ in (0..<size).map { _ in Double(random.normal()) } }
    switch kind {
    case .random, .dependent: break
    case .equal: rows[0] = rows[count - 1]
    case .opposite: rows[0] = rows[count - 1].map { -$0 }
    case .zero: rows[0] = rows[0].map { _ in 0 }
    }
    return rows
  }

  @Test(arguments: Kind.allCases, [2, 3, 5, 8]) func quadraticProgramsMeetTheConditionsOfAMinimum(
    _ kind: Kind, _ count: Int
  ) {
    for seed in 0..<20 as Range<UInt64> {
      let gram = SymmetricMatrix(gramOf: Self.gradients(kind, count: count, seed: seed))
      let scale = gram.diagonal.max()!
      var random = Philox(seed: seed, stream: 99)
      // A linear term that the matrix bounds.
      let linear = gram * (0..<count).map { _ in Double(random.normal()) }
      for program in [
        QuadraticProgram(gram, isSimplex: true), QuadraticProgram(gram, linear, isSimplex: true),
        QuadraticProgram(gram, linear, isSimplex: false),
      ] {
        let x = program.minimum()
        let slope = program.slope(at: x)
        #expect(x.allSatisfy { $0 >= 0 })
        if program.isSimplex { #expect(abs(x.reduce(0, +) - 1) < 1e-12) }
        for i in 0..<count {
          #expect(slope[i] > -1e-8 * scale, "\(kind), \(count), seed \(seed)")
          #expect(abs(x[i] * slope[i]) < 1e-8 * scale * max(1, x.max()!), "\(kind), \(count), seed \(seed)")
        }
      }
    }
  }

  /// (3, 0) and (0, 1): the shortest point of the segment between them is where it meets the line through 0 at right angles.
  @Test func theShortestPointByHand() {
    let gram = SymmetricMatrix(gramOf: [[3, 0], [0, 1]])
    let w = QuadraticProgram(gram, isSimplex: true).minimum()
    #expect(abs(w[0] - 0.1) < 1e-12 && abs(w[1] - 0.9) < 1e-12)
    #expect(QuadraticProgram(SymmetricMatrix(gramOf: [[1, 0], [2, 0]]), isSimplex: true).minimum() == [1, 0])
  }

  @Test(arguments: Kind.allCases, [2, 3, 5, 8]) func bargainsMeetNashsEquation(_ kind: Kind, _ count: Int) {
    for seed in 0..<20 as Range<UInt64> {
      let rows = Self.gradients(kind, count: count, seed: seed).filter { $0.contains { $0 != 0 } }
      let gram = SymmetricMatrix(gramOf: rows)
      let alpha = nashBargaining(gram, ridge: 1e-6)
      let definite = zip(gram * alpha, zip(gram.diagonal, alpha)).map { $0 + 1e-6 * $1.0 * $1.1 }
      for (a, b) in zip(alpha, definite) {
        #expect(a > 0)
        #expect(abs(a * b - 1) < 1e-6, "\(kind), \(count), seed \(seed)")
      }
    }
  }

  @Test(arguments: Kind.allCases, [1, 2, 3, 5, 8]) func eigenvectorsMakeTheMatrix(_ kind: Kind, _ count: Int) {
    let gram = SymmetricMatrix(gramOf: Self.gradients(kind, count: count, seed: 7))
    let (values, vectors) = gram.eigen()
    for i in 0..<count {
      for j in 0..<count {
        let sum = (0..<count).reduce(0) { $0 + values[$1] * vectors[$1][i] * vectors[$1][j] }
        #expect(abs(sum - gram[i, j]) < 1e-12 * max(1, gram.diagonal.max()!))
      }
    }
    // What the matrix makes of a vector, the pseudoinverse undoes.
    let image = gram * (0..<count).map { Double($0) - 1.5 }
    for (a, b) in zip(gram * gram.pseudoSolution(of: image), image) { #expect(abs(a - b) <= 1e-9 * gram.diagonal.max()!) }
  }

  @Test func linearEquationsByHand() throws {
    let x = try #require(solution(of: [[0, 2], [4, 1]], [6, 11]))
    #expect(x == [2, 3])
    #expect(solution(of: [[1, 1], [1, 1]], [1, 2]) == nil)
  }
}
