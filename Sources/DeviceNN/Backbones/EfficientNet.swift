public import Kernels

/// EfficientNet: inverted residuals with squeeze-excitation, scaled in width, depth and image size together (Tan and Le
/// 2019). B0 to B4.
///
/// Parameters are called as in torchvision, whose stochastic depth and dropout it has, too.
public final class EfficientNet: ImageClassifier {
  /// How much larger than B0 a network is.
  public struct Scale: Sendable {
    public var width, depth, dropout: Float

    public init(width: Float, depth: Float, dropout: Float) {
      (self.width, self.depth, self.dropout) = (width, depth, dropout)
    }
  }

  /// Expansion, kernel, first stride, channels and repetitions of each stage: table 1 of the paper.
  private static let stages = [
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
  ]

  public let stages: [[any Layer]]
  public let head: any Layer
  public let featureCount: Int
  public var isTraining = true
  private let dropout: Dropout
  private lazy var names = timmNames

  public init(_ scale: Scale, _ options: ClassifierOptions = ClassifierOptions(), on device: Device) {
    var random = Philox(seed: options.seed)
    func convolution(
      _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
      _ activation: Nonlinearity.Kind = .silu
    ) -> ConvolutionNorm {
      ConvolutionNorm(
        inputs, outputs, kernel: kernel, stride: stride, groups: groups, activation: activation, on: device,
        random: &random)
    }
    let counts = Self.stages.map { Int((Float($0.4) * scale.depth).rounded(.up)) }
    let blocks = counts.reduce(0, +)
    let mostDropped: Float = options.dropout == 0 ? 0 : 0.2
    var channels = roundedChannels(32 * scale.width)
    var stages: [[any Layer]] = [[convolution(options.inputChannels, channels, kernel: 3, stride: 2)]]
    for ((expansion, kernel, stride, outputs, _), count) in zip(Self.stages, counts) {
      let before = stages.dropFirst().joined().count
      stages.append(
        (0..<count).map { i in
          let (inputs, hidden, stride) = (channels, channels * expansion, i == 0 ? stride : 1)
          channels = roundedChannels(Float(outputs) * scale.width)
          return InvertedResidual(
            expand: expansion == 1 ? nil : convolution(inputs, hidden, kernel: 1),
            depthwise: convolution(hidden, hidden, kernel: kernel, stride: stride, groups: hidden),
            squeeze: SqueezeExcitation(
              hidden, squeezed: inputs / 4, activation: .silu, on: device, random: &random),
            project: convolution(hidden, channels, kernel: 1, .none),
            stochasticDepth: StochasticDepth(
              mostDropped * Float(before + i) / Float(blocks), seed: options.seed &+ UInt64(before + i + 1)),
            isResidual: stride == 1 && inputs == channels, naming: .nested)
        })
    }
    featureCount = 4 * channels
    stages.append([convolution(channels, featureCount, kernel: 1)])
    self.stages = stages
    dropout = Dropout(options.dropout ?? scale.dropout, seed: options.seed)
    head = Linear(featureCount, options.classes, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] {
    stages.enumerated().flatMap { s, stage in stage.enumerated().map { (blockName(s, $0), .module($1)) } }
      + [("classifier.0", .module(dropout)), ("classifier.1", .module(head))]
  }

  /// The stem and the last convolution are not in lists of their own.
  fileprivate func blockName(_ stage: Int, _ block: Int) -> String {
    stage == 0 || stage == stages.count - 1 ? "features.\(stage)" : "features.\(stage).\(block)"
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

// MARK: The published ones

extension EfficientNet {
  /// Width, depth, dropout and image size by torchvision.
  static let backbones = [
    (1, 1, 0.2, 224), (1, 1.1, 0.2, 240), (1.1, 1.2, 0.3, 288), (1.2, 1.4, 0.3, 300), (1.4, 1.8, 0.4, 380),
  ].enumerated().map { (i, sizes: (width: Float, depth: Float, dropout: Float, image: Int)) in
    Backbone(
      "efficientnet_b\(i)", timm: "efficientnet_b\(i)", inputSize: sizes.image,
      markers: [.torchvision: "features.0.0.weight", .timm: "conv_stem.weight"]
    ) { EfficientNet(Scale(width: sizes.width, depth: sizes.depth, dropout: sizes.dropout), $0, on: $1) }
  }
}

// MARK: timm's names

extension EfficientNet {
  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor {
    StoredTensor(publisher == .timm ? names.renamed(name) : name, shape)
  }

  fileprivate var timmNames: [String: String] {
    let last = "features.\(stages.count - 1)"
    return InvertedResidual.timmNames(of: stages, named: blockName)
      .merging(["\(last).0": "conv_head", "\(last).1": "bn2", "classifier.1": "classifier"]) { $1 }
  }
}
