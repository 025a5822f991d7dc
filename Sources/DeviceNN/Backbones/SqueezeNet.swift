public import Kernels

/// SqueezeNet: few channels between layers of many, and no large matrix in the head (Iandola et al. 2016).
public final class SqueezeNet: ImageClassifier {
  /// 1.1 pools earlier: the same accuracy for less than half of the operations.
  public enum Version: Sendable { case v1_0, v1_1 }

  public let stages: [[any Layer]]
  public let head: any Layer
  public let featureCount = 512
  public var isTraining = true
  private let stem: ConvolutionNorm
  private let dropout: Dropout

  public init(_ version: Version, _ options: ClassifierOptions = ClassifierOptions(), on device: Device) {
    var random = Philox(seed: options.seed)
    let (channels, kernel) = version == .v1_0 ? (96, 7) : (64, 3)
    stem = ConvolutionNorm(
      .squeezeNet(
        options.inputChannels, channels, kernel: kernel, stride: 2, padding: .none, on: device, random: &random),
      nil, activation: .relu)
    // The eight modules, by the pooling before them: what is squeezed to, and half of what that is expanded to.
    let modules =
      version == .v1_0
      ? [[(16, 64), (16, 64), (32, 128)], [(32, 128), (48, 192), (48, 192), (64, 256)], [(64, 256)]]
      : [[(16, 64), (16, 64)], [(32, 128), (32, 128)], [(48, 192), (48, 192), (64, 256), (64, 256)]]
    var inputs = channels
    var stages: [[any Layer]] = [[stem]]
    for widths in modules {
      var layers: [any Layer] = [MaxPooling(kernel: 3, stride: 2, roundsUp: true)]
      for (squeezed, expanded) in widths {
        layers.append(Fire(inputs, squeezed: squeezed, expanded: expanded, on: device, random: &random))
        inputs = 2 * expanded
      }
      stages.append(layers)
    }
    self.stages = stages
    dropout = Dropout(options.dropout ?? 0.5, seed: options.seed)
    head = MeanOfClasses(inputs, options.classes, on: device, random: &random)
  }

  /// In torchvision's sequence the stem's activation counts as 1.
  public var parts: [(name: String, part: Part)] {
    [("features.0", .module(stem.convolution))]
      + stages.dropFirst().joined().enumerated().map { ("features.\($0 + 2)", .module($1)) }
      + [("classifier.0", .module(dropout)), ("classifier.1", .module(head))]
  }

  /// The last map (N,H/16,W/16,512): the head answers at each place.
  public func features(ofMap map: Tensor) -> Tensor { map }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }
}

/// Squeezes channels with 1x1 convolutions, and expands them with 1x1 and 3x3 ones side by side.
private final class Fire: Layer {
  let squeeze: Convolution2D
  let expand1x1: Convolution2D
  let expand3x3: Convolution2D
  var isTraining = true

  init(_ inputs: Int, squeezed: Int, expanded: Int, on device: Device, random: inout Philox) {
    squeeze = .squeezeNet(inputs, squeezed, kernel: 1, on: device, random: &random)
    expand1x1 = .squeezeNet(squeezed, expanded, kernel: 1, on: device, random: &random)
    expand3x3 = .squeezeNet(squeezed, expanded, kernel: 3, on: device, random: &random)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let squeezed = squeeze(x, activation: .relu)
    return squeezed.convolvedSideBySide([expand1x1, expand3x3].map { $0.branch(of: squeezed) }, activation: .relu)
  }
}

/// The mean, over all places, of what speaks for each class there.
private final class MeanOfClasses: Layer {
  private let convolution: Convolution2D
  var isTraining = true

  init(_ inputs: Int, _ classes: Int, on device: Device, random: inout Philox) {
    convolution = Convolution2D(
      inputs, classes, kernel: 1, hasBias: true, deviation: 0.01, on: device, random: &random)
  }

  var parts: [(name: String, part: Part)] { convolution.parts }

  func callAsFunction(_ x: Tensor) -> Tensor { convolution(x, activation: .relu).globalAveragePooled() }
}

extension Convolution2D {
  /// With a bias, and weights of the variance 2 / inputs of a sum (He et al. 2015, `fan_in`): without batch norm it
  /// matters that numbers stay as large from layer to layer.
  fileprivate static func squeezeNet(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: PaddingStyle = .symmetric, on device: Device,
    random: inout Philox
  ) -> Convolution2D {
    Convolution2D(
      inputs, outputs, kernel: kernel, stride: stride, padding: padding, hasBias: true,
      deviation: (2 / Float(kernel * kernel * inputs)).squareRoot(), on: device, random: &random)
  }
}

// MARK: The published ones

extension SqueezeNet {
  /// timm has none.
  static let backbones = [
    Backbone("squeezenet1_0", timm: nil) { SqueezeNet(.v1_0, $0, on: $1) },
    Backbone("squeezenet1_1", timm: nil) { SqueezeNet(.v1_1, $0, on: $1) },
  ]
}
