public import Kernels

/// MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al. 2018), at any width.
///
/// Parameters are called as in torchvision. TensorFlow's networks pad strided convolutions at the bottom and right only
/// and have another epsilon.
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

  public init(width: Float = 1, _ options: ClassifierOptions = ClassifierOptions(), on device: Device) {
    var random = Philox(seed: options.seed)
    let epsilon: Float = options.publisher == .keras ? 1e-3 : 1e-5
    func convolution(
      _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1, _ activation: Nonlinearity.Kind = .relu6
    ) -> ConvolutionNorm {
      ConvolutionNorm(
        inputs, outputs, kernel: kernel, stride: stride, groups: groups, activation: activation,
        padding: options.publisher.padding, epsilon: epsilon, isFolded: options.publisher.isFolded, on: device,
        random: &random)
    }
    var channels = Self.channels(32, width)
    var stages: [[any Layer]] = [[convolution(options.inputChannels, channels, kernel: 3, stride: 2)]]
    for (expansion, outputs, count, stride) in Self.stages {
      stages.append(
        (0..<count).map { i in
          let (inputs, hidden, stride) = (channels, channels * expansion, i == 0 ? stride : 1)
          channels = Self.channels(outputs, width)
          return InvertedResidual(
            expand: expansion == 1 ? nil : convolution(inputs, hidden, kernel: 1),
            depthwise: convolution(hidden, hidden, kernel: 3, stride: stride, groups: hidden),
            project: convolution(hidden, channels, kernel: 1, .none), isResidual: stride == 1 && inputs == channels)
        })
    }
    featureCount = Self.channels(1280, max(1, width))
    stages.append([convolution(channels, featureCount, kernel: 1)])
    self.stages = stages
    dropout = Dropout(options.dropout ?? 0.2, seed: options.seed)
    head = Linear(featureCount, options.classes, on: device, random: &random)
  }

  /// `channels · width` as a multiple of 8, at most a tenth below it.
  private static func channels(_ channels: Int, _ width: Float) -> Int {
    let wanted = Float(channels) * width
    let rounded = max(8, Int(wanted + 4) / 8 * 8)
    return Float(rounded) < 0.9 * wanted ? rounded + 8 : rounded
  }

  public var parts: [(name: String, part: Part)] {
    stages.joined().enumerated().map { ("features.\($0)", .module($1)) }
      + [("classifier.0", .module(dropout)), ("classifier.1", .module(head))]
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

/// Expands, convolves each channel, projects back; added to its input where shapes allow.
final class InvertedResidual: Layer {
  var isTraining = true
  let expand: ConvolutionNorm?
  let depthwise: ConvolutionNorm
  let project: ConvolutionNorm
  private let isResidual: Bool

  init(expand: ConvolutionNorm?, depthwise: ConvolutionNorm, project: ConvolutionNorm, isResidual: Bool) {
    self.expand = expand
    self.depthwise = depthwise
    self.project = project
    self.isResidual = isResidual
  }

  /// In torchvision's sequence the last convolution and its norm stand beside the others.
  var parts: [(name: String, part: Part)] {
    let first = (expand.map { [$0] } ?? []) + [depthwise]
    return first.enumerated().map { ("conv.\($0)", .module($1)) }
      + project.parts.enumerated().map { ("conv.\(first.count + $0)", $1.part) }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    project(depthwise(expand?(x) ?? x), residual: isResidual ? x : nil)
  }
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
        .torchvision: "features.0.0.weight", .timm: "conv_stem.weight", .keras: "Conv1.weight", .tensorflow: "Conv.weight",
      ]
    ) { MobileNetV2(width: Float(percent) / 100, $0, on: $1) }
  }
}

// MARK: Other publishers' names

extension MobileNetV2 {
  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor {
    let parts = name.split(separator: ".").map(String.init)
    let leaf = parts.last!
    guard publisher != .torchvision else { return StoredTensor(name, shape) }
    guard parts[0] == "features", let index = Int(parts[1]) else {
      return switch publisher {
      case .timm: StoredTensor("classifier.\(leaf)", shape)
      case .tensorflow:
        StoredTensor("Logits.Conv2d_1c_1x1.\(leaf)", leaf == "weight" ? shape + [1, 1] : shape)
      default: StoredTensor("predictions.\(leaf)", shape)
      }
    }
    let blocks = stages.joined().count - 2
    // Where in which block: features.3.conv.0.1.weight is the norm of the first of expand, depthwise, project.
    let position = index == 0 || index > blocks ? 0 : Int(parts[3])!
    let steps = index == 1 ? ["depthwise", "project", "project"] : ["expand", "depthwise", "project", "project"]
    let isNorm = index == 0 || index > blocks ? parts[2] == "1" : parts[4] == "1" || position == steps.count - 1
    let step = steps[position]
    switch publisher {
    case .torchvision: return StoredTensor(name, shape)
    case .timm:
      if index == 0 { return StoredTensor((isNorm ? "bn1." : "conv_stem.") + leaf, shape) }
      if index > blocks { return StoredTensor((isNorm ? "bn2." : "conv_head.") + leaf, shape) }
      let (stage, block) = place(of: index)
      // The first block has no expansion, so that its projection is timm's only pointwise convolution.
      let number = steps.count == 3 ? ["depthwise": 1, "project": 2][step]! : ["expand": 1, "depthwise": 2, "project": 3][step]!
      let kind = steps.count == 3 ? ["depthwise": "conv_dw", "project": "conv_pw"] : ["expand": "conv_pw", "depthwise": "conv_dw", "project": "conv_pwl"]
      return StoredTensor("blocks.\(stage).\(block).\(isNorm ? "bn\(number)" : kind[step]!).\(leaf)", shape)
    case .keras:
      let kind = ["weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"]
      func layer(_ convolution: String, _ norm: String) -> StoredTensor {
        StoredTensor(isNorm ? "\(norm).\(kind[leaf]!)" : "\(convolution).weight", shape)
      }
      if index == 0 { return layer("Conv1", "bn_Conv1") }
      if index > blocks { return layer("Conv_1", "Conv_1_bn") }
      let block = index == 1 ? "expanded_conv" : "block_\(index - 1)"
      return layer("\(block)_\(step)", "\(block)_\(step)_BN")
    case .tensorflow:
      if index == 0 { return StoredTensor("Conv.\(leaf)", shape) }
      if index > blocks { return StoredTensor("Conv_1.\(leaf)", shape) }
      let block = index == 1 ? "expanded_conv" : "expanded_conv_\(index - 1)"
      return StoredTensor("\(block).\(step).\(leaf)", shape)
    }
  }

  /// The stage, without the stem, and the place in it of block `index`.
  private func place(of index: Int) -> (stage: Int, block: Int) {
    var first = 1
    for (stage, blocks) in stages.dropFirst().enumerated() {
      if index < first + blocks.count { return (stage, index - first) }
      first += blocks.count
    }
    preconditionFailure("block \(index) of \(first)")
  }
}
