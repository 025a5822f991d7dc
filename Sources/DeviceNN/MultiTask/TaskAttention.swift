internal import Kernels

/// Masks over what each stage of one backbone makes, for each task; what they let through goes on to the next stage's mask
/// (Liu et al. 2019), averaged down to its size where that is smaller.
final class TaskAttention: SharingPattern {
  private let backbone: PartialNetwork
  /// By task and stage.
  private let masks: [[StageMask]]
  var isTraining = true

  /// - Parameter shapes: (1,H,W,C) of what each stage makes.
  init(_ network: any ImageClassifier, _ shapes: [[Int]], tasks: Int, on device: Device, random: inout Philox) {
    precondition(
      shapes.count > 1 && shapes.allSatisfy { $0.count == 4 }, "attention needs maps (N,H,W,C), but stages make \(shapes)")
    backbone = PartialNetwork(network)
    let shapes = Array(shapes.dropFirst())
    masks = (0..<tasks).map { _ in
      shapes.indices.map { stage in
        StageMask(
          shapes[stage], before: stage > 0 ? shapes[stage - 1] : nil, on: device, random: &random)
      }
    }
  }

  var parts: [(name: String, part: Part)] {
    [("backbone", .module(backbone))]
      + masks.enumerated().flatMap { task, masks in
        masks.enumerated().map { ("masks.\(task).\($0)", .module($1)) }
      }
  }

  var networks: [any ImageClassifier] { [backbone.network] }
  var featureCount: Int { backbone.network.featureCount }

  /// The maps of all stages but the stem.
  func shared(of x: Tensor) -> [Tensor] {
    var x = x
    return Array(
      backbone.network.stages.map { stage in
        x = stage.reduce(x) { $1($0) }
        return x
      }.dropFirst())
  }

  func features(of shared: [Tensor], task: Int) -> Tensor {
    var attended: Tensor?
    for (map, mask) in zip(shared, masks[task]) { attended = mask(map, attended) }
    return backbone.network.vector(ofMap: attended!)
  }
}

/// A mask in 0 … 1 for each number of a stage's map, made of the map and of what the mask before let through.
private final class StageMask: Module {
  private let carry: ConvolutionNorm?
  private let squeeze: ConvolutionNorm
  private let expand: Convolution2D
  var isTraining = true

  init(_ shape: [Int], before: [Int]?, on device: Device, random: inout Philox) {
    let channels = shape[3]
    carry = before.map { before in
      ConvolutionNorm(
        before[3], channels, kernel: 3, activation: .relu, on: device, random: &random)
    }
    let hidden = max(channels / 4, 8)
    squeeze = ConvolutionNorm(
      before == nil ? channels : 2 * channels, hidden, kernel: 1, activation: .relu, on: device, random: &random)
    expand = Convolution2D(hidden, channels, kernel: 1, hasBias: true, on: device, random: &random)
  }

  var parts: [(name: String, part: Part)] {
    (carry.map { [("carry", .module($0))] } ?? []) + [("squeeze", .module(squeeze)), ("expand", .module(expand))]
  }

  func callAsFunction(_ map: Tensor, _ attended: Tensor?) -> Tensor {
    let carried = attended.flatMap { attended in carry.map { $0(attended.averaged(to: map.shape)) } }
    let input = carried.map { Tensor.concatenated([map, $0], axis: 3) } ?? map
    return map * expand(squeeze(input)).sigmoid()
  }
}

extension Tensor {
  /// With the height and width of `shape`.
  fileprivate func averaged(to shape: [Int]) -> Tensor {
    self.shape[1...2] == shape[1...2] ? self : adaptiveAveragePooled(height: shape[1], width: shape[2])
  }
}

extension Backbone {
  /// Whether each stage makes a map, which `Sharing.attention` needs.
  public func makesMaps(imageSize: Int) -> Bool {
    let shapes = makeModel(ClassifierOptions(imageSize: imageSize), on: .meta()).stageShapes(imageSize: imageSize)
    return shapes.count > 1 && shapes.allSatisfy { $0.count == 4 }
  }
}
