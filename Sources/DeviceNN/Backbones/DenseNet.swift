public import Kernels

/// DenseNet: each layer takes what all layers of its block before it made (Huang et al. 2017).
public final class DenseNet: ImageClassifier {
  public let stages: [[any Layer]]
  public let head: any Layer
  public let featureCount: Int
  public var isTraining = true
  private let stem: ConvolutionNorm
  private let norm: BatchNorm
  private let dropout: Dropout

  /// - Parameters:
  ///   - growth: the channels that a layer adds.
  ///   - depths: the layers of each block.
  public init(
    growth: Int, depths: [Int], _ options: ClassifierOptions = ClassifierOptions(), on device: Device
  ) {
    var random = Philox(seed: options.seed)
    var channels = 2 * growth
    stem = ConvolutionNorm(
      options.inputChannels, channels, kernel: 7, stride: 2, activation: .relu, on: device, random: &random)
    var stages: [[any Layer]] = [[stem]]
    for (block, depth) in depths.enumerated() {
      var layers: [any Layer] = []
      if block == 0 {
        layers.append(MaxPooling(kernel: 3, stride: 2, padding: 1))
      } else {
        layers.append(DenseTransition(channels, channels / 2, on: device, random: &random))
        channels /= 2
      }
      for _ in 0..<depth {
        layers.append(DenseLayer(channels, growth: growth, on: device, random: &random))
        channels += growth
      }
      stages.append(layers)
    }
    norm = BatchNorm(channels, on: device)
    self.stages = stages + [[norm, Nonlinearity(.relu)]]
    featureCount = channels
    dropout = Dropout(options.dropout ?? 0, seed: options.seed)
    head = Linear(channels, options.classes, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] {
    var parts: [(name: String, part: Part)] = [
      ("features.conv0", .module(stem.convolution)), ("features.norm0", .module(stem.norm!)),
    ]
    for (block, layers) in stages.enumerated().dropFirst().dropLast() {
      if layers[0] is DenseTransition { parts.append(("features.transition\(block - 1)", .module(layers[0]))) }
      parts += layers.dropFirst().enumerated().map {
        ("features.denseblock\(block).denselayer\($0 + 1)", .module($1))
      }
    }
    return parts + [
      ("features.norm\(stages.count - 1)", .module(norm)), ("dropout", .module(dropout)), ("classifier", .module(head)),
    ]
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

/// Adds `growth` channels behind its input's.
private final class DenseLayer: Layer {
  let norm1: BatchNorm
  let conv1: Convolution2D
  let norm2: BatchNorm
  let conv2: Convolution2D
  var isTraining = true
  private let squeeze: ConvolutionNorm

  init(_ inputs: Int, growth: Int, on device: Device, random: inout Philox) {
    norm1 = BatchNorm(inputs, on: device)
    conv1 = Convolution2D(inputs, 4 * growth, kernel: 1, on: device, random: &random)
    norm2 = BatchNorm(4 * growth, on: device)
    conv2 = Convolution2D(4 * growth, growth, kernel: 3, on: device, random: &random)
    squeeze = ConvolutionNorm(conv1, norm2, activation: .relu)
  }

  var parts: [(name: String, part: Part)] {
    [("norm1", .module(norm1)), ("conv1", .module(conv1)), ("norm2", .module(norm2)), ("conv2", .module(conv2))]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    .concatenated([x, conv2(squeeze(norm1(x, residual: nil, activation: .relu)))], axis: 3)
  }
}

/// Halves channels, height and width between two blocks.
private final class DenseTransition: Layer {
  let norm: BatchNorm
  let conv: Convolution2D
  var isTraining = true

  init(_ inputs: Int, _ outputs: Int, on device: Device, random: inout Philox) {
    norm = BatchNorm(inputs, on: device)
    conv = Convolution2D(inputs, outputs, kernel: 1, on: device, random: &random)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    conv(norm(x, residual: nil, activation: .relu)).averagePooled(kernel: 2, stride: 2)
  }
}

// MARK: The published ones

extension DenseNet {
  /// timm calls the tensors the same.
  static let backbones = [
    Backbone("densenet121", timm: "densenet121") { DenseNet(growth: 32, depths: [6, 12, 24, 16], $0, on: $1) }
  ]

  /// `norm.1` for `norm1` in a dense layer, as in the files that torchvision publishes to this day.
  public func formerName(of name: String) -> String? {
    var parts = name.split(separator: ".").map(String.init)
    guard parts.count == 5, let number = parts[3].popLast() else { return nil }
    parts[3] += ".\(number)"
    return parts.joined(separator: ".")
  }
}
