import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// MobileNets, EfficientNet, ConvNeXt and vision transformers, beyond their names and golden values.
@Suite struct ModernBackboneTests {
  /// The maps of images of 97x65, (height, width, channels) at each stride.
  @Test(arguments: [
    ("mobilenet_v1_025", [[49, 33, 16], [25, 17, 32], [13, 9, 64], [7, 5, 128], [4, 3, 256]]),
    ("mobilenet_v2_100", [[49, 33, 16], [25, 17, 24], [13, 9, 32], [7, 5, 96], [4, 3, 1280]]),
    ("mobilenet_v3_small", [[49, 33, 16], [25, 17, 16], [13, 9, 24], [7, 5, 48], [4, 3, 576]]),
    ("efficientnet_b0", [[49, 33, 16], [25, 17, 24], [13, 9, 40], [7, 5, 112], [4, 3, 1280]]),
    ("convnext_tiny", [[24, 16, 96], [12, 8, 192], [6, 4, 384], [3, 2, 768]]),
  ]) func mapsHaveTheirStrides(_ name: String, _ expected: [[Int]]) throws {
    let device = Device.meta()
    let model = try Backbone(named: name).makeModel(ClassifierOptions(classes: 7), on: device)
    let x = Tensor(repeating: 0, shape: [2, 97, 65, 3], on: device)
    #expect(model.featureMaps(of: x).map(\.shape) == expected.map { [2] + $0 })
    #expect(model.features(of: x).shape == [2, model.featureCount])
    #expect(model(x).shape == [2, 7])
  }

  @Test func aTransformerHasOneMap() throws {
    let device = Device.meta()
    let model = try Backbone(named: "vit_tiny_patch16_224").makeModel(
      ClassifierOptions(classes: 7, inputChannels: 1, imageSize: 100), on: device)
    let x = Tensor(repeating: 0, shape: [2, 100, 100, 1], on: device)
    #expect(model.featureMaps(of: x).map(\.shape) == [[2, 6, 6, 192]])
    #expect(model.features(of: x).shape == [2, 192])
    #expect(model(x).shape == [2, 7])
  }

  /// However a publisher pads, maps have the same sizes.
  @Test func everyPublishersNetworkTakesOddImages() throws {
    let device = Device.meta()
    for publisher in [Publisher.timm, .keras, .tensorflow] {
      let model = try Backbone(named: "mobilenet_v1_025", publisher: publisher).makeModel(on: device)
      #expect(model.trunk(Tensor(repeating: 0, shape: [1, 97, 65, 3], on: device)).shape == [1, 4, 3, 256])
    }
  }

  // MARK: Checkpoints

  private func fill(_ model: any ImageClassifier) {
    for (name, parameter) in model.namedParameters() {
      parameter.assign(GoldenNumbers.filled(name, shape: parameter.storedShape))
    }
  }

  @Test(arguments: [
    ("mobilenet_v1_025", Publisher.timm), ("mobilenet_v1_025", .keras), ("mobilenet_v1_025", .tensorflow),
    ("mobilenet_v3_small", .torchvision), ("mobilenet_v3_small", .timm),
    ("efficientnet_b0", .torchvision), ("efficientnet_b0", .timm), ("vit_tiny_patch16_224", .timm),
  ]) func whatIsSavedIsFoundAndLoaded(_ name: String, _ publisher: Publisher) throws {
    let folder = try TemporaryFolder()
    func made(seed: UInt64) throws -> any ImageClassifier {
      try Backbone(named: name, publisher: publisher).makeModel(
        ClassifierOptions(classes: 3, imageSize: 32, seed: seed), on: TestDevice.cpu)
    }
    let (one, other) = (try made(seed: 1), try made(seed: 2))
    fill(one)
    try writeSafetensors(one.records(by: publisher), to: folder.path(of: "net"))
    let file = try SafetensorsFile(path: folder.path(of: "net"))
    #expect(try Backbone(named: name).matching(file).publisher == publisher)
    #expect(try other.load(file, by: publisher) == [])
    for ((name, a), (_, b)) in zip(one.namedParameters(), other.namedParameters()) {
      #expect(try a.value.scalars() == (try b.value.scalars()), "\(name)")
    }
  }

  /// Keras' names, which its `MobileNet` gives its layers.
  @Test func mobileNetV1HasTheNamesOfKeras() throws {
    let model = MobileNetV1(width: 0.25, ClassifierOptions(publisher: .keras), on: Device.meta())
    let stored = model.namedParameters().map { model.stored($0, $1.storedShape, by: .keras) }
    for (name, shape) in [
      ("conv1.weight", [8, 3, 3, 3]), ("conv1_bn.gamma", [8]), ("conv_dw_1.weight", [8, 1, 3, 3]),
      ("conv_dw_1_bn.beta", [8]), ("conv_pw_1.weight", [16, 8, 1, 1]), ("conv_pw_13_bn.moving_mean", [256]),
      ("conv_dw_13_bn.moving_variance", [256]), ("conv_preds.weight", [1000, 256, 1, 1]), ("conv_preds.bias", [1000]),
    ] { #expect(stored.contains(StoredTensor(name, shape)), "\(name)") }
  }

  /// A head for other classes leaves the layer in front of it, which makes the features.
  @Test func mobileNetV3KeepsItsFeaturesUnderANewHead() throws {
    let folder = try TemporaryFolder()
    let one = MobileNetV3(.small, ClassifierOptions(classes: 3, seed: 1), on: TestDevice.cpu)
    let other = MobileNetV3(.small, ClassifierOptions(classes: 5, seed: 2), on: TestDevice.cpu)
    try writeSafetensors(one.records(by: .torchvision), to: folder.path(of: "net"))
    let file = try SafetensorsFile(path: folder.path(of: "net"))
    #expect(try other.load(file, by: .torchvision, replacesHead: true) == [.newHead(file: file.path)])
    [one, other].forEach { $0.evaluate() }
    let x = Tensor(GoldenNumbers.signed("x", count: 33 * 33 * 3), shape: [1, 33, 33, 3], on: TestDevice.cpu)
    let features = withoutGradients { [one, other].map { $0.features(of: x) } }
    #expect(try features[0].scalars() == (try features[1].scalars()))
  }

  // MARK: Position embeddings

  /// PyTorch 2.13: `F.interpolate(x, size=…, mode="bicubic", antialias=True)`.
  @Test(arguments: [
    (
      3, 5,
      [
        -5.96832, 1.92453, -4.47015, 3.56139, -1.84906, 5.15094, 0.27021, 0.09124, 1.37736, -3.45283, -1.65179, 1.16164,
        -2.38388, 2.82056, -3.10448, 4.38806, -0.89742, -0.99142, 0.65165, -4.74542, 4.60377, -0.22641, 1.0597, 1.41045,
        -4.0, 3.0, -2.41045, -2.0597, -0.77358, -5.60377, 3.20642, -1.61447, 2.81616, -0.29739, 1.75373, 1.61194,
        -0.99582, 1.18907, -2.70065, 0.68896, 1.55999, -2.37736, 3.58786, -1.27021, 5.67924, 0.84906, 0.11771, 3.47015,
        -3.81737, 4.96832,
      ] as [Float]
    ),
    (
      5, 3,
      [
        -2.03361, 0.24615, 1.95335, 0.29503, -0.92805, 0.62533, -0.82648, -0.88064, -0.09389, 1.25822, 1.52165,
        -0.28937, -0.50485, -1.8232, -0.58519, 0.29023, 0.03574, 1.62296,
      ]
    ),
    (4, 2, [-2.61908, 0.7068, 2.40947, -0.97802, -0.45116, 0.03137, 0.02442, 0.19478]),
  ]) func resamplingIsPyTorchs(_ from: Int, _ to: Int, _ expected: [Float]) {
    let numbers = (0..<from * from * 2).map { Float($0 * 7 % 11 - 5) }
    let actual = bicubicallyResampled(numbers, channels: 2, from: from, to: to)
    expectClose(actual, expected, absolute: 2e-5, relative: 0)
  }

  @Test func aTransformersPositionsFitOtherImages() throws {
    let folder = try TemporaryFolder()
    func made(_ size: Int) -> VisionTransformer {
      VisionTransformer(heads: 1, ClassifierOptions(classes: 3, imageSize: size), on: TestDevice.cpu)
    }
    let one = made(64)
    fill(one)
    try writeSafetensors(one.records(by: .timm), to: folder.path(of: "net"))
    let file = try SafetensorsFile(path: folder.path(of: "net"))
    let larger = made(96)
    #expect(try larger.load(file, by: .timm) == [.adapted(tensor: "pos_embed", from: [1, 17, 64], to: [1, 37, 64])])
    func positions(_ model: VisionTransformer) throws -> [Float] {
      try #require(model.namedParameters().first { $0.name == "pos_embed" }).parameter.value.scalars()
    }
    let (old, new) = (try positions(one), try positions(larger))
    #expect(new.prefix(64) == old.prefix(64))
    #expect(Array(new.dropFirst(64)) == bicubicallyResampled(Array(old.dropFirst(64)), channels: 64, from: 4, to: 6))
    // Positions that are no square, and those of another width, are refused.
    for shape in [[1, 16, 64], [1, 17, 32], [17, 64], [1, 1, 64]] {
      let records = try one.records(by: .timm).map { record in
        record.name == "pos_embed"
          ? TensorRecord(name: record.name, shape: shape, [Float](repeating: 0, count: shape.reduce(1, *))) : record
      }
      try writeSafetensors(records, to: folder.path(of: "bad"))
      let error = #expect(throws: CheckpointError.self) {
        try larger.load(SafetensorsFile(path: folder.path(of: "bad")), by: .timm)
      }
      #expect(error?.description.contains("'pos_embed' has the shape \(shape), wanted [1, 37, 64]") ?? false)
    }
  }

  // MARK: First weights and what is left out

  /// In a new ConvNeXt, a branch adds a millionth of itself.
  @Test func newWeightsAreThePublishedOnes() throws {
    let convNeXt = ConvNeXt(
      ConvNeXt.Size(depths: [1, 1], widths: [32, 64], stochasticDepth: 0.1), ClassifierOptions(classes: 50),
      on: TestDevice.cpu)
    let transformer = VisionTransformer(heads: 1, ClassifierOptions(classes: 50, imageSize: 64), on: TestDevice.cpu)
    for (name, parameter) in convNeXt.namedParameters() + transformer.namedParameters() {
      let numbers = try parameter.value.scalars()
      let deviation = (numbers.reduce(0) { $0 + $1 * $1 } / Float(numbers.count)).squareRoot()
      switch (name.split(separator: ".").last!, parameter.value.shape.count) {
      case ("layer_scale", _): #expect(numbers.allSatisfy { $0 == 1e-6 }, "\(name)")
      case ("cls_token", _): #expect(deviation < 2e-6, "\(name)")
      case ("bias", _): #expect(numbers.allSatisfy { $0 == 0 }, "\(name)")
      case ("weight", 1): #expect(numbers.allSatisfy { $0 == 1 }, "\(name)")
      case (_, _): #expect(abs(deviation - 0.02) < 0.002, "\(name): \(deviation)")
      }
    }
  }

  @Test(arguments: ["efficientnet_b0", "convnext_tiny"]) func branchesAreLeftOutWhileTraining(_ name: String) throws {
    func layers(_ dropout: Float?) throws -> [StochasticDepth] {
      let model = try Backbone(named: name).makeModel(ClassifierOptions(dropout: dropout, seed: 5), on: Device.meta())
      return allParts(of: model).compactMap { $0 as? StochasticDepth }
    }
    let (published, none) = (try layers(nil), try layers(0))
    #expect(published.allSatisfy { $0.probability < 0.2 } && published.map(\.probability).max()! > 0.09)
    #expect(published.map(\.probability) == published.map(\.probability).sorted())
    #expect(none.allSatisfy { $0.probability == 0 })
  }

  /// Layers that drop in the same step draw different numbers, so that an image that loses one branch keeps others.
  @Test func branchesAreLeftOutIndependently() throws {
    let model = try Backbone(named: "efficientnet_b0").makeModel(on: Device.meta())
    let layers = allParts(of: model).compactMap { $0 as? StochasticDepth }
    let x = Tensor(repeating: 1, shape: [256, 1], on: TestDevice.cpu)
    let kept = try layers.map { try $0(x).scalars().map { $0 > 0 } }
    #expect(layers.count == 9 && Set(kept).count == 9)
  }

  private func allParts(of module: any Module) -> [any Module] {
    module.parts.flatMap { _, part -> [any Module] in
      if case .module(let module) = part { [module] + allParts(of: module) } else { [] }
    }
  }
}
