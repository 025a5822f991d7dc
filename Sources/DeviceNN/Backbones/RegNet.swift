public import Kernels

/// RegNetY: stages of one width each, of grouped bottlenecks with squeeze and excitation (Radosavovic et al. 2020).
public final class RegNet: ImageClassifier {
  public let stages: [[any Layer]]
  public let head: any Layer
  public let featureCount: Int
  public var isTraining = true
  private let dropout: Dropout

  /// - Parameters:
  ///   - widths: the channels of each stage.
  ///   - depths: the blocks of each stage, of which the first halves height and width.
  ///   - groupWidth: the channels of a group.
  public init(
    widths: [Int], depths: [Int], groupWidth: Int, _ options: ClassifierOptions = ClassifierOptions(), on device: Device
  ) {
    var random = Philox(seed: options.seed)
    var channels = 32
    var stages: [[any Layer]] = [
      [
        ConvolutionNorm(
          options.inputChannels, channels, kernel: 3, stride: 2, activation: .relu, on: device, random: &random)
      ]
    ]
    for (width, depth) in zip(widths, depths) {
      stages.append(
        (0..<depth).map { i in
          defer { channels = width }
          return Self.block(
            channels, width, stride: i == 0 ? 2 : 1, groupWidth: groupWidth, on: device, random: &random)
        })
    }
    self.stages = stages
    featureCount = channels
    dropout = Dropout(options.dropout ?? 0, seed: options.seed)
    head = Linear(channels, options.classes, on: device, random: &random)
  }

  private static func block(
    _ inputs: Int, _ outputs: Int, stride: Int, groupWidth: Int, on device: Device, random: inout Philox
  ) -> ResidualBlock {
    func convolution(
      _ inputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1, _ activation: Nonlinearity.Kind = .relu
    ) -> ConvolutionNorm {
      ConvolutionNorm(
        inputs, outputs, kernel: kernel, stride: stride, groups: groups, activation: activation, on: device,
        random: &random)
    }
    let projection = stride == 1 && inputs == outputs ? nil : convolution(inputs, kernel: 1, stride: stride, .none)
    let reduce = convolution(inputs, kernel: 1)
    let grouped = convolution(outputs, kernel: 3, stride: stride, groups: outputs / groupWidth)
    // A quarter of what comes into the block, whatever its width.
    let excitation = SqueezeExcitation(
      outputs, squeezed: Int((Float(inputs) / 4).rounded()), on: device, random: &random)
    let last = convolution(outputs, kernel: 1)
    return ResidualBlock(
      [reduce, grouped, excitation], last: last, shortcut: projection,
      parts: (projection.map { [("proj", .module($0))] } ?? []) + [
        ("f.a", .module(reduce)), ("f.b", .module(grouped)), ("f.se", .module(excitation)), ("f.c", .module(last)),
      ])
  }

  public var parts: [(name: String, part: Part)] {
    [("stem", .module(stages[0][0]))]
      + stages.enumerated().dropFirst().flatMap { stage, blocks in
        blocks.enumerated().map { ("trunk_output.block\(stage).block\(stage)-\($0)", .module($1)) }
      } + [("dropout", .module(dropout)), ("fc", .module(head))]
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

// MARK: The published ones

extension RegNet {
  static let backbones = [
    Backbone(
      "regnet_y_400mf", timm: "regnety_004", markers: [.torchvision: "stem.0.weight", .timm: "stem.conv.weight"]
    ) { RegNet(widths: [48, 104, 208, 440], depths: [1, 3, 6, 6], groupWidth: 8, $0, on: $1) }
  ]

  /// timm's `s3.b2.conv1.bn.bias` is torchvision's `trunk_output.block3.block3-1.f.a.1.bias`.
  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor {
    let parts = name.split(separator: ".").map(String.init)
    guard publisher == .timm else { return StoredTensor(name, shape) }
    switch parts[0] {
    case "stem": return StoredTensor("stem.\(Self.timmPart(parts[1])).\(parts[2])", shape)
    case "fc": return StoredTensor("head.\(name)", shape)
    default: break
    }
    // trunk_output.block3.block3-1
    let place = parts[2].dropFirst("block".count).split(separator: "-").map { Int($0)! }
    let block = "s\(place[0]).b\(place[1] + 1)"
    let rest = parts[3] == "proj" ? Array(parts[3...]) : Array(parts[4...])
    if rest[0] == "se" { return StoredTensor("\(block).\(rest.joined(separator: "."))", shape) }
    let layer = ["proj": "downsample", "a": "conv1", "b": "conv2", "c": "conv3"][rest[0]]!
    return StoredTensor("\(block).\(layer).\(Self.timmPart(rest[1])).\(rest[2])", shape)
  }

  private static func timmPart(_ number: String) -> String { number == "0" ? "conv" : "bn" }
}
