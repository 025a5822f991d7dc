public import Kernels

/// A published network by the name that commands and files give it.
public struct Backbone: Sendable {
  /// torchvision's name, such as `resnet18`, or where torchvision has none, timm's; `mobilenet_v2_035` is MobileNetV2 at
  /// 0.35 of its width.
  public let name: String
  /// timm's name for the same network; nil where timm has it not.
  public let timmName: String?
  /// Height and width of the images that it was published for, in pixels.
  public let inputSize: Int
  public var publisher: Publisher
  /// A tensor that only checkpoints of a publisher have.
  let markers: [Publisher: String]
  private let imageNormalization: Normalization
  private let make: @Sendable (ClassifierOptions, Device) -> any ImageClassifier

  /// - Parameter markers: for each publisher whose checkpoints can be opened, a tensor that the others don't have.
  init(
    _ name: String, timm timmName: String?, inputSize: Int = 224, publisher: Publisher = .torchvision,
    markers: [Publisher: String] = [:], normalization: Normalization = .imageNet,
    make: @escaping @Sendable (ClassifierOptions, Device) -> any ImageClassifier
  ) {
    self.name = name
    self.timmName = timmName
    self.inputSize = inputSize
    self.publisher = publisher
    self.markers = markers
    imageNormalization = normalization
    self.make = make
  }

  /// All that have a name of their own, by family.
  public static let all: [Backbone] =
    MobileNetV2.backbones
    + MobileNetV1.backbones
    + MobileNetV3.backbones
    + EfficientNet.backbones
    + ConvNeXt.backbones
    + VisionTransformer.backbones
    + ResNet.backbones
    + VGG.backbones
    + SqueezeNet.backbones
    + DenseNet.backbones
    + RegNet.backbones

  public init(named name: String, publisher: Publisher? = nil) throws(ModelError) {
    guard var found = Self.all.first(where: { $0.name == name || $0.timmName == name }) ?? MobileNetV2.backbone(named: name)
    else { throw .unknownBackbone(name: name, known: Self.all.map(\.name)) }
    if let publisher { found.publisher = publisher }
    self = found
  }

  /// The network with random weights, which the options' seed alone decides. Their publisher is this backbone's.
  public func makeModel(_ options: ClassifierOptions = ClassifierOptions(), on device: Device) -> any ImageClassifier {
    var options = options
    options.publisher = publisher
    return make(options, device)
  }

  /// What images are normalised to where a checkpoint does not say.
  public var normalization: Normalization {
    switch publisher {
    case .keras: .symmetric
    case .tensorflow: .tensorflow
    case .torchvision, .timm: imageNormalization
    }
  }

  /// This backbone by the publisher whose names a checkpoint has.
  public func matching(_ file: any Checkpoint) -> Backbone {
    var result = self
    if let (publisher, _) = markers.first(where: { file.contains($0.value) }) { result.publisher = publisher }
    return result
  }
}

extension Backbone: Equatable, Codable {
  public static func == (a: Backbone, b: Backbone) -> Bool { a.name == b.name && a.publisher == b.publisher }

  private enum CodingKeys: String, CodingKey { case name, publisher }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      named: container.decode(String.self, forKey: .name), publisher: container.decode(Publisher.self, forKey: .publisher))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(publisher, forKey: .publisher)
  }
}
