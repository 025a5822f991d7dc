import Testing

@testable import DeviceNN
@testable import Kernels

@Suite struct ModuleTests {
  private final class Network: Module {
    let first: Linear
    let normLayer: BatchNorm
    let blocks: [Linear]
    let extra: Linear?
    let absent: Linear?
    let width = 3
    var isTraining = true

    init(_ device: Device) {
      var random = Philox(seed: 1)
      first = Linear(3, 4, on: device, random: &random)
      normLayer = BatchNorm(4, on: device)
      blocks = (0..<2).map { _ in Linear(4, 4, on: device, random: &random) }
      extra = Linear(4, 1, on: device, random: &random)
      absent = nil
    }
  }

  @Test func partsAreFoundUnderTheirPythonNames() {
    let network = Network(TestDevice.cpu)
    #expect(
      network.namedParameters().map(\.name) == [
        "first.weight", "first.bias", "norm_layer.weight", "norm_layer.bias", "norm_layer.running_mean",
        "norm_layer.running_var", "blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias",
        "extra.weight", "extra.bias",
      ])
    #expect(network.parameterCount == 12 + 4 + 8 + 2 * 20 + 5)
  }

  @Test func trainingAndEvaluationReachEveryPart() {
    let network = Network(TestDevice.cpu)
    network.evaluate()
    #expect(!network.isTraining && !network.normLayer.isTraining && !network.blocks[1].isTraining)
    network.train()
    #expect(network.isTraining && network.normLayer.isTraining && network.blocks[1].isTraining)
  }

  /// Freezing keeps the numbers and the place that optimizers write to.
  @Test func freezingAndThawingKeepTheNumbers() throws {
    let network = Network(TestDevice.cpu)
    let before = try network.parameters().map { try $0.value.scalars() }
    let buffers = network.parameters().map { ObjectIdentifier($0.value.buffer) }
    network.freeze()
    #expect(network.parameters().allSatisfy { !$0.isTrainable })
    network.unfreeze()
    #expect(network.parameters().allSatisfy { $0.isTrainable != $0.isStatistic })
    #expect(try network.parameters().map { try $0.value.scalars() } == before)
    #expect(network.parameters().map { ObjectIdentifier($0.value.buffer) } == buffers)
  }

  @Test func theSeedDecidesTheWeights() throws {
    func weights(_ seed: UInt64) throws -> [[Float]] {
      try MobileNetV2(width: 0.35, ClassifierOptions(classes: 3, seed: seed), on: TestDevice.cpu).parameters().map {
        try $0.value.scalars()
      }
    }
    let first = try weights(1)
    #expect(try weights(1) == first)
    #expect(try weights(2) != first)
  }

  @Test func dropoutDropsOnlyInTrainingAndOthersEachTime() throws {
    let dropout = Dropout(0.5, seed: 3)
    let x = Tensor(repeating: 1, shape: [1000], on: TestDevice.cpu)
    let (first, second) = (try dropout(x).scalars(), try dropout(x).scalars())
    #expect(first != second && first.contains(0) && first.contains(2))
    dropout.stream = 0
    #expect(try dropout(x).scalars() == first)
    dropout.isTraining = false
    #expect(dropout(x) === x)
  }
}
