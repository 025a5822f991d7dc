public import Kernels

/// MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al. 2018), at any width.
///
/// Parameters are called as in torchvision. Networks that Keras published pad strided convolutions at the bottom and
/// right only and have another epsilon: they are `MobileNetV2(style: .keras)`.
public final class MobileNetV2: ImageClassifier {
  /// What differs between the two published families.
  public enum Style: String, Sendable, Codable {
    case torchvision
    case keras

    var padding: PaddingStyle { self == .keras ? .same : .symmetric }
    var epsilon: Float { self == .keras ? 1e-3 : 1e-5 }
  }

  /// Expansion, channels, repetitions and first stride of each stage: table 2 of the paper.
  private static let stages = [
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
  ]

  public let style: Style
  public let featureCount: Int
  public let head: Linear
  public var isTraining = true
  let stem: ConvolutionNorm
  let blocks: [InvertedResidual]
  let last: ConvolutionNorm
  let dropout: Dropout

  public init(
    width: Float = 1, classes: Int, style: Style = .torchvision, dropout: Float = 0.2, seed: UInt64 = 0, on device: Device
  ) {
    var random = Philox(seed: seed)
    func convolution(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int) -> ConvolutionNorm {
      ConvolutionNorm(
        inputs, outputs, kernel: kernel, stride: stride, activation: .relu6, padding: style.padding,
        epsilon: style.epsilon, on: device, random: &random)
    }
    var channels = Self.channels(32, width)
    stem = convolution(3, channels, kernel: 3, stride: 2)
    var blocks: [InvertedResidual] = []
    for (expansion, outputs, count, stride) in Self.stages {
      for i in 0..<count {
        let outputs = Self.channels(outputs, width)
        blocks.append(
          InvertedResidual(
            channels, outputs, expansion: expansion, stride: i == 0 ? stride : 1, style: style, on: device, random: &random))
        channels = outputs
      }
    }
    self.blocks = blocks
    featureCount = Self.channels(1280, max(1, width))
    last = convolution(channels, featureCount, kernel: 1, stride: 1)
    self.style = style
    self.dropout = Dropout(dropout, seed: seed)
    head = Linear(featureCount, classes, on: device, random: &random)
  }

  /// `channels · width` as a multiple of 8, at most a tenth below it.
  private static func channels(_ channels: Int, _ width: Float) -> Int {
    let wanted = Float(channels) * width
    let rounded = max(8, Int(wanted + 4) / 8 * 8)
    return Float(rounded) < 0.9 * wanted ? rounded + 8 : rounded
  }

  public var parts: [(name: String, part: Part)] {
    let features: [any Module] = [stem] + blocks + [last]
    return features.enumerated().map { ("features.\($0)", .module($1)) }
      + [("classifier.0", .module(dropout)), ("classifier.1", .module(head))]
  }

  public func features(of x: Tensor) -> Tensor {
    last(blocks.reduce(stem(x)) { x, block in block(x) }).globalAveragePooled()
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

/// Expands, convolves each channel, projects back; added to its input where shapes allow.
final class InvertedResidual: Module {
  var isTraining = true
  let expand: ConvolutionNorm?
  let depthwise: ConvolutionNorm
  let project: Convolution2D
  let norm: BatchNorm
  private let isResidual: Bool

  init(
    _ inputs: Int, _ outputs: Int, expansion: Int, stride: Int, style: MobileNetV2.Style, on device: Device,
    random: inout Philox
  ) {
    let hidden = inputs * expansion
    expand = expansion == 1
      ? nil
      : ConvolutionNorm(
        inputs, hidden, kernel: 1, activation: .relu6, padding: style.padding, epsilon: style.epsilon, on: device,
        random: &random)
    depthwise = ConvolutionNorm(
      hidden, hidden, kernel: 3, stride: stride, groups: hidden, activation: .relu6, padding: style.padding,
      epsilon: style.epsilon, on: device, random: &random)
    project = Convolution2D(hidden, outputs, kernel: 1, on: device, random: &random)
    norm = BatchNorm(outputs, epsilon: style.epsilon, on: device)
    isResidual = stride == 1 && inputs == outputs
  }

  var parts: [(name: String, part: Part)] {
    let modules: [any Module] = (expand.map { [$0] } ?? []) + [depthwise, project, norm]
    return modules.enumerated().map { ("conv.\($0)", .module($1)) }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    norm(project(depthwise(expand?(x) ?? x)), residual: isResidual ? x : nil)
  }
}

extension MobileNetV2 {
  public func name(of name: String, in naming: CheckpointNaming) -> String {
    guard naming == .keras else { return name }
    let parts = name.split(separator: ".").map(String.init)
    let kind = ["weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"]
    guard parts[0] == "features", let index = Int(parts[1]) else { return "predictions.\(parts.last!)" }
    func layer(_ convolution: String, _ norm: String, isNorm: Bool) -> String {
      isNorm ? "\(norm).\(kind[parts.last!]!)" : "\(convolution).weight"
    }
    if index == 0 { return layer("Conv1", "bn_Conv1", isNorm: parts[2] == "1") }
    if index == blocks.count + 1 { return layer("Conv_1", "Conv_1_bn", isNorm: parts[2] == "1") }
    let block = index == 1 ? "expanded_conv" : "block_\(index - 1)"
    // features.3.conv.0.1.weight: the second part of the first of expand, depthwise, project, norm.
    let stages = (blocks[index - 1].expand == nil ? [] : ["expand"]) + ["depthwise", "project", "project"]
    let stage = Int(parts[3])!
    let isNorm = stage == stages.count - 1 || parts[4] == "1"
    return layer("\(block)_\(stages[stage])", "\(block)_\(stages[stage])_BN", isNorm: isNorm)
  }
}
