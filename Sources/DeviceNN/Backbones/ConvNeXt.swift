public import Kernels

/// ConvNeXt: a convolutional network in the proportions of a transformer (Liu et al. 2022).
///
/// Parameters are called as in torchvision, whose stochastic depth it has, too.
public final class ConvNeXt: ImageClassifier {
  public struct Size: Sendable {
    /// Blocks of each stage.
    public var depths: [Int]
    /// Channels of each stage.
    public var widths: [Int]
    /// The share of images for which the last block's branch is left out in training.
    public var stochasticDepth: Float

    public init(depths: [Int], widths: [Int], stochasticDepth: Float) {
      (self.depths, self.widths, self.stochasticDepth) = (depths, widths, stochasticDepth)
    }
  }

  /// Weights are normal with this deviation at first, biases zero.
  fileprivate static let deviation: Float = 0.02
  fileprivate static let epsilon: Float = 1e-6

  public let stages: [[any Layer]]
  private let norm: LayerNorm
  public let head: any Layer
  public let featureCount: Int
  public var isTraining = true
  private let dropout: Dropout
  private lazy var names = timmNames

  public init(_ size: Size, _ options: ClassifierOptions = ClassifierOptions(), on device: Device) {
    var random = Philox(seed: options.seed)
    func patches(_ inputs: Int, _ outputs: Int, size: Int) -> Convolution2D {
      Convolution2D(
        inputs, outputs, kernel: size, stride: size, padding: .none, hasBias: true, deviation: Self.deviation,
        on: device, random: &random)
    }
    func layerNorm(_ channels: Int) -> LayerNorm { LayerNorm(channels, epsilon: Self.epsilon, on: device) }

    let mostDropped = options.dropout == 0 ? 0 : size.stochasticDepth
    let blocks = size.depths.reduce(0, +)
    var channels = size.widths[0]
    var stages: [[any Layer]] = [[Sequential([patches(options.inputChannels, channels, size: 4), layerNorm(channels)])]]
    var made = 0
    for (depth, width) in zip(size.depths, size.widths) {
      var stage: [any Layer] = []
      if stages.count > 1 { stage.append(Sequential([layerNorm(channels), patches(channels, width, size: 2)])) }
      channels = width
      for _ in 0..<depth {
        let depth = StochasticDepth(
          mostDropped * Float(made) / Float(blocks - 1), seed: options.seed &+ UInt64(made + 1))
        stage.append(ConvNeXtBlock(channels, stochasticDepth: depth, on: device, random: &random))
        made += 1
      }
      stages.append(stage)
    }
    self.stages = stages
    featureCount = channels
    norm = layerNorm(channels)
    dropout = Dropout(options.dropout ?? 0, seed: options.seed)
    head = Linear(channels, options.classes, deviation: Self.deviation, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] {
    zip(layerNames.map(\.torchvision), stages.joined()).map { ($0, .module($1)) }
      + [("classifier.0", .module(norm)), ("classifier.1", .module(dropout)), ("classifier.2", .module(head))]
  }

  public func features(ofMap map: Tensor) -> Tensor { norm(map.globalAveragePooled()) }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

/// A large convolution of each channel, two layers of each pixel; what they make is scaled and added.
private final class ConvNeXtBlock: Layer {
  var isTraining = true
  private let layerScale: Parameter
  private let depthwise: Convolution2D
  private let norm: LayerNorm
  private let expand: Linear
  private let project: Linear
  private let stochasticDepth: StochasticDepth

  init(_ channels: Int, stochasticDepth: StochasticDepth, on device: Device, random: inout Philox) {
    let deviation = ConvNeXt.deviation
    layerScale = Parameter(Tensor(repeating: 1e-6, shape: [channels], on: device))
    depthwise = Convolution2D(
      channels, channels, kernel: 7, groups: channels, hasBias: true, deviation: deviation, on: device, random: &random)
    norm = LayerNorm(channels, epsilon: ConvNeXt.epsilon, on: device)
    expand = Linear(channels, 4 * channels, deviation: deviation, on: device, random: &random)
    project = Linear(4 * channels, channels, deviation: deviation, on: device, random: &random)
    self.stochasticDepth = stochasticDepth
  }

  var parts: [(name: String, part: Part)] {
    [
      ("layer_scale", .parameter(layerScale)), ("block.0", .module(depthwise)), ("block.2", .module(norm)),
      ("block.3", .module(expand)), ("block.5", .module(project)), ("stochastic_depth", .module(stochasticDepth)),
    ]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    x + stochasticDepth(project(expand(norm(depthwise(x))).gelu()) * layerScale.value)
  }
}

// MARK: The published ones

extension ConvNeXt {
  static let backbones = [
    ("tiny", Size(depths: [3, 3, 9, 3], widths: [96, 192, 384, 768], stochasticDepth: 0.1)),
    ("small", Size(depths: [3, 3, 27, 3], widths: [96, 192, 384, 768], stochasticDepth: 0.4)),
    ("base", Size(depths: [3, 3, 27, 3], widths: [128, 256, 512, 1024], stochasticDepth: 0.5)),
  ].map { name, size in
    Backbone(
      "convnext_\(name)", timm: "convnext_\(name)",
      markers: [.torchvision: "features.0.0.weight", .timm: "stem.0.weight"]
    ) { ConvNeXt(size, $0, on: $1) }
  }
}

// MARK: Names

extension ConvNeXt {
  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor {
    guard publisher == .timm else {
      return StoredTensor(name, name.hasSuffix("layer_scale") ? shape + [1, 1] : shape)
    }
    return StoredTensor(names.renamed(name), shape)
  }

  /// The layers of all stages: torchvision has what makes maps smaller in lists of its own, between those of blocks.
  fileprivate var layerNames: [(torchvision: String, timm: String)] {
    stages.enumerated().flatMap { s, stage in
      stage.indices.map { i -> (torchvision: String, timm: String) in
        if s == 0 { return ("features.0", "stem") }
        if s > 1, i == 0 { return ("features.\(2 * s - 2)", "stages.\(s - 1).downsample") }
        let block = s > 1 ? i - 1 : i
        return ("features.\(2 * s - 1).\(block)", "stages.\(s - 1).blocks.\(block)")
      }
    }
  }

  fileprivate var timmNames: [String: String] {
    var names = ["classifier.0": "head.norm", "classifier.2": "head.fc"]
    for (torchvision, timm) in layerNames {
      names[torchvision] = timm
      for (part, other) in [
        "layer_scale": "gamma", "block.0": "conv_dw", "block.2": "norm", "block.3": "mlp.fc1", "block.5": "mlp.fc2",
      ] { names["\(torchvision).\(part)"] = "\(timm).\(other)" }
    }
    return names
  }
}
