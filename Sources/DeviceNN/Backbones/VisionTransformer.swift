public import Kernels

/// A vision transformer: patches of 16 x 16 pixels and a class token attend to each other (Dosovitskiy et al. 2021).
///
/// Parameters are called as in timm. An image has the size that the network was made for, since each patch has a
/// position of its own; weights for other sizes are resampled when they are loaded. What is left of an image at the
/// right and the bottom, too narrow for a patch, is not seen.
public final class VisionTransformer: ImageClassifier {
  /// Weights are normal with this deviation at first, biases zero.
  fileprivate static let deviation: Float = 0.02
  fileprivate static let epsilon: Float = 1e-6
  private static let depth = 12

  private let embedding: PatchEmbedding
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm
  public let head: any Layer
  public let featureCount: Int
  public let imageSize: Int?
  public var isTraining = true
  private let dropout: Dropout

  /// - Parameter heads: each of 64 channels.
  public init(heads: Int, _ options: ClassifierOptions = ClassifierOptions(), on device: Device) {
    var random = Philox(seed: options.seed)
    let channels = 64 * heads
    embedding = PatchEmbedding(
      options.inputChannels, channels, imageSize: options.imageSize, on: device, random: &random)
    blocks = (0..<Self.depth).map { _ in TransformerBlock(channels, heads: heads, on: device, random: &random) }
    norm = LayerNorm(channels, epsilon: Self.epsilon, on: device)
    featureCount = channels
    imageSize = options.imageSize
    dropout = Dropout(options.dropout ?? 0, seed: options.seed)
    head = Linear(channels, options.classes, deviation: Self.deviation, on: device, random: &random)
  }

  public var stages: [[any Layer]] { [[embedding], blocks, [norm]] }

  public var parts: [(name: String, part: Part)] {
    embedding.parts + blocks.enumerated().map { ("blocks.\($0)", .module($1)) }
      + [("norm", .module(norm)), ("head_drop", .module(dropout)), ("head", .module(head))]
  }

  /// The class token behind the last norm.
  public func features(ofMap tokens: Tensor) -> Tensor {
    tokens.sliced(axis: 1, range: 0..<1).reshaped([tokens.shape[0], featureCount])
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(features(of: x))) }

  /// One map: the patches behind the last norm, at the stride 16.
  public func featureMaps(of x: Tensor) -> [Tensor] {
    let size = embedding.size
    let patches = trunk(x).sliced(axis: 1, range: 1..<1 + size * size)
    return [patches.reshaped([x.shape[0], size, size, featureCount])]
  }

  public func adaptation(from shape: [Int], to parameter: Parameter) -> (([Float]) -> [Float])? {
    embedding.adaptation(from: shape, to: parameter)
  }
}

/// Tokens (N,1+P·P,C) of square images whose sides hold P patches: the class token, then each patch by rows.
private final class PatchEmbedding: Layer {
  private static let patch = 16

  var isTraining = true
  let size: Int
  private let classToken: Parameter
  private let positions: Parameter
  private let projection: Convolution2D

  init(_ inputs: Int, _ channels: Int, imageSize: Int, on device: Device, random: inout Philox) {
    precondition(imageSize >= Self.patch, "images of \(imageSize) pixels hold no patch of \(Self.patch)")
    size = imageSize / Self.patch
    classToken = Parameter(.normal(deviation: 1e-6, shape: [1, 1, channels], seed: random.next(), on: device))
    positions = Parameter(
      .normal(
        deviation: VisionTransformer.deviation, shape: [1, 1 + size * size, channels], seed: random.next(), on: device))
    projection = Convolution2D(
      inputs, channels, kernel: Self.patch, stride: Self.patch, padding: .none, hasBias: true,
      deviation: VisionTransformer.deviation, on: device, random: &random)
  }

  var parts: [(name: String, part: Part)] {
    [
      ("cls_token", .parameter(classToken)), ("pos_embed", .parameter(positions)),
      ("patch_embed.proj", .module(projection)),
    ]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    precondition(
      x.shape.count == 4 && x.shape[1] / Self.patch == size && x.shape[2] / Self.patch == size,
      "the network was made for images of \(size)x\(size) patches of \(Self.patch) pixels, but x is \(x.shape)")
    let (batch, channels) = (x.shape[0], classToken.value.shape[2])
    let patches = projection(x).reshaped([batch, size * size, channels])
    let token = classToken.value.expanded(to: [batch, 1, channels])
    return .concatenated([token, patches], axis: 1) + positions.value
  }

  /// The class token's position stays, those of the patches are resampled: timm's `resample_abs_pos_embed`.
  func adaptation(from shape: [Int], to parameter: Parameter) -> (([Float]) -> [Float])? {
    let wanted = positions.value.shape
    guard parameter === positions, shape.count == 3, shape[0] == 1, shape[1] > 1, shape[2] == wanted[2]
    else { return nil }
    let (channels, old, new) = (shape[2], Int(Double(shape[1] - 1).squareRoot().rounded()), size)
    guard old * old == shape[1] - 1 else { return nil }
    return { numbers in
      Array(numbers.prefix(channels))
        + bicubicallyResampled(Array(numbers.dropFirst(channels)), channels: channels, from: old, to: new)
    }
  }
}

/// Attention, then two layers of each token; both take normalised tokens, and what they make is added.
private final class TransformerBlock: Layer {
  var isTraining = true
  private let norm1: LayerNorm
  private let attention: SelfAttention
  private let norm2: LayerNorm
  private let expand: Linear
  private let project: Linear

  init(_ channels: Int, heads: Int, on device: Device, random: inout Philox) {
    let deviation = VisionTransformer.deviation
    norm1 = LayerNorm(channels, epsilon: VisionTransformer.epsilon, on: device)
    attention = SelfAttention(channels, heads: heads, on: device, random: &random)
    norm2 = LayerNorm(channels, epsilon: VisionTransformer.epsilon, on: device)
    expand = Linear(channels, 4 * channels, deviation: deviation, on: device, random: &random)
    project = Linear(4 * channels, channels, deviation: deviation, on: device, random: &random)
  }

  var parts: [(name: String, part: Part)] {
    [
      ("norm1", .module(norm1)), ("attn", .module(attention)), ("norm2", .module(norm2)),
      ("mlp.fc1", .module(expand)), ("mlp.fc2", .module(project)),
    ]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let y = x + attention(norm1(x))
    return y + project(expand(norm2(y)).gelu())
  }
}

/// Tokens (N,T,C) attend to all tokens of their image, in several heads (Vaswani et al. 2017).
private final class SelfAttention: Layer {
  var isTraining = true
  /// Makes queries, keys and values, one behind the other.
  private let qkv: Linear
  private let proj: Linear
  private let heads: Int

  init(_ channels: Int, heads: Int, on device: Device, random: inout Philox) {
    let deviation = VisionTransformer.deviation
    qkv = Linear(channels, 3 * channels, deviation: deviation, on: device, random: &random)
    proj = Linear(channels, channels, deviation: deviation, on: device, random: &random)
    self.heads = heads
  }

  func callAsFunction(_ x: Tensor) -> Tensor { proj(qkv(x).selfAttention(heads: heads)) }
}

// MARK: The published ones

extension VisionTransformer {
  static let backbones = [("tiny", 3), ("small", 6), ("base", 12)].map { name, heads in
    let name = "vit_\(name)_patch16_224"
    return Backbone(
      name, timm: name, publisher: .timm, markers: [.timm: "cls_token"], normalization: .symmetric
    ) { VisionTransformer(heads: heads, $0, on: $1) }
  }
}
