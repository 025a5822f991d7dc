public import Kernels

/// MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al. 2018), at any width.
///
/// Parameters are called as in torchvision. TensorFlow's networks pad strided convolutions at the bottom and right
/// only; Keras' have the epsilon 1e-3, torchvision's and timm's 1e-5.
public final class MobileNetV2: ImageClassifier {
  /// Expansion, channels, repetitions and first stride of each stage: table 2 of the paper.
  private static let stages = [
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
  ]

  public let stages: [[any Layer]]
  public let head: any Layer
  public let featureCount: Int
  public var isTraining = true
  private let dropout: Dropout
  private lazy var names = [Publisher.timm: timmNames, .keras: kerasNames, .tensorflow: tensorflowNames]

  public init(width: Float = 1, _ options: ClassifierOptions = ClassifierOptions(), on device: Device) {
    var random = Philox(seed: options.seed)
    let epsilon: Float = options.publisher == .keras ? 1e-3 : 1e-5
    func convolution(
      _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
      _ activation: Nonlinearity.Kind = .relu6
    ) -> ConvolutionNorm {
      ConvolutionNorm(
        inputs, outputs, kernel: kernel, stride: stride, groups: groups, activation: activation,
        padding: options.publisher.padding, epsilon: epsilon, isFolded: options.publisher.isFolded, on: device,
        random: &random)
    }
    var channels = roundedChannels(32 * width)
    var stages: [[any Layer]] = [[convolution(options.inputChannels, channels, kernel: 3, stride: 2)]]
    for (expansion, outputs, count, stride) in Self.stages {
      stages.append(
        (0..<count).map { i in
          let (inputs, hidden, stride) = (channels, channels * expansion, i == 0 ? stride : 1)
          channels = roundedChannels(Float(outputs) * width)
          return InvertedResidual(
            expand: expansion == 1 ? nil : convolution(inputs, hidden, kernel: 1),
            depthwise: convolution(hidden, hidden, kernel: 3, stride: stride, groups: hidden),
            project: convolution(hidden, channels, kernel: 1, .none), isResidual: stride == 1 && inputs == channels,
            naming: .flat)
        })
    }
    featureCount = roundedChannels(1280 * max(1, width))
    stages.append([convolution(channels, featureCount, kernel: 1)])
    self.stages = stages
    dropout = Dropout(options.dropout ?? 0.2, seed: options.seed)
    head = Linear(featureCount, options.classes, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] {
    stages.joined().enumerated().map { ("features.\($0)", .module($1)) }
      + [("classifier.0", .module(dropout)), ("classifier.1", .module(head))]
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

// MARK: The published ones

extension MobileNetV2 {
  static let backbones = [100, 35, 50, 75, 140].map { backbone(percent: $0) }

  /// `mobilenet_v2_130` and any other width in percent, and torchvision's name of the full one.
  static func backbone(named name: String) -> Backbone? {
    let prefix = "mobilenet_v2_"
    let digits = name.dropFirst(prefix.count)
    if name == "mobilenet_v2" { return backbone(percent: 100) }
    guard name.hasPrefix(prefix), digits.count == 3, digits.allSatisfy(\.isASCII), digits.allSatisfy(\.isNumber),
      let percent = Int(digits), percent > 0
    else { return nil }
    return backbone(percent: percent)
  }

  private static func backbone(percent: Int) -> Backbone {
    let digits = "\(percent + 1000)".dropFirst()
    return Backbone(
      "mobilenet_v2_\(digits)", timm: "mobilenetv2_\(digits)",
      markers: [
        .torchvision: "features.0.0.weight", .timm: "conv_stem.weight", .keras: "Conv1.weight",
        .tensorflow: "Conv.weight",
      ]
    ) { MobileNetV2(width: Float(percent) / 100, $0, on: $1) }
  }
}

// MARK: Other publishers' names

extension MobileNetV2 {
  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor {
    // TensorFlow's head is a convolution.
    let isMatrix = publisher != .tensorflow || name != "classifier.1.weight"
    return StoredTensor(names[publisher]?.renamed(name) ?? name, isMatrix ? shape : shape + [1, 1])
  }

  fileprivate var timmNames: [String: String] {
    let last = "features.\(stages.joined().count - 1)"
    return InvertedResidual.timmNames(of: stages) { stage, block in
      "features.\(stages[..<stage].joined().count + block)"
    }.merging(["\(last).0": "conv_head", "\(last).1": "bn2", "classifier.1": "classifier"]) { $1 }
  }

  fileprivate var kerasNames: [String: String] {
    let last = "features.\(stages.joined().count - 1)"
    var names = ["features.0.0": "Conv1", "\(last).0": "Conv_1", "classifier.1": "predictions"]
    names.addKerasNorm("features.0.1", as: "bn_Conv1")
    names.addKerasNorm("\(last).1", as: "Conv_1_bn")
    for case (let i, let block as InvertedResidual) in stages.joined().enumerated() {
      for (step, convolution, norm) in block.convolutions {
        let layer = (i == 1 ? "expanded_conv_" : "block_\(i - 1)_") + step.rawValue
        names["features.\(i).\(convolution)"] = layer
        names.addKerasNorm("features.\(i).\(norm)", as: layer + "_BN")
      }
    }
    return names
  }

  fileprivate var tensorflowNames: [String: String] {
    let last = "features.\(stages.joined().count - 1)"
    var names = ["features.0.0": "Conv", "\(last).0": "Conv_1", "classifier.1": "Logits.Conv2d_1c_1x1"]
    for case (let i, let block as InvertedResidual) in stages.joined().enumerated() {
      for (step, convolution, _) in block.convolutions {
        names["features.\(i).\(convolution)"] = (i == 1 ? "expanded_conv." : "expanded_conv_\(i - 1).") + step.rawValue
      }
    }
    return names
  }
}
