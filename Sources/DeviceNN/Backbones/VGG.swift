public import Kernels

/// VGG: 3x3 convolutions, and a head of most of the parameters (Simonyan and Zisserman 2015).
public final class VGG: ImageClassifier {
  public let stages: [[any Layer]]
  public let head: any Layer
  public let featureCount = 4096
  public var isTraining = true
  private let hidden: FlattenedLinear
  private let hiddenDropout: Dropout
  private let last: Linear
  private let dropout: Dropout

  /// - Parameters:
  ///   - depths: how many convolutions there are in front of each of the five poolings.
  ///   - hasNorm: whether batch norm stands behind each, which has its bias all the same.
  public init(
    depths: [Int], hasNorm: Bool, _ options: ClassifierOptions = ClassifierOptions(), on device: Device
  ) {
    var random = Philox(seed: options.seed)
    var channels = options.inputChannels
    stages = zip(depths, [64, 128, 256, 512, 512]).map { depth, width in
      var layers: [any Layer] = []
      for _ in 0..<depth {
        let convolution = Convolution2D(channels, width, kernel: 3, hasBias: true, on: device, random: &random)
        layers.append(
          ConvolutionNorm(convolution, hasNorm ? BatchNorm(width, on: device) : nil, activation: .relu))
        channels = width
      }
      return layers + [MaxPooling(kernel: 2, stride: 2)]
    }
    hidden = FlattenedLinear(size: 7, channels: channels, featureCount, on: device, random: &random)
    hiddenDropout = Dropout(options.dropout ?? 0.5, seed: random.next())
    last = Linear(featureCount, featureCount, on: device, random: &random)
    dropout = Dropout(options.dropout ?? 0.5, seed: options.seed)
    head = Linear(featureCount, options.classes, on: device, random: &random)
  }

  /// torchvision's sequence counts each convolution, norm, activation and pooling.
  public var parts: [(name: String, part: Part)] {
    var parts: [(name: String, part: Part)] = []
    var index = 0
    for layer in stages.joined() {
      for (i, (_, part)) in layer.parts.enumerated() { parts.append(("features.\(index + i)", part)) }
      index += layer.parts.count + 1
    }
    return parts + [
      ("classifier.0", .module(hidden)), ("classifier.2", .module(hiddenDropout)), ("classifier.3", .module(last)),
      ("classifier.5", .module(dropout)), ("classifier.6", .module(head)),
    ]
  }

  /// What the two large layers (N,4096) make of the last map, which is pooled to 7x7 whatever the image's size.
  public func features(ofMap map: Tensor) -> Tensor {
    last(hiddenDropout(hidden(map.adaptiveAveragePooled(height: 7, width: 7)).relu())).relu()
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

/// A linear layer of all numbers of a map (N,H,W,C). Files have its weight for the order (C,H,W), which is how they
/// have that of a convolution with a kernel of the map's size.
final class FlattenedLinear: Layer {
  let weight: Parameter
  let bias: Parameter
  var isTraining = true

  init(size: Int, channels: Int, _ outputs: Int, on device: Device, random: inout Philox) {
    weight = Parameter(
      .normal(deviation: 0.01, shape: [size, size, channels, outputs], seed: random.next(), on: device),
      layout: .convolution)
    bias = Parameter(Tensor(repeating: 0, shape: [outputs], on: device))
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let inputs = x.shape.dropFirst().reduce(1, *)
    return x.reshaped([x.shape[0], inputs])
      .linear(weight.adapted.reshaped([inputs, bias.value.count]), bias: bias.value)
  }
}

// MARK: The published ones

extension VGG {
  static let backbones = [
    backbone("vgg11", [1, 1, 2, 2, 2]), backbone("vgg11_bn", [1, 1, 2, 2, 2], hasNorm: true),
    backbone("vgg16", [2, 2, 3, 3, 3]), backbone("vgg16_bn", [2, 2, 3, 3, 3], hasNorm: true),
  ]

  private static func backbone(_ name: String, _ depths: [Int], hasNorm: Bool = false) -> Backbone {
    Backbone(
      name, timm: name, markers: [.torchvision: "classifier.0.weight", .timm: "pre_logits.fc1.weight"]
    ) { VGG(depths: depths, hasNorm: hasNorm, $0, on: $1) }
  }

  /// timm's two large layers are convolutions, torchvision's are matrices.
  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor {
    let leaf = name.split(separator: ".").last!
    let isWeight = leaf == "weight"
    switch (name.dropLast(leaf.count + 1), publisher) {
    case ("classifier.0", .timm): return StoredTensor("pre_logits.fc1.\(leaf)", shape)
    case ("classifier.0", _): return StoredTensor(name, isWeight ? [shape[0], shape[1...].reduce(1, *)] : shape)
    case ("classifier.3", .timm): return StoredTensor("pre_logits.fc2.\(leaf)", isWeight ? shape + [1, 1] : shape)
    case ("classifier.6", .timm): return StoredTensor("head.fc.\(leaf)", shape)
    default: return StoredTensor(name, shape)
    }
  }
}
