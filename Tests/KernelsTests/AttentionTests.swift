import Foundation
import Testing

@testable import Kernels

@Suite struct AttentionTests {
  @Test(arguments: Target.all, [Float(1), 100]) func agreesWithTheWholeMatrix(_ target: Target, _ range: Float) throws {
    var numbers = TestNumbers(94)
    for (queries, keys, depth) in [
      (1, 1, 1), (3, 1, 3), (1, 17, 8), (17, 33, 16), (33, 17, 17), (65, 64, 3), (64, 65, 64), (7, 257, 33), (129, 129, 20),
    ] {
      for isCausal in [false, true] {
        let shape = AttentionShape(heads: 2, queries: queries, keys: keys, depth: depth, isCausal: isCausal)
        try check(target.device, shape, range, &numbers)
      }
    }
  }

  private func check(_ device: Device, _ shape: AttentionShape, _ range: Float, _ numbers: inout TestNumbers) throws {
    let (t, s, d) = (shape.queries, shape.keys, shape.depth)
    // Large scores make the softmax a choice of one key.
    let q = numbers.floats(2 * t * d).map { $0 * range }
    let (k, v) = (numbers.floats(2 * s * d), numbers.floats(2 * s * d))
    let dy = numbers.floats(2 * t * d)
    var (y, dq) = ([Double](repeating: 0, count: q.count), [Double](repeating: 0, count: q.count))
    var (dk, dv) = ([Double](repeating: 0, count: k.count), [Double](repeating: 0, count: k.count))
    var logSums: [Double] = []
    let scale = Double(shape.scale)
    func dot(_ a: [Float], _ i: Int, _ b: [Float], _ j: Int) -> Double {
      (0..<d).reduce(0.0) { $0 + Double(a[i * d + $1]) * Double(b[j * d + $1]) }
    }
    for head in 0..<2 {
      for i in head * t..<(head + 1) * t {
        let visible = head * s..<head * s + (shape.isCausal ? min(s, i - head * t + 1) : s)
        let scores = visible.map { scale * dot(q, i, k, $0) }
        let largest = scores.max()!
        let logSum = largest + log(scores.reduce(0) { $0 + exp($1 - largest) })
        logSums.append(logSum)
        let weights = scores.map { exp($0 - logSum) }
        let slopes = visible.map { dot(dy, i, v, $0) }
        let delta = zip(weights, slopes).reduce(0.0) { $0 + $1.0 * $1.1 }
        for (n, j) in visible.enumerated() {
          let ds = scale * weights[n] * (slopes[n] - delta)
          for c in 0..<d {
            y[i * d + c] += weights[n] * Double(v[j * d + c])
            dq[i * d + c] += ds * Double(k[j * d + c])
            dk[j * d + c] += ds * Double(q[i * d + c])
            dv[j * d + c] += weights[n] * Double(dy[i * d + c])
          }
        }
      }
    }
    let comment: Comment = "\(shape), ±\(range)"
    let (qs, ks, vs) = (device.makeBuffer(q), device.makeBuffer(k), device.makeBuffer(v))
    let found = device.attention(qs, ks, vs, shape)
    // A score of 100 · √d is rounded by 1e-7 of itself, and so is its exponential's exponent.
    let depth = max(s, t) * Int(range * range)
    func read(_ buffer: Buffer, _ count: Int) throws -> [Float] { try device.read(buffer, as: Float.self, count: count) }
    expectClose(try read(found.logSums, logSums.count), logSums, depth: s, comment)
    expectClose(try read(found.y, y.count), y, depth: depth, comment)
    let gradients = device.attentionBackward(qs, ks, vs, shape, y: found.y, logSums: found.logSums, dy: device.makeBuffer(dy))
    expectClose(try read(gradients.dq, dq.count), dq, depth: depth, comment)
    expectClose(try read(gradients.dk, dk.count), dk, depth: depth * Int(range), comment)
    expectClose(try read(gradients.dv, dv.count), dv, depth: depth, comment)
  }

  /// Memory does not grow with queries · keys.
  @Test func noMatrixOfScoresIsStored() throws {
    let device = Device(backend: try CPUBackend())
    let shape = AttentionShape(heads: 1, queries: 4096, keys: 4096, depth: 4)
    let q = device.fill(0.5, count: 4096 * 4)
    device.resetPeakMemory()
    let (y, logSums) = device.attention(q, q, q, shape)
    _ = device.attentionBackward(q, q, q, shape, y: y, logSums: logSums, dy: q)
    #expect(device.memoryUse.peak < 1 << 20)
    #expect(try device.read(y, as: Float.self, count: 4096 * 4).allSatisfy { abs($0 - 0.5) < 1e-5 })
  }
}
