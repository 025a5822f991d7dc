import Testing

@testable import Kernels

@Suite struct PoolingTests {
  /// Windows of all kinds, some of which leave the image at the bottom or right.
  static let shapes: [PoolShape] = {
    var numbers = TestNumbers(40)
    return (0..<40).map { _ in
      let kernel = (numbers.pick([2, 3, 5]), numbers.pick([2, 3, 4]))
      return PoolShape(
        batch: numbers.pick([1, 2]), height: numbers.pick([7, 8, 11]), width: numbers.pick([5, 9, 10]),
        channels: numbers.pick([1, 3, 7, 16, 17, 33]), kernel: kernel,
        stride: (numbers.pick([1, 2, 3]), numbers.pick([1, 2, 3, 5])),
        padding: Padding(
          top: numbers.pick([0, kernel.0 / 2]), left: numbers.pick([0, kernel.1 / 2]),
          bottom: numbers.pick([0, kernel.0 / 2]),
          right: numbers.pick([0, kernel.1 / 2])),
        roundsUp: numbers.pick([0, 1]) == 1)
    }
  }()

  /// The window of output (p, q) by PyTorch's rules: its part inside of the image, and the pixels that an average with
  /// `count_include_pad` divides by, which end with the padding even where a last window reaches beyond.
  private func window(_ s: PoolShape, _ p: Int, _ q: Int) -> (rows: Range<Int>, columns: Range<Int>, padded: Int) {
    let (y, x) = (p * s.strideHeight - s.padding.top, q * s.strideWidth - s.padding.left)
    let (bottom, right) = (
      min(y + s.kernelHeight, s.height + s.padding.bottom), min(x + s.kernelWidth, s.width + s.padding.right)
    )
    return (max(y, 0)..<min(bottom, s.height), max(x, 0)..<min(right, s.width), (bottom - y) * (right - x))
  }

  private func forEachOutput(_ s: PoolShape, _ body: (_ n: Int, _ p: Int, _ q: Int, _ c: Int, _ at: Int) -> Void) {
    var at = 0
    for n in 0..<s.batch {
      for p in 0..<s.outputHeight {
        for q in 0..<s.outputWidth {
          for c in 0..<s.channels {
            body(n, p, q, c, at)
            at += 1
          }
        }
      }
    }
  }

  private func expectValues(_ actual: [Float], _ expected: [Float], _ comment: Comment) {
    #expect(zip(actual, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }, comment)
  }

  @Test(arguments: Target.all) func maximaAndTheirGradients(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(41)
    for (round, shape) in Self.shapes.enumerated() {
      var x = numbers.floats(shape.inputCount)
      if round % 3 == 1 { x = x.map { ($0 * 2).rounded() } }  // ties
      if round % 3 == 2 { for i in stride(from: 3, to: x.count, by: 31) { x[i] = .nan } }
      if round % 5 == 4 { for i in stride(from: 0, to: x.count, by: 2) { x[i] = -.infinity } }
      let dy = numbers.floats(shape.outputCount)
      var values = [Float](repeating: 0, count: dy.count)
      var dx = [Double](repeating: 0, count: x.count)
      forEachOutput(shape) { n, p, q, c, at in
        let window = window(shape, p, q)
        func index(_ i: Int, _ j: Int) -> Int { ((n * shape.height + i) * shape.width + j) * shape.channels + c }
        var best = index(window.rows.lowerBound, window.columns.lowerBound)
        for i in window.rows {
          for j in window.columns where x[index(i, j)] > x[best] || x[index(i, j)].isNaN { best = index(i, j) }
        }
        values[at] = x[best]
        dx[best] += Double(dy[at])
      }
      let pooled = device.maxPool(device.makeBuffer(x), shape)
      expectValues(try device.read(pooled.values, as: Float.self, count: values.count), values, "\(shape)")
      let gradient = device.maxPoolBackward(pooled.indices, dy: device.makeBuffer(dy), shape)
      expectClose(try device.read(gradient, as: Float.self, count: dx.count), dx, "gradient of \(shape)")
    }
  }

  @Test(arguments: Target.all) func meansAndTheirGradients(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(42)
    for shape in Self.shapes {
      for countsPadding in [true, false] {
        let (x, dy) = (numbers.floats(shape.inputCount), numbers.floats(shape.outputCount))
        var y = [Double](repeating: 0, count: dy.count)
        var dx = [Double](repeating: 0, count: x.count)
        forEachOutput(shape) { n, p, q, c, at in
          let window = window(shape, p, q)
          let count = Double(countsPadding ? window.padded : window.rows.count * window.columns.count)
          for i in window.rows {
            for j in window.columns {
              let from = ((n * shape.height + i) * shape.width + j) * shape.channels + c
              y[at] += Double(x[from]) / count
              dx[from] += Double(dy[at]) / count
            }
          }
        }
        let pooled = device.averagePool(device.makeBuffer(x), shape, countsPadding: countsPadding)
        expectClose(
          try device.read(pooled, as: Float.self, count: y.count), y, "\(shape), counts padding: \(countsPadding)")
        let gradient = device.averagePoolBackward(device.makeBuffer(dy), shape, countsPadding: countsPadding)
        expectClose(
          try device.read(gradient, as: Float.self, count: dx.count), dx,
          "gradient of \(shape), counts padding: \(countsPadding)")
      }
    }
  }
}
