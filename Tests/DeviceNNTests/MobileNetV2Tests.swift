import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

@Suite struct MobileNetV2Tests {
  // MARK: Names

  @Test func parametersAreTorchvisions() {
    let network = MobileNetV2(on: TestDevice.cpu)
    #expect(network.parameterCount == 3_504_872)
    #expect(network.featureCount == 1280)
    let names = network.namedParameters().map(\.name)
    #expect(Set(names).count == names.count)
    for name in [
      "features.0.0.weight", "features.0.1.running_mean", "features.1.conv.0.0.weight", "features.1.conv.1.weight",
      "features.1.conv.2.running_var", "features.2.conv.0.1.bias", "features.2.conv.2.weight", "features.2.conv.3.bias",
      "features.17.conv.3.running_var", "features.18.0.weight", "features.18.1.weight", "classifier.1.weight",
      "classifier.1.bias",
    ] { #expect(names.contains(name), "\(name)") }
  }

  @Test func theBackboneOfWidth35HasTheNumbersOfKeras() {
    let network = MobileNetV2(width: 0.35, ClassifierOptions(classes: 2, publisher: .keras), on: TestDevice.cpu)
    #expect(network.backboneParameters.reduce(0) { $0 + $1.value.count } == 410_208)
    #expect(network.featureCount == 1280)
  }

  @Test(arguments: [(Float(0.35), 1280), (0.5, 1280), (1.0, 1280), (1.4, 1792)])
  func widthsAreRoundedToEights(width: Float, features: Int) {
    #expect(MobileNetV2(width: width, ClassifierOptions(classes: 2), on: TestDevice.cpu).featureCount == features)
  }

  // MARK: A published network

  private func published(on device: Device) throws -> MobileNetV2 {
    let network = MobileNetV2(width: 0.35, ClassifierOptions(classes: 2, publisher: .keras), on: device)
    let notes = try network.load(
      SafetensorsFile(path: SharedFiles.path("data/nets/mobilenet_v2_035_224_bn/mobilenet_v2_035_224_bn.safetensors")),
      by: .keras, replacesHead: true)
    #expect(notes == [.newHead(file: SharedFiles.path("data/nets/mobilenet_v2_035_224_bn/mobilenet_v2_035_224_bn.safetensors"))])
    network.evaluate()
    return network
  }

  @Test(.enabled(if: SharedFiles.hasNetworks, .noNetworks), arguments: TestDevice.all)
  func theFeaturesOfPhotosAreThePublishedOnes(_ on: TestDevice) throws {
    let network = try published(on: on.device)
    let reference = try SafetensorsFile(
      path: SharedFiles.path("data/nets/mobilenet_v2_035_224_bn/reference.safetensors"))
    let pixels = try reference.integers(named: "input_rgb_u8_nhwc")
    let x = Tensor(pixels.map { Float($0) / 127.5 - 1 }, shape: [4, 224, 224, 3], on: on.device)
    try withoutGradients {
      let features = network.features(of: x)
      #expect(features.shape == [4, 1280])
      expectClose(try features.scalars(), try reference.floats(named: "features"), absolute: 1e-3, relative: 0)
      // Of the first photo, on the way.
      let photo = Tensor(try Array(x.scalars().prefix(224 * 224 * 3)), shape: [1, 224, 224, 3], on: on.device)
      let first = try network.stem.convolution(photo).scalars()
      let channels = network.stem.convolution.weight.value.shape[3]
      let fourFirst = first.enumerated().filter { $0.offset % channels < 4 }.map(\.element)
      let expected = try reference.floats(named: "first_layer", shape: [1, 4, 112, 112])
      expectClose(
        fourFirst, permuted(expected, [1, 4, 112, 112], [0, 2, 3, 1]), absolute: 1e-4, relative: 1e-4, "Conv1")
      let block = network.stages[2][0](network.stages[1][0](network.stem(photo)))
      #expect(block.shape == [1, 56, 56, 8])
      expectClose(
        try block.scalars(),
        permuted(try reference.floats(named: "block_1_project_BN"), [1, 8, 56, 56], [0, 2, 3, 1]),
        absolute: 1e-3, relative: 1e-4, "block_1_project_BN")
    }
  }

  // MARK: Checkpoints

  @Test(arguments: Publisher.allCases)
  func whatIsSavedIsLoaded(_ publisher: Publisher) throws {
    let folder = try TemporaryFolder()
    let network = MobileNetV2(width: 0.35, ClassifierOptions(classes: 5, publisher: publisher, seed: 1), on: TestDevice.cpu)
    // Statistics that are not the initial ones.
    for (name, parameter) in network.namedParameters() where parameter.isStatistic {
      parameter.assign(GoldenNumbers.filled(name, shape: parameter.storedShape))
    }
    try writeSafetensors(network.records(by: publisher), to: folder.path(of: "net"))
    let other = MobileNetV2(width: 0.35, ClassifierOptions(classes: 5, publisher: publisher, seed: 2), on: TestDevice.cpu)
    #expect(try other.load(SafetensorsFile(path: folder.path(of: "net")), by: publisher) == [])
    for ((name, one), (_, two)) in zip(network.namedParameters(), other.namedParameters()) {
      #expect(try one.value.scalars() == (try two.value.scalars()), "\(name)")
    }
    let more = MobileNetV2(width: 0.35, ClassifierOptions(classes: 7, publisher: publisher, seed: 2), on: TestDevice.cpu)
    #expect(
      try more.load(SafetensorsFile(path: folder.path(of: "net")), by: publisher, replacesHead: true)
        == [.newHead(file: folder.path(of: "net"))])
    #expect(try more.stem.convolution.weight.value.scalars() == (try network.stem.convolution.weight.value.scalars()))
  }

  @Test func filesHavePyTorchsLayouts() throws {
    let network = MobileNetV2(width: 0.35, ClassifierOptions(classes: 5), on: TestDevice.cpu)
    let records = try network.records(by: .torchvision)
    for (name, shape) in [
      ("features.0.0.weight", [16, 3, 3, 3]), ("features.1.conv.0.0.weight", [16, 1, 3, 3]),
      ("features.2.conv.0.0.weight", [48, 8, 1, 1]), ("classifier.1.weight", [5, 1280]),
    ] { #expect(records.first { $0.name == name }?.shape == shape, "\(name)") }
    let weight = network.stem.convolution.weight.value
    let stored = try #require(records.first { $0.name == "features.0.0.weight" }?.floats)
    #expect(stored == permuted(try weight.scalars(), weight.shape, [3, 2, 0, 1]))
    let head = try #require(records.first { $0.name == "classifier.1.weight" }?.floats)
    #expect(head == permuted(try network.head.parameters()[0].value.scalars(), [1280, 5], [1, 0]))
  }

  /// What a file lacks is said with what was found and what was wanted, and nothing is loaded.
  @Test func aFileThatDoesNotFitIsRefusedWhole() throws {
    let folder = try TemporaryFolder()
    let network = MobileNetV2(width: 0.35, ClassifierOptions(classes: 5, seed: 1), on: TestDevice.cpu)
    let other = MobileNetV2(width: 0.35, ClassifierOptions(classes: 5, seed: 2), on: TestDevice.cpu)
    let before = try other.parameters().map { try $0.value.scalars() }
    func messageOfLoading(_ records: [TensorRecord]) throws -> String {
      try writeSafetensors(records, to: folder.path(of: "net"))
      let file = try SafetensorsFile(path: folder.path(of: "net"))
      let error = #expect(throws: CheckpointError.self) { try other.load(file, by: .torchvision) }
      #expect(try other.parameters().map { try $0.value.scalars() } == before)
      return error?.description ?? ""
    }
    let records = try network.records(by: .torchvision)
    let missing = try messageOfLoading(records.filter { $0.name != "features.5.conv.3.running_var" })
    #expect(
      missing.contains("'features.5.conv.3.running_var'") && missing.contains("[16]") && missing.contains("missing"))
    let misshapen = try messageOfLoading(
      records.map { record in
        record.name == "features.18.0.weight"
          ? TensorRecord(name: record.name, shape: [2, 3], [1, 2, 3, 4, 5, 6] as [Float]) : record
      })
    #expect(
      misshapen.contains("'features.18.0.weight'") && misshapen.contains("[2, 3]")
        && misshapen.contains("[1280, 112, 1, 1]"))
    let integers = try messageOfLoading(
      records.map { record in
        record.name == "classifier.1.bias"
          ? TensorRecord(name: record.name, shape: [5], [1, 2, 3, 4, 5] as [Int32]) : record
      })
    #expect(integers.contains("'classifier.1.bias'") && integers.contains("I32"))
    let foreign = try messageOfLoading(try network.records(by: .keras))
    #expect(foreign.contains("missing") && foreign.contains("more"))
    let wider = MobileNetV2(width: 0.5, ClassifierOptions(classes: 5), on: TestDevice.cpu)
    let narrow = try messageOfLoading(wider.records(by: .torchvision))
    #expect(narrow.contains("wanted"))
  }
}

extension MobileNetV2 {
  fileprivate var stem: ConvolutionNorm { stages[0][0] as! ConvolutionNorm }
}
