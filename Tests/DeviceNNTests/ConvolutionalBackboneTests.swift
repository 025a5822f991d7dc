import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// ResNet, VGG, SqueezeNet, DenseNet and RegNet, beyond their names and golden values.
@Suite struct ConvolutionalBackboneTests {
  /// The maps of images of 97x65, (height, width, channels) at each stride.
  @Test(arguments: [
    ("resnet18", [[49, 33, 64], [25, 17, 64], [13, 9, 128], [7, 5, 256], [4, 3, 512]]),
    ("resnext50_32x4d", [[49, 33, 64], [25, 17, 256], [13, 9, 512], [7, 5, 1024], [4, 3, 2048]]),
    ("vgg11_bn", [[97, 65, 64], [48, 32, 128], [24, 16, 256], [12, 8, 512], [6, 4, 512], [3, 2, 512]]),
    ("squeezenet1_0", [[46, 30, 96], [23, 15, 256], [11, 7, 512], [5, 3, 512]]),
    ("squeezenet1_1", [[48, 32, 64], [24, 16, 128], [12, 8, 256], [6, 4, 512]]),
    ("densenet121", [[49, 33, 64], [25, 17, 256], [12, 8, 512], [6, 4, 1024], [3, 2, 1024]]),
    ("regnet_y_400mf", [[49, 33, 32], [25, 17, 48], [13, 9, 104], [7, 5, 208], [4, 3, 440]]),
  ]) func mapsHaveTheirStrides(_ name: String, _ expected: [[Int]]) throws {
    let device = Device.meta()
    let model = try Backbone(named: name).makeModel(ClassifierOptions(classes: 7), on: device)
    let x = Tensor(repeating: 0, shape: [2, 97, 65, 3], on: device)
    #expect(model.featureMaps(of: x).map(\.shape) == expected.map { [2] + $0 })
    #expect(model.features(of: x).shape.last == model.featureCount)
    #expect(model(x).shape == [2, 7])
  }

  // MARK: Checkpoints

  /// A file of the network, which gets numbers that no new one has.
  private func file(
    of network: any ImageClassifier, at path: String, by publisher: Publisher
  ) throws -> SafetensorsFile {
    for (name, parameter) in network.namedParameters() {
      parameter.assign(GoldenNumbers.filled(name, shape: parameter.storedShape))
    }
    try writeSafetensors(network.records(by: publisher), to: path)
    return try SafetensorsFile(path: path)
  }

  private func expectEqual(_ a: any ImageClassifier, _ b: any ImageClassifier) throws {
    for ((name, one), (_, two)) in zip(a.namedParameters(), b.namedParameters()) {
      #expect(try one.value.scalars() == (try two.value.scalars()), "\(name)")
    }
  }

  @Test(arguments: [Publisher.torchvision, .timm])
  func aRegNetIsFoundAndLoadedByItsNames(_ publisher: Publisher) throws {
    let folder = try TemporaryFolder()
    func network(_ seed: UInt64) -> RegNet {
      RegNet(
        widths: [8, 16], depths: [1, 2], groupWidth: 4, ClassifierOptions(classes: 3, seed: seed), on: TestDevice.cpu)
    }
    let (one, other) = (network(1), network(2))
    let file = try self.file(of: one, at: folder.path(of: "net"), by: publisher)
    #expect(try Backbone(named: "regnet_y_400mf").matching(file).publisher == publisher)
    #expect(try other.load(file, by: publisher) == [])
    try expectEqual(one, other)
  }

  @Test func aDenseNetOfOlderNamesIsLoaded() throws {
    let folder = try TemporaryFolder()
    func network(_ seed: UInt64) -> DenseNet {
      DenseNet(growth: 4, depths: [2, 1], ClassifierOptions(classes: 3, seed: seed), on: TestDevice.cpu)
    }
    let (one, other) = (network(1), network(2))
    _ = try file(of: one, at: folder.path(of: "new"), by: .torchvision)
    let renamed = try one.records(by: .torchvision).map { record in
      let pattern = /(denselayer\d+\.(?:norm|conv))([12])/
      return TensorRecord(
        name: record.name.replacing(pattern) { "\($0.1).\($0.2)" }, type: record.type, shape: record.shape,
        bytes: record.bytes)
    }
    #expect(renamed.contains { $0.name == "features.denseblock1.denselayer2.norm.1.running_var" })
    #expect(renamed.contains { $0.name == "features.transition1.norm.weight" })
    try writeSafetensors(renamed, to: folder.path(of: "old"))
    #expect(try other.load(SafetensorsFile(path: folder.path(of: "old")), by: .torchvision) == [])
    try expectEqual(one, other)
  }

  /// The head of SqueezeNet is a convolution.
  @Test func aSqueezeNetGetsAnotherHead() throws {
    let folder = try TemporaryFolder()
    let one = SqueezeNet(.v1_1, ClassifierOptions(classes: 3, seed: 1), on: TestDevice.cpu)
    let other = SqueezeNet(.v1_1, ClassifierOptions(classes: 5, inputChannels: 1, seed: 2), on: TestDevice.cpu)
    let head = try other.head.parameters().map { try $0.value.scalars() }
    let file = try self.file(of: one, at: folder.path(of: "net"), by: .torchvision)
    #expect(
      try other.load(file, by: .torchvision, replacesHead: true) == [
        .newHead(file: file.path), .adapted(tensor: "features.0.weight", from: [64, 3, 3, 3], to: [64, 1, 3, 3]),
      ])
    #expect(try other.head.parameters().map { try $0.value.scalars() } == head)
    #expect(
      try other.backboneParameters[2].value.scalars() == (try one.backboneParameters[2].value.scalars()))
  }

  // MARK: Arithmetic

  /// Files have VGG's large matrix for maps in the order (C,H,W).
  @Test func aFlattenedMapHasTheOrderOfFiles() throws {
    var random = Philox(seed: 1)
    let (size, channels, outputs) = (2, 3, 5)
    let layer = FlattenedLinear(size: size, channels: channels, outputs, on: TestDevice.cpu, random: &random)
    let inputs = size * size * channels
    let matrix = GoldenNumbers.signed("weight", count: outputs * inputs)
    let bias = GoldenNumbers.signed("bias", count: outputs)
    layer.weight.assign(layer.weight.inMemory(matrix))
    layer.bias.assign(bias)
    let map = GoldenNumbers.signed("map", count: inputs)
    let x = Tensor(
      permuted(map, [channels, size, size], [1, 2, 0]), shape: [1, size, size, channels], on: TestDevice.cpu)
    let expected = (0..<outputs).map { k in (0..<inputs).reduce(bias[k]) { $0 + matrix[k * inputs + $1] * map[$1] } }
    expectClose(try layer(x).scalars(), expected)
  }

  /// Without batch norm, the first weights alone decide how large numbers are 10 layers later.
  @Test func aNewSqueezeNetsFeaturesAreOfItsInputsSize() throws {
    let model = SqueezeNet(.v1_1, ClassifierOptions(classes: 3), on: TestDevice.cpu)
    let x = Tensor.normal(shape: [1, 65, 65, 3], seed: 3, on: TestDevice.cpu)
    let features = try withoutGradients { try model.features(of: x).scalars() }
    let size = (features.reduce(0) { $0 + $1 * $1 } / Float(features.count)).squareRoot()
    #expect((0.3...3).contains(size), "\(size)")
  }

  @Test func dropoutIsThePublishedOrTheGivenOne() throws {
    let x = Tensor.normal(shape: [1, 33, 33, 3], seed: 3, on: TestDevice.cpu)
    func logitsOfTwoCalls(_ dropout: Float?) throws -> [[Float]] {
      let model = SqueezeNet(.v1_1, ClassifierOptions(classes: 100, dropout: dropout), on: TestDevice.cpu)
      return try withoutGradients { try (0..<2).map { _ in try model(x).scalars() } }
    }
    let (published, none) = (try logitsOfTwoCalls(nil), try logitsOfTwoCalls(0))
    #expect(published[0] != published[1])
    #expect(none[0] == none[1])
  }
}
