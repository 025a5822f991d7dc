import Testing

@testable import Kernels

@Suite struct BatchNormalizationTests {
  /// Where the numbers that normalise come from.
  enum Source: CaseIterable { case batch, running }

  @Test(arguments: Target.all, Source.allCases) func agreesWithFormulas(_ target: Target, _ source: Source) throws {
    var numbers = TestNumbers(30)
    for activation in [Activation.none, .relu, .relu6] {
      for _ in 0..<8 {
        let rows = numbers.pick([2, 3, 7, 17, 64, 129, 257, 1000])
        try check(target.device, rows: rows, channels: numbers.pick(oddSizes), source, activation, &numbers)
      }
    }
    try check(target.device, rows: 5000, channels: 24, source, .relu6, &numbers)
  }

  private func check(
    _ device: Device, rows: Int, channels c: Int, _ source: Source, _ activation: Activation,
    _ numbers: inout TestNumbers
  ) throws {
    // Neighbouring rows differ, so that two of them have a variance.
    let x = numbers.floats(rows * c).enumerated().map { $1 + ($0 / c % 2 == 0 ? 1 : -1) }
    let (dy, residual) = (numbers.floats(rows * c), numbers.floats(rows * c))
    let gamma = numbers.floats(c).map { $0 + 2 }
    let beta = numbers.floats(c).map { $0 + 1 }
    let (runningMean, runningVariance) = (numbers.floats(c), numbers.floats(c).map { $0 + 1.5 })
    let (epsilon, momentum) = (1e-3, 0.1)

    var statistics = (0..<c).map { (mean: Double(runningMean[$0]), variance: Double(runningVariance[$0])) }
    if source == .batch {
      for k in 0..<c {
        let column = (0..<rows).map { Double(x[$0 * c + k]) }
        let mean = column.reduce(0, +) / Double(rows)
        statistics[k] = (mean, column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows))
      }
    }
    func normalized(_ i: Int) -> Double {
      (Double(x[i]) - statistics[i % c].mean) / (statistics[i % c].variance + epsilon).squareRoot()
    }
    func activated(_ value: Double) -> Double {
      activation == .none ? value : min(max(value, 0), activation == .relu6 ? 6 : .infinity)
    }
    let sums = (0..<rows * c).map { Double(gamma[$0 % c]) * normalized($0) + Double(beta[$0 % c]) }
    let comment: Comment = "\(rows)x\(c), \(source), \(activation)"

    let buffers = (x: device.makeBuffer(x), gamma: device.makeBuffer(gamma), beta: device.makeBuffer(beta))
    let running = (mean: device.makeBuffer(runningMean), variance: device.makeBuffer(runningVariance))
    let shape = BatchNormShape(rows: rows, channels: c)
    let found =
      source == .batch
      ? device.batchNormStatistics(
        buffers.x, shape, gamma: buffers.gamma, beta: buffers.beta, runningMean: running.mean,
        runningVariance: running.variance, momentum: Float(momentum), epsilon: Float(epsilon))
      : device.batchNormStatistics(
        channels: c, gamma: buffers.gamma, beta: buffers.beta, runningMean: running.mean,
        runningVariance: running.variance,
        epsilon: Float(epsilon))
    func read(_ buffer: Buffer, _ count: Int) throws -> [Float] {
      try device.read(buffer, as: Float.self, count: count)
    }

    let y = device.batchNormApply(buffers.x, shape, found, residual: nil, activation: activation)
    expectClose(try read(y, rows * c), sums.map(activated), depth: rows, comment)
    let added = device.batchNormApply(
      buffers.x, shape, found, residual: device.makeBuffer(residual), activation: activation)
    expectClose(try read(added, rows * c), zip(sums, residual).map { activated($0 + Double($1)) }, depth: rows, comment)

    if source == .batch {
      // PyTorch keeps the unbiased variance.
      let moved = (0..<c).map { k in
        (1 - momentum) * Double(runningVariance[k]) + momentum * statistics[k].variance * Double(rows)
          / Double(rows - 1)
      }
      expectClose(
        try read(running.mean, c),
        (0..<c).map { (1 - momentum) * Double(runningMean[$0]) + momentum * statistics[$0].mean },
        depth: rows, comment)
      expectClose(try read(running.variance, c), moved, depth: rows, comment)
    } else {
      #expect(try read(running.mean, c) == runningMean)
      #expect(try read(running.variance, c) == runningVariance)
    }

    let g = zip(dy, sums).map { dy, sum in
      activation == .none || sum > 0 && (activation == .relu || sum < 6) ? Double(dy) : 0
    }
    var (dgamma, dbeta) = ([Double](repeating: 0, count: c), [Double](repeating: 0, count: c))
    for i in g.indices {
      dgamma[i % c] += g[i] * normalized(i)
      dbeta[i % c] += g[i]
    }
    let dx = g.indices.map { i in
      let k = i % c
      let scale = Double(gamma[k]) / (statistics[k].variance + epsilon).squareRoot()
      return source == .running ? scale * g[i] : scale * (g[i] - (dbeta[k] + normalized(i) * dgamma[k]) / Double(rows))
    }
    let gradients = device.batchNormBackward(
      buffers.x, dy: device.makeBuffer(dy), shape, found, activation: activation, needsParameters: true,
      needsInput: true)
    expectClose(try read(gradients.dgamma!, c), dgamma, depth: rows, "dgamma of \(comment)")
    expectClose(try read(gradients.dbeta!, c), dbeta, depth: rows, "dbeta of \(comment)")
    expectClose(try read(gradients.dx!, rows * c), dx, depth: rows, "dx of \(comment)")
    // Asked for alone, each is the same.
    let parameters = device.batchNormBackward(
      buffers.x, dy: device.makeBuffer(dy), shape, found, activation: activation, needsParameters: true,
      needsInput: false)
    #expect(parameters.dx == nil)
    #expect(try read(parameters.dgamma!, c) == (try read(gradients.dgamma!, c)))
    let input = device.batchNormBackward(
      buffers.x, dy: device.makeBuffer(dy), shape, found, activation: activation, needsParameters: false,
      needsInput: true)
    #expect(input.dgamma == nil && input.dbeta == nil)
    #expect(try read(input.dx!, rows * c) == (try read(gradients.dx!, rows * c)))

    // Behind a residual all is as with the activation and the sum of two gradients on their own; g to the bit.
    let upstream = device.makeBuffer(dy)
    for other in [nil, device.makeBuffer(numbers.floats(rows * c))] {
      let sum = other.map { device.add(upstream, $0, count: rows * c) } ?? upstream
      let apart = device.activateBackward(added, dy: sum, activation, count: rows * c)
      let wanted = device.batchNormBackward(
        buffers.x, dy: apart, shape, found, activation: .none, needsParameters: true, needsInput: true)
      for (needsParameters, needsInput) in [(true, true), (false, true), (true, false), (false, false)] {
        let (fused, g) = device.batchNormBackward(
          buffers.x, y: added, dy: upstream, other: other, shape, found, activation: activation,
          needsParameters: needsParameters, needsInput: needsInput)
        #expect(try read(g, rows * c) == (try read(apart, rows * c)), "residual's gradient of \(comment)")
        #expect((fused.dx != nil) == needsInput && (fused.dgamma != nil) == needsParameters)
        if let dx = fused.dx {
          expectClose(try read(dx, rows * c), try read(wanted.dx!, rows * c).map(Double.init), depth: rows, comment)
        }
        if let dgamma = fused.dgamma, let dbeta = fused.dbeta {
          expectClose(try read(dgamma, c), try read(wanted.dgamma!, c).map(Double.init), depth: rows, comment)
          expectClose(try read(dbeta, c), try read(wanted.dbeta!, c).map(Double.init), depth: rows, comment)
        }
      }
    }
  }

  /// The mean of squares less the square of the mean would leave no digit of this variance.
  @Test(arguments: Target.all) func aLargeMeanCostsNoDigits(_ target: Target) throws {
    let device = target.device
    var numbers = TestNumbers(31)
    let (rows, c) = (4096, 5)
    let x = numbers.floats(rows * c).map { 1000 + $0 * 0.1732 }  // deviation 0.1
    let (one, zero) = (device.fill(1, count: c), device.fill(0, count: c))
    let (mean, variance) = (device.fill(0, count: c), device.fill(0, count: c))
    let shape = BatchNormShape(rows: rows, channels: c)
    let statistics = device.batchNormStatistics(
      device.makeBuffer(x), shape, gamma: one, beta: zero, runningMean: mean, runningVariance: variance, momentum: 1,
      epsilon: 1e-5)
    let y = try device.read(
      device.batchNormApply(device.makeBuffer(x), shape, statistics, residual: nil, activation: .none), as: Float.self,
      count: rows * c)
    let (means, variances) = (
      try device.read(mean, as: Float.self, count: c), try device.read(variance, as: Float.self, count: c)
    )
    for k in 0..<c {
      let column = (0..<rows).map { Double(x[$0 * c + k]) }
      let expected = column.reduce(0, +) / Double(rows)
      let squares = column.reduce(0) { $0 + ($1 - expected) * ($1 - expected) }
      #expect(abs(Double(means[k]) - expected) <= 1e-4)
      #expect(abs(Double(variances[k]) - squares / Double(rows - 1)) <= 1e-5 * squares / Double(rows - 1))
      // A float next to 1000 is 6e-5 away, which is 6e-4 deviations; so are the mean and the shift rounded.
      for r in 0..<rows {
        let normalized = (column[r] - expected) / (squares / Double(rows) + 1e-5).squareRoot()
        #expect(abs(Double(y[r * c + k]) - normalized) <= 1.5e-3)
      }
    }
  }

  @Test(arguments: Target.all) func aConstantChannelNormalizesToItsShift(_ target: Target) throws {
    let device = target.device
    let shape = BatchNormShape(rows: 300, channels: 3)
    let x = device.fill(7.25, count: 900)
    let (mean, variance) = (device.fill(0, count: 3), device.fill(0, count: 3))
    let statistics = device.batchNormStatistics(
      x, shape, gamma: device.fill(2, count: 3), beta: device.fill(-0.5, count: 3), runningMean: mean,
      runningVariance: variance,
      momentum: 1, epsilon: 1e-5)
    let y = device.batchNormApply(x, shape, statistics, residual: nil, activation: .none)
    // The scale of no variance is 2 / √epsilon, so the shift is near 4585 and rounded by up to 2.5e-4.
    #expect(try device.read(y, as: Float.self, count: 900).allSatisfy { abs($0 + 0.5) <= 5e-4 })
    #expect(try device.read(variance, as: Float.self, count: 3) == [0, 0, 0])
  }
}
