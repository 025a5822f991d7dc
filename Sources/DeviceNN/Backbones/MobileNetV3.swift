public import Kernels

/// MobileNetV3: inverted residuals with squeeze-excitation and a cheaper end (Howard et al. 2019).
///
/// Parameters are called as in torchvision, whose batch norm has the epsilon 1e-3 and the momentum 0.01; timm's has
/// PyTorch's defaults.
public final class MobileNetV3: ImageClassifier {
  /// Blocks of one size of maps, the first of which has the stride.
  fileprivate struct Stage {
    let kernel: Int
    /// The channels inside of each block.
    let hidden: [Int]
    let outputs: Int
    let stride: Int
    let hasSqueeze: Bool
    let activation: Nonlinearity.Kind

    init(_ kernel: Int, _ hidden: [Int], _ outputs: Int, stride: Int, se: Bool, _ activation: Nonlinearity.Kind) {
      (self.kernel, self.hidden, self.outputs, self.stride) = (kernel, hidden, outputs, stride)
      (hasSqueeze, self.activation) = (se, activation)
    }
  }

  public enum Size: Sendable {
    case small, large

    /// Tables 2 and 1 of the paper.
    fileprivate var stages: [Stage] {
      switch self {
      case .small:
        [
          Stage(3, [16], 16, stride: 2, se: true, .relu),
          Stage(3, [72, 88], 24, stride: 2, se: false, .relu),
          Stage(5, [96, 240, 240], 40, stride: 2, se: true, .hardSwish),
          Stage(5, [120, 144], 48, stride: 1, se: true, .hardSwish),
          Stage(5, [288, 576, 576], 96, stride: 2, se: true, .hardSwish),
        ]
      case .large:
        [
          Stage(3, [16], 16, stride: 1, se: false, .relu),
          Stage(3, [64, 72], 24, stride: 2, se: false, .relu),
          Stage(5, [72, 120, 120], 40, stride: 2, se: true, .relu),
          Stage(3, [240, 200, 184, 184], 80, stride: 2, se: false, .hardSwish),
          Stage(3, [480, 672], 112, stride: 1, se: true, .hardSwish),
          Stage(5, [672, 960, 960], 160, stride: 2, se: true, .hardSwish),
        ]
      }
    }

    fileprivate var featureCount: Int { self == .small ? 1024 : 1280 }
  }

  public let stages: [[any Layer]]
  /// From the mean of the last map to the features.
  private let expand: Linear
  public let head: any Layer
  public let featureCount: Int
  public var isTraining = true
  private let dropout: Dropout
  private lazy var names = timmNames

  public init(_ size: Size, _ options: ClassifierOptions = ClassifierOptions(), on device: Device) {
    var random = Philox(seed: options.seed)
    let (epsilon, momentum): (Float, Float) = options.publisher == .timm ? (1e-5, 0.1) : (1e-3, 0.01)
    func convolution(
      _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1, _ activation: Nonlinearity.Kind
    ) -> ConvolutionNorm {
      ConvolutionNorm(
        inputs, outputs, kernel: kernel, stride: stride, groups: groups, activation: activation, epsilon: epsilon,
        momentum: momentum, on: device, random: &random)
    }
    var channels = 16
    var stages: [[any Layer]] = [[convolution(options.inputChannels, channels, kernel: 3, stride: 2, .hardSwish)]]
    for stage in size.stages {
      stages.append(
        stage.hidden.enumerated().map { i, hidden in
          let (inputs, stride) = (channels, i == 0 ? stage.stride : 1)
          channels = stage.outputs
          return InvertedResidual(
            expand: hidden == inputs ? nil : convolution(inputs, hidden, kernel: 1, stage.activation),
            depthwise: convolution(
              hidden, hidden, kernel: stage.kernel, stride: stride, groups: hidden, stage.activation),
            squeeze: stage.hasSqueeze
              ? SqueezeExcitation(
                hidden, squeezed: roundedChannels(Float(hidden / 4)), gate: .hardSigmoid, on: device, random: &random)
              : nil,
            project: convolution(hidden, channels, kernel: 1, .none), isResidual: stride == 1 && inputs == channels,
            naming: .nested)
        })
    }
    stages.append([convolution(channels, 6 * channels, kernel: 1, .hardSwish)])
    self.stages = stages
    featureCount = size.featureCount
    expand = Linear(6 * channels, featureCount, on: device, random: &random)
    dropout = Dropout(options.dropout ?? 0.2, seed: options.seed)
    head = Linear(featureCount, options.classes, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] {
    stages.joined().enumerated().map { ("features.\($0)", .module($1)) }
      + [("classifier.0", .module(expand)), ("classifier.2", .module(dropout)), ("classifier.3", .module(head))]
  }

  public func features(ofMap map: Tensor) -> Tensor { expand(map.globalAveragePooled()).hardSwish() }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

// MARK: The published ones

extension MobileNetV3 {
  static let backbones = [("small", Size.small), ("large", .large)].map { name, size in
    Backbone(
      "mobilenet_v3_\(name)", timm: "mobilenetv3_\(name)_100",
      markers: [.torchvision: "features.0.0.weight", .timm: "conv_stem.weight"]
    ) { MobileNetV3(size, $0, on: $1) }
  }
}

// MARK: timm's names

extension MobileNetV3 {
  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor {
    guard publisher == .timm else { return StoredTensor(name, shape) }
    // What makes features is a convolution there.
    return StoredTensor(names.renamed(name), name == "classifier.0.weight" ? shape + [1, 1] : shape)
  }

  fileprivate var timmNames: [String: String] {
    let last = "features.\(stages.joined().count - 1)"
    return InvertedResidual.timmNames(of: stages) { stage, block in
      "features.\(stages[..<stage].joined().count + block)"
    }.merging([
      "\(last).0": "blocks.\(stages.count - 2).0.conv", "\(last).1": "blocks.\(stages.count - 2).0.bn1",
      "classifier.0": "conv_head", "classifier.3": "classifier",
    ]) { $1 }
  }
}
