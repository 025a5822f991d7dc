public import Kernels

/// MobileNetV1: convolutions of each channel by itself, each followed by one of single pixels (Howard et al. 2017), at
/// four widths.
///
/// Parameters are called as in timm. TensorFlow's and Keras' networks pad strided convolutions of even sizes at the
/// bottom and right only; Keras' have the epsilon 1e-3, timm's 1e-5. Odd sizes are padded as TensorFlow does: Keras'
/// own maps are one pixel smaller there, which images of a multiple of 32 pixels never meet.
public final class MobileNetV1: ImageClassifier {
  /// Channels, repetitions and first stride of each stage: table 1 of the paper.
  private static let stages = [(64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2), (1024, 2, 2)]

  public let stages: [[any Layer]]
  public let head: any Layer
  public let featureCount: Int
  public var isTraining = true
  private let stem: ConvolutionNorm
  private let dropout: Dropout
  private lazy var names = [Publisher.keras: kerasNames, .tensorflow: tensorflowNames]

  public init(width: Float = 1, _ options: ClassifierOptions = ClassifierOptions(), on device: Device) {
    var random = Philox(seed: options.seed)
    func convolution(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1) -> ConvolutionNorm {
      ConvolutionNorm(
        inputs, outputs, kernel: kernel, stride: stride, groups: groups, activation: .relu6,
        padding: options.publisher.padding, epsilon: options.publisher == .keras ? 1e-3 : 1e-5,
        isFolded: options.publisher.isFolded, on: device, random: &random)
    }
    var channels = Int(32 * width)
    stem = convolution(options.inputChannels, channels, kernel: 3, stride: 2)
    var stages: [[any Layer]] = [[stem]]
    for (outputs, count, stride) in Self.stages {
      stages.append(
        (0..<count).map { i in
          let inputs = channels
          channels = Int(Float(outputs) * width)
          return SeparableConvolution(
            depthwise: convolution(inputs, inputs, kernel: 3, stride: i == 0 ? stride : 1, groups: inputs),
            pointwise: convolution(inputs, channels, kernel: 1))
        })
    }
    self.stages = stages
    featureCount = channels
    dropout = Dropout(options.dropout ?? 0.001, seed: options.seed)
    head = Linear(featureCount, options.classes, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] {
    let blocks = stages.dropFirst().enumerated().flatMap { s, stage in
      stage.enumerated().map { ("blocks.\(s).\($0)", Part.module($1)) }
    }
    return stem.parts(convolution: "conv_stem", norm: "bn1") + blocks
      + [("dropout", .module(dropout)), ("classifier", .module(head))]
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

/// A convolution of each channel, then one of each pixel.
final class SeparableConvolution: Layer {
  var isTraining = true
  private let depthwise: ConvolutionNorm
  private let pointwise: ConvolutionNorm

  init(depthwise: ConvolutionNorm, pointwise: ConvolutionNorm) {
    self.depthwise = depthwise
    self.pointwise = pointwise
  }

  var parts: [(name: String, part: Part)] {
    depthwise.parts(convolution: "conv_dw", norm: "bn1") + pointwise.parts(convolution: "conv_pw", norm: "bn2")
  }

  /// A new one that keeps the number of channels, with 3x3 places and ReLUs.
  convenience init(_ channels: Int, on device: Device, random: inout Philox) {
    self.init(
      depthwise: ConvolutionNorm(
        channels, channels, kernel: 3, groups: channels, activation: .relu, on: device, random: &random),
      pointwise: ConvolutionNorm(channels, channels, kernel: 1, activation: .relu, on: device, random: &random))
  }

  func callAsFunction(_ x: Tensor) -> Tensor { pointwise(depthwise(x)) }
}

extension ConvolutionNorm {
  /// The parts by names that other publishers give them.
  fileprivate func parts(convolution: String, norm: String) -> [(name: String, part: Part)] {
    zip([convolution, norm], parts).map { ($0, $1.part) }
  }
}

// MARK: The published ones

extension MobileNetV1 {
  static let backbones = [100, 25, 50, 75].map { percent in
    let digits = "\(percent + 1000)".dropFirst()
    return Backbone(
      "mobilenet_v1_\(digits)", timm: percent == 100 ? "mobilenetv1_100" : nil, publisher: .timm,
      markers: [.timm: "conv_stem.weight", .keras: "conv1.weight", .tensorflow: "Conv2d_0.weight"],
      normalization: .symmetric
    ) { MobileNetV1(width: Float(percent) / 100, $0, on: $1) }
  }
}

// MARK: Other publishers' names

extension MobileNetV1 {
  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor {
    guard let names = names[publisher] else { return StoredTensor(name, shape) }
    // Their heads are convolutions.
    return StoredTensor(names.renamed(name), name == "classifier.weight" ? shape + [1, 1] : shape)
  }

  fileprivate var kerasNames: [String: String] {
    var names = ["conv_stem": "conv1", "classifier": "conv_preds"]
    names.addKerasNorm("bn1", as: "conv1_bn")
    for (i, block) in blockNames.enumerated() {
      for (part, norm, layer) in [("conv_dw", "bn1", "conv_dw_\(i + 1)"), ("conv_pw", "bn2", "conv_pw_\(i + 1)")] {
        names["\(block).\(part)"] = layer
        names.addKerasNorm("\(block).\(norm)", as: layer + "_bn")
      }
    }
    return names
  }

  fileprivate var tensorflowNames: [String: String] {
    var names = ["conv_stem": "Conv2d_0", "classifier": "Logits.Conv2d_1c_1x1"]
    for (i, block) in blockNames.enumerated() {
      names["\(block).conv_dw"] = "Conv2d_\(i + 1)_depthwise"
      names["\(block).conv_pw"] = "Conv2d_\(i + 1)_pointwise"
    }
    return names
  }

  private var blockNames: [String] {
    stages.dropFirst().enumerated().flatMap { s, stage in stage.indices.map { "blocks.\(s).\($0)" } }
  }
}
