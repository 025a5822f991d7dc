import Testing

@testable import DeviceNN
@testable import Kernels

/// What TensorFlow's networks, whose weights are published, say of four photos.
@Suite(.enabled(if: SharedFiles.hasNetworks, .noNetworks)) struct PublishedLogitsTests {
  /// Tabby, golden retriever, goldfish and African grey, behind the background class.
  private static let classes = [282, 208, 2, 88]

  @Test(arguments: ["mobilenet_v1_050_160", "mobilenet_v2_100_224"], TestDevice.all)
  func photosAreRecognised(_ name: String, _ on: TestDevice) throws {
    let size = try #require(Int(name.suffix(3)))
    let folder = "data/nets/\(name)"
    let file = try SafetensorsFile(path: SharedFiles.path("\(folder)/\(name).safetensors"))
    let backbone = try Backbone(named: String(name.dropLast(4))).matching(file)
    #expect(backbone.publisher == .tensorflow && backbone.normalization == .tensorflow)
    let model = backbone.makeModel(ClassifierOptions(classes: 1001), on: on.device)
    #expect(try model.load(file, by: backbone.publisher) == [])
    model.evaluate()

    let reference = try SafetensorsFile(path: SharedFiles.path("\(folder)/reference.safetensors"))
    let pixels = try reference.integers(named: "input_rgb_u8_nhwc")
    let x = Tensor(pixels.map { (Float($0) - 128) / 128 }, shape: [4, size, size, 3], on: on.device)
    let logits = withoutGradients { model(x) }
    expectClose(try logits.scalars(), try reference.floats(named: "logits"), absolute: 1e-3, relative: 0)
    #expect(try logits.argmax(axis: 1).values() == Self.classes.map { Int32($0) })
  }
}
