/// Where an operand's numbers lie: the distance between neighbours along each dimension, 0 where one is repeated and
/// negative where they are read backwards, and where the first one is.
public struct Strides: Sendable, Hashable {
  public var steps: [Int]
  public var offset: Int

  public init(_ steps: [Int], offset: Int = 0) {
    self.steps = steps
    self.offset = offset
  }

  /// Those of contiguous numbers.
  public init(contiguous shape: [Int]) {
    var steps = [Int](repeating: 1, count: shape.count)
    for i in shape.indices.dropLast().reversed() { steps[i] = steps[i + 1] * shape[i + 1] }
    self.init(steps)
  }

  /// Those of contiguous numbers that are repeated along new dimensions in front, and where `shape` is 1.
  public init(broadcasting shape: [Int], to larger: [Int]) {
    let own = Strides(contiguous: shape).steps
    self.init(
      [Int](repeating: 0, count: larger.count - shape.count) + shape.indices.map { shape[$0] == 1 ? 0 : own[$0] })
  }
}

/// A shape and several operands' strides with as few dimensions as describe them: neighbours that all operands pass over
/// as over one are one. The kernels know `rank` of them.
struct StridedLayout {
  static let rank = 6

  private(set) var sizes: [Int] = []
  private(set) var operands: [[Int]]

  init(_ shape: [Int], _ strides: [Strides]) {
    operands = strides.map { _ in [] }
    for i in shape.indices where shape[i] != 1 {
      let steps = strides.map { $0.steps[i] }
      if let last = sizes.indices.last, operands.indices.allSatisfy({ operands[$0][last] == steps[$0] * shape[i] }) {
        sizes[last] *= shape[i]
        for j in operands.indices { operands[j][last] = steps[j] }
      } else {
        sizes.append(shape[i])
        for j in operands.indices { operands[j].append(steps[j]) }
      }
    }
    precondition(
      sizes.count <= Self.rank, "the shape \(shape) needs \(sizes.count) dimensions, but kernels know \(Self.rank)")
    let missing = Self.rank - sizes.count
    sizes = Array(repeating: 1, count: missing) + sizes
    // A single number is as good as contiguous.
    operands = operands.map { Array(repeating: missing == Self.rank ? 1 : 0, count: missing) + $0 }
  }

  /// (batch,rows,columns) of contiguous numbers whose last two dimensions the first operand passes over the other way
  /// round; nil where it is not that.
  var transposition: (batch: Int, rows: Int, columns: Int)? {
    let (batch, columns, rows) = (sizes[3], sizes[4], sizes[5])
    let steps = operands[0]
    let isMatrices = sizes[..<3].allSatisfy { $0 == 1 } && steps[4] == 1 && steps[5] == columns
    return isMatrices && (batch == 1 || steps[3] == rows * columns) ? (batch, rows, columns) : nil
  }

  private var inner: Int { sizes.last! }
  private var rows: Int { sizes.dropLast().reduce(1, *) }

  /// `ROW_SIZES` of kernels.cl.
  var sizeArguments: [Launch.Argument] { ([rows, inner] + sizes[1..<5]).map { .int($0) } }

  /// `STRIDES` of kernels.cl.
  func strideArguments(_ operand: Int) -> [Launch.Argument] { operands[operand].map { .int($0) } }

  func groups(chunk: Int) -> SIMD3<Int> {
    let perGroup = max(1, chunk / inner)
    return [(rows + perGroup - 1) / perGroup, (inner + chunk - 1) / chunk, 1]
  }
}

extension Device {
  /// Copies the 4-byte numbers of a `shape` from their places in `x` to their places in `y`.
  public func copy(_ x: Buffer, at from: Strides, to y: Buffer, at to: Strides, shape: [Int]) {
    let layout = StridedLayout(shape, [from, to])
    launch(
      Launch(
        "strided_copy", groups: layout.groups(chunk: Self.chunk),
        layout.sizeArguments + layout.strideArguments(0) + layout.strideArguments(1)
          + [.int(from.offset), .int(to.offset), .buffer(x), .buffer(y)]))
  }

  /// A new buffer with the numbers of `shape` from their places in `x`.
  public func gathered(_ x: Buffer, at from: Strides, shape: [Int]) -> Buffer {
    if from.offset == 0, let (batch, rows, columns) = StridedLayout(shape, [from]).transposition {
      return transpose(x, batch: batch, rows: rows, columns: columns)
    }
    let y = makeFloats(shape.reduce(1, *))
    copy(x, at: from, to: y, at: Strides(contiguous: shape), shape: shape)
    return y
  }
}
