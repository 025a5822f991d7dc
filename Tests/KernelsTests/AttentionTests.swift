import Foundation
import Testing

@testable import Kernels

@Suite struct AttentionTests {
  @Test(arguments: Target.all, [Float(1), 100]) func agreesWithTheWholeMatrix(_ target: Target, _ range: Float) throws {
    var numbers = TestNumbers(94)
    for (queries, keys, depth) in [
      (1, 1, 1), (3, 1, 3), (1, 17, 8), (17, 33, 16), (33, 17, 17), (65, 64, 3), (64, 65, 64), (7, 257, 33), (129, 129, 20), (9, 72, 16),
      (25, 80, 20), (80, 81, 7),
    ] {
      for isCausal in [false, true] {
        let shape = AttentionShape(batch: 2, queries: queries, keys: keys, depth: depth, isCausal: isCausal)
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
    let x = [q, k, v].map { shape.whole(device.makeBuffer($0)) }
    let found = device.attention(x[0], x[1], x[2], shape)
    // A score of 100 · √d is rounded by 1e-7 of itself, and so is its exponential's exponent.
    let depth = max(s, t) * Int(range * range)
    func read(_ buffer: Buffer, _ count: Int) throws -> [Float] { try device.read(buffer, as: Float.self, count: count) }
    expectClose(try read(found.logSums, logSums.count), logSums, depth: s, comment)
    expectClose(try read(found.y, y.count), y, depth: depth, comment)
    let (dqs, dks, dvs) = (device.makeFloats(q.count), device.makeFloats(k.count), device.makeFloats(v.count))
    device.attentionBackward(
      x[0], x[1], x[2], shape, y: found.y, logSums: found.logSums, dy: device.makeBuffer(dy), to: shape.whole(dqs),
      shape.whole(dks), shape.whole(dvs))
    expectClose(try read(dqs, dq.count), dq, depth: depth, comment)
    expectClose(try read(dks, dk.count), dk, depth: depth * Int(range), comment)
    expectClose(try read(dvs, dv.count), dv, depth: depth, comment)
  }

  /// Heads side by side, in parts of one map, are like heads one behind the other, to the bit.
  @Test(arguments: Target.all, [false, true]) func headsMayLieSideBySide(_ target: Target, _ isCausal: Bool) throws {
    let device = target.device
    var numbers = TestNumbers(95)
    for (tokens, heads, depth) in [(1, 1, 1), (3, 2, 5), (33, 3, 8), (70, 2, 17)] {
      let (batch, channels) = (2, heads * depth)
      let map = numbers.floats(batch * tokens * 3 * channels)
      let dy = numbers.floats(batch * tokens * channels)
      // x(batch,tokens,pitch), its part from `first` on as (batch,heads,tokens,depth).
      func split(_ x: [Float], pitch: Int, first: Int) -> [Float] {
        (0..<batch * heads * tokens * depth).map { i in
          let (row, d) = (i / depth, i % depth)
          let (image, head, token) = (row / tokens / heads, row / tokens % heads, row % tokens)
          return x[(image * tokens + token) * pitch + first + head * depth + d]
        }
      }
      func read(_ buffer: Buffer, _ count: Int) throws -> [Float] { try device.read(buffer, as: Float.self, count: count) }

      let joint = AttentionShape(
        batch: batch, heads: heads, queries: tokens, keys: tokens, depth: depth, isCausal: isCausal)
      func parts(_ buffer: Buffer) -> [MapPart] {
        (0..<3).map { MapPart(buffer, channels: 3 * channels, first: $0 * channels) }
      }
      let (x, gradient) = (parts(device.makeBuffer(map)), device.makeFloats(map.count))
      let to = parts(gradient)
      let found = device.attention(x[0], x[1], x[2], joint)
      device.attentionBackward(
        x[0], x[1], x[2], joint, y: found.y, logSums: found.logSums, dy: device.makeBuffer(dy), to: to[0], to[1], to[2])

      let apart = AttentionShape(batch: batch * heads, queries: tokens, keys: tokens, depth: depth, isCausal: isCausal)
      let z = (0..<3).map { part in
        apart.whole(device.makeBuffer(split(map, pitch: 3 * channels, first: part * channels)))
      }
      let gradients = (0..<3).map { _ in device.makeFloats(dy.count) }
      let expected = device.attention(z[0], z[1], z[2], apart)
      device.attentionBackward(
        z[0], z[1], z[2], apart, y: expected.y, logSums: expected.logSums,
        dy: device.makeBuffer(split(dy, pitch: channels, first: 0)), to: apart.whole(gradients[0]),
        apart.whole(gradients[1]), apart.whole(gradients[2]))

      let comment: Comment = "\(joint)"
      #expect(try split(read(found.y, dy.count), pitch: channels, first: 0) == read(expected.y, dy.count), comment)
      let dx = try read(gradient, map.count)
      for part in 0..<3 {
        #expect(
          try split(dx, pitch: 3 * channels, first: part * channels) == read(gradients[part], dy.count), comment)
      }
    }
  }

  /// Memory does not grow with queries · keys.
  @Test func noMatrixOfScoresIsStored() throws {
    let device = Device(backend: try CPUBackend())
    let shape = AttentionShape(batch: 1, queries: 4096, keys: 4096, depth: 4)
    let q = shape.whole(device.fill(0.5, count: 4096 * 4))
    let gradients = shape.whole(device.makeFloats(4096 * 4))
    device.resetPeakMemory()
    let (y, logSums) = device.attention(q, q, q, shape)
    device.attentionBackward(
      q, q, q, shape, y: y, logSums: logSums, dy: q.map, to: gradients, gradients, gradients)
    #expect(device.memoryUse.peak < 1 << 20)
    #expect(try device.read(y, as: Float.self, count: 4096 * 4).allSatisfy { abs($0 - 0.5) < 1e-5 })
  }
}
