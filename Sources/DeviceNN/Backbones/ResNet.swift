public import Kernels

/// ResNet (He et al. 2016), with the stride in a bottleneck's 3x3 convolution as torchvision and timm have it (version
/// 1.5); ResNeXt (Xie et al. 2017), whose bottlenecks are grouped; Wide ResNet (Zagoruyko and Komodakis 2016).
public final class ResNet: ImageClassifier {
  public enum Block: Sendable {
    /// Two 3x3 convolutions.
    case basic
    /// 1x1, 3x3 in groups of `groupWidth` channels for every 64 of the stage's, 1x1 to four times the channels.
    case bottleneck(groups: Int = 1, groupWidth: Int = 64)
  }

  public let stages: [[any Layer]]
  public let head: any Layer
  public let featureCount: Int
  public var isTraining = true
  private let stem: ConvolutionNorm
  private let dropout: Dropout

  /// - Parameter depths: how many blocks there are at each of the strides 4, 8, 16 and 32.
  public init(
    _ block: Block, depths: [Int], _ options: ClassifierOptions = ClassifierOptions(), on device: Device
  ) {
    var random = Philox(seed: options.seed)
    stem = ConvolutionNorm(
      options.inputChannels, 64, kernel: 7, stride: 2, activation: .relu, on: device, random: &random)
    var channels = 64
    var stages: [[any Layer]] = [[stem]]
    for (stage, depth) in depths.enumerated() {
      var blocks: [any Layer] = stage == 0 ? [MaxPooling(kernel: 3, stride: 2, padding: 1)] : []
      for i in 0..<depth {
        blocks.append(
          block.layer(
            &channels, width: 64 << stage, stride: i == 0 && stage > 0 ? 2 : 1, on: device, random: &random))
      }
      stages.append(blocks)
    }
    self.stages = stages
    featureCount = channels
    dropout = Dropout(options.dropout ?? 0, seed: options.seed)
    head = Linear(channels, options.classes, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] {
    [("conv1", .module(stem.convolution)), ("bn1", .module(stem.norm!))]
      + stages.dropFirst().enumerated().flatMap { stage, layers in
        layers.filter { $0 is ResidualBlock }.enumerated().map { ("layer\(stage + 1).\($0)", .module($1)) }
      } + [("dropout", .module(dropout)), ("fc", .module(head))]
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

extension ResNet.Block {
  /// A block from `channels`, which become its own.
  fileprivate func layer(
    _ channels: inout Int, width: Int, stride: Int, on device: Device, random: inout Philox
  ) -> ResidualBlock {
    func convolution(
      _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
      _ activation: Nonlinearity.Kind = .relu
    ) -> ConvolutionNorm {
      ConvolutionNorm(
        inputs, outputs, kernel: kernel, stride: stride, groups: groups, activation: activation, on: device,
        random: &random)
    }
    let inputs = channels
    let outputs: Int
    let convolutions: [ConvolutionNorm]
    switch self {
    case .basic:
      outputs = width
      convolutions = [
        convolution(inputs, width, kernel: 3, stride: stride), convolution(width, outputs, kernel: 3),
      ]
    case .bottleneck(let groups, let groupWidth):
      outputs = width * 4
      let hidden = width / 64 * groupWidth * groups
      convolutions = [
        convolution(inputs, hidden, kernel: 1),
        convolution(hidden, hidden, kernel: 3, stride: stride, groups: groups),
        convolution(hidden, outputs, kernel: 1),
      ]
    }
    channels = outputs
    let downsample =
      stride == 1 && inputs == outputs ? nil : convolution(inputs, outputs, kernel: 1, stride: stride, .none)
    let named = convolutions.enumerated().flatMap { i, convolution -> [(name: String, part: Part)] in
      [("conv\(i + 1)", .module(convolution.convolution)), ("bn\(i + 1)", .module(convolution.norm!))]
    }
    return ResidualBlock(
      Array(convolutions.dropLast()), last: convolutions.last!, shortcut: downsample,
      parts: named + (downsample.map { [("downsample", .module($0))] } ?? []))
  }
}

// MARK: The published ones

extension ResNet {
  static let backbones = [
    backbone("resnet18", .basic, [2, 2, 2, 2]),
    backbone("resnet34", .basic, [3, 4, 6, 3]),
    backbone("resnet50", .bottleneck(), [3, 4, 6, 3]),
    backbone("resnet101", .bottleneck(), [3, 4, 23, 3]),
    backbone("resnet152", .bottleneck(), [3, 8, 36, 3]),
    backbone("resnext50_32x4d", .bottleneck(groups: 32, groupWidth: 4), [3, 4, 6, 3]),
    backbone("wide_resnet50_2", .bottleneck(groupWidth: 128), [3, 4, 6, 3]),
  ]

  /// timm calls the networks and their tensors the same.
  private static func backbone(_ name: String, _ block: Block, _ depths: [Int]) -> Backbone {
    Backbone(name, timm: name) { ResNet(block, depths: depths, $0, on: $1) }
  }
}
