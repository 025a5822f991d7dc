import Testing

@testable import Kernels

@Suite struct GroupNormalizationTests {
  static let shapes =
    [1, 3, 17, 33, 129, 257, 1024].flatMap { channels in
      [1, 17, 200].map { GroupNormShape(batch: $0, channels: channels) }
    } + [
      GroupNormShape(batch: 2, pixels: 1, channels: 6, groups: 3), GroupNormShape(batch: 1, pixels: 17, channels: 1),
      GroupNormShape(batch: 3, pixels: 33, channels: 12, groups: 4), GroupNormShape(batch: 2, pixels: 129, channels: 34, groups: 2),
      GroupNormShape(batch: 2, pixels: 257, channels: 5, groups: 5), GroupNormShape(batch: 2, pixels: 65, channels: 258, groups: 2),
    ]

  @Test(arguments: Target.all) func agreesWithFormulas(_ target: Target) throws {
    var numbers = TestNumbers(92)
    for shape in Self.shapes { try check(target.device, shape, &numbers, offset: 0.5) }
  }

  private func check(_ device: Device, _ shape: GroupNormShape, _ numbers: inout TestNumbers, offset: Float) throws {
    let (c, channels, pixels) = (shape.channels, shape.channels / shape.groups, shape.pixels)
    // Neighbouring numbers differ, so that two of them have a variance.
    let x = numbers.floats(shape.count).enumerated().map { $1 * 0.5 + offset + Float($0 % 2) }
    let dy = numbers.floats(shape.count)
    let (gamma, beta) = (numbers.floats(c).map { $0 + 2 }, numbers.floats(c))
    let epsilon = 1e-3
    func group(_ i: Int) -> Int { i / (pixels * c) * shape.groups + i % c / channels }
    let size = Double(pixels * channels)
    var (means, variances) = ([Double](repeating: 0, count: shape.batch * shape.groups), [Double]())
    for i in x.indices { means[group(i)] += Double(x[i]) / size }
    variances = means.map { _ in 0 }
    for i in x.indices { variances[group(i)] += (Double(x[i]) - means[group(i)]) * (Double(x[i]) - means[group(i)]) / size }
    let normalized = x.indices.map { (Double(x[$0]) - means[group($0)]) / (variances[group($0)] + epsilon).squareRoot() }
    var (dgamma, dbeta) = ([Double](repeating: 0, count: c), [Double](repeating: 0, count: c))
    var (sums, products) = (means.map { _ in 0.0 }, means.map { _ in 0.0 })
    for i in x.indices {
      dgamma[i % c] += Double(dy[i]) * normalized[i]
      dbeta[i % c] += Double(dy[i])
      let g = Double(dy[i]) * Double(gamma[i % c])
      sums[group(i)] += g / size
      products[group(i)] += g * normalized[i] / size
    }
    let dx = x.indices.map { i in
      (Double(dy[i]) * Double(gamma[i % c]) - sums[group(i)] - normalized[i] * products[group(i)])
        / (variances[group(i)] + epsilon).squareRoot()
    }
    let comment: Comment = "\(shape)"
    let (xs, dys, gammas) = (device.makeBuffer(x), device.makeBuffer(dy), device.makeBuffer(gamma))
    let (y, statistics) = device.groupNorm(xs, shape, gamma: gammas, beta: device.makeBuffer(beta), epsilon: Float(epsilon))
    func read(_ buffer: Buffer, _ count: Int) throws -> [Float] { try device.read(buffer, as: Float.self, count: count) }
    expectClose(
      try read(y, x.count), x.indices.map { normalized[$0] * Double(gamma[$0 % c]) + Double(beta[$0 % c]) },
      depth: pixels * channels, comment)
    // One number alone has no variance: its gradient is the rounding of 0 by 1 / √epsilon.
    expectClose(
      try read(device.groupNormBackwardInput(xs, shape, gamma: gammas, statistics: statistics, dy: dys), x.count), dx,
      depth: max(64, pixels * channels), comment)
    let parameters = device.groupNormBackwardParameters(xs, shape, statistics: statistics, dy: dys)
    expectClose(try read(parameters.dgamma, c), dgamma, depth: shape.batch * pixels, comment)
    expectClose(try read(parameters.dbeta, c), dbeta, depth: shape.batch * pixels, comment)
  }

  @Test(arguments: Target.all) func aLargeMeanCostsNoDigits(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(93)
    let x = numbers.floats(1024).map { 1000 + $0 * 0.1732 }  // deviation 0.1
    let (y, statistics) = device.groupNorm(
      device.makeBuffer(x), GroupNormShape(batch: 1, channels: 1024), gamma: device.fill(1, count: 1024),
      beta: device.fill(0, count: 1024), epsilon: 0)
    let mean = x.reduce(0.0) { $0 + Double($1) } / 1024
    let deviation = (x.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 1024).squareRoot()
    let found = try device.read(statistics, as: Float.self, count: 2)
    #expect(abs(Double(found[0]) - mean) <= 6.2e-5)  // the distance of floats
    #expect(abs(Double(found[1]) * deviation - 1) <= 1e-5)
    // The mean's rounding, 3e-5, is 3e-4 deviations.
    for (found, x) in zip(try device.read(y, as: Float.self, count: 1024), x) {
      #expect(abs(Double(found) - (Double(x) - mean) / deviation) <= 7e-4)
    }
  }
}
