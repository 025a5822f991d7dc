import Testing

@testable import Kernels

/// What products pack of weights is used again until the weights change.
@Suite struct PackedOperandTests {
  private let convolution = ConvolutionShape(
    batch: 2, height: 17, width: 18, inputChannels: 33, outputChannels: 65, kernel: (3, 3), padding: Padding(1))
  private let product = MatmulShape(m: 257, n: 130, k: 65)

  /// The results of the weights as they are, with and without copies that are kept, and how often they were packed.
  private func results(_ device: Device, _ weights: [Buffer]) throws -> (values: [[Float]], packed: Int) {
    let (x, a) = (device.fill(0.5, count: convolution.inputCount), device.fill(0.25, count: product.m * product.k))
    let (buffers, profile) = try device.profile {
      [device.convolution(x, weights[0], convolution), device.matmul(a, weights[1], product)]
    }
    let counts = [convolution.outputCount, product.m * product.n]
    return (
      try zip(buffers, counts).map { try device.read($0, as: Float.self, count: $1) },
      profile.launches.filter { ["pack_panels", "winograd_filter"].contains($0.kernel) }.count
    )
  }

  @Test(arguments: Target.all) func weightsArePackedOnceAndAgainAfterTheyChanged(_ target: Target) throws {
    let device = try target.ownDevice()
    var numbers = TestNumbers(10)
    let values = [numbers.floats(convolution.weightCount), numbers.floats(product.n * product.k)]
    let weights = values.map { device.makeBuffer($0) }
    let before = try results(device, weights)
    #expect(try results(device, weights).packed == before.packed, "nothing is kept unless it is asked for")
    try PackedOperands.$areKept.withValue(true) {
      let first = try results(device, weights), second = try results(device, weights)
      #expect(first.values == before.values && second.values == before.values)
      #expect(first.packed == before.packed && second.packed == 0)
    }
    #expect(try results(device, weights).packed == 0, "copies that are there are used")

    // A step in place, and a write, are seen.
    device.sgdStep(
      zip(weights, values).map {
        UpdatedTensor(count: $1.count, gradient: device.fill(1, count: $1.count), value: $0, moments: [device.fill(0, count: $1.count)])
      }, learningRate: 0.5, momentum: 0, weightDecay: 0, nesterov: false)
    let moved = try zip(weights, values).map { device.makeBuffer(try device.read($0, as: Float.self, count: $1.count)) }
    let after = try results(device, weights)
    #expect(after.packed == before.packed)
    let ofMoved = try results(device, moved).values
    for (found, expected) in zip(after.values, ofMoved) { #expect(found == expected) }
    try PackedOperands.$areKept.withValue(true) { _ = try results(device, weights) }
    for (buffer, value) in zip(weights, values) { value.withUnsafeBytes { device.write($0, to: buffer) } }
    #expect(try results(device, weights).values == before.values)

    // So is a product's result in the place of a weight.
    try PackedOperands.$areKept.withValue(true) { _ = try results(device, weights) }
    let points = ConvolutionShape(batch: 1, height: 1, width: product.k, inputChannels: 3, outputChannels: product.n, kernel: (1, 1))
    device.convolution(
      device.fill(1, count: points.inputCount), device.fill(0.25, count: points.weightCount), points,
      into: MapPart(weights[1], channels: product.n))
    let written = [weights[0], device.fill(0.75, count: product.k * product.n)]
    #expect(try results(device, weights).values == results(device, written).values)
  }

  @Test func copiesGoWithTheirWeights() throws {
    let device = Device(backend: try CPUBackend())
    let a = device.fill(1, count: product.m * product.k)
    try device.synchronize()
    let before = device.memoryUse.current
    do {
      let b = device.fill(1, count: product.k * product.n)
      PackedOperands.$areKept.withValue(true) { _ = device.matmul(a, b, product) }
      #expect(device.memoryUse.current > before + 4 * product.k * product.n)
    }
    #expect(device.memoryUse.current == before)
  }
}
