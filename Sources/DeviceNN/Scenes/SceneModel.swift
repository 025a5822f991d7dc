internal import Foundation
public import Kernels

/// A network that answers several questions about a scene at once: one backbone, its maps merged to a quarter of the picture's
/// size, and a head each for objects, their poses, regions, and questions about the whole picture.
public final class SceneModel: Module {
  /// Pixels of a map's cell.
  public static let stride = 4

  public let tasks: SceneTasks
  public let backbone: any ImageClassifier
  public var isTraining = true
  private let merge: TopDownMerge?
  private let objects, poses, regions: MapHead?
  private let questions: [Linear]

  /// Random weights, which the seed alone decides.
  ///
  /// - Parameter width: the merged map's channels.
  public init(_ backbone: Backbone, _ tasks: SceneTasks, width: Int = 48, seed: UInt64 = 0, on device: Device) {
    self.tasks = tasks
    let options = ClassifierOptions(classes: 1, seed: seed)
    self.backbone = backbone.makeModel(options, on: device)
    var random = Philox(seed: seed, stream: 3)
    func head(_ outputs: Int) -> MapHead? {
      outputs == 0 ? nil : MapHead(width, outputs: outputs, on: device, random: &random)
    }
    objects = head(tasks.classes.isEmpty ? 0 : tasks.classes.count + 4)
    poses = head(tasks.poses.count)
    regions = head(tasks.regions.count)
    let channels = backbone.mapChannels(from: Self.stride)
    precondition(!channels.isEmpty, "\(backbone.name) has no map at a stride of \(Self.stride) pixels")
    merge = objects == nil && poses == nil && regions == nil
      ? nil : TopDownMerge(channels, width: width, on: device, random: &random)
    questions = tasks.questions.map { [features = self.backbone.featureCount] in
      Linear(features, $0.answers.count, on: device, random: &random)
    }
    // At first every place is a centre with a probability of a tenth: else the many places that are none decide all.
    objects?.output.bias?.assign([Float](repeating: -2.19, count: tasks.classes.count) + [1, 1, 0.5, 0.5])
  }

  public var parts: [(name: String, part: Part)] {
    let heads: [(String, (any Module)?)] = [("merge", merge), ("objects", objects), ("poses", poses), ("regions", regions)]
    return [("backbone", .module(Sequential(backbone.stages.flatMap { $0 })))]
      + heads.compactMap { name, module in module.map { (name, .module($0)) } }
      + zip(tasks.questions, questions).map { ("questions.\($0.name)", .module($1)) }
  }

  /// What the heads say of images(N,H,W,C).
  struct Outputs {
    /// (N,H/4,W/4,classes + 4), as `CentreHeatmap` has them.
    var objects: Tensor?
    /// (N,H/4,W/4,poses)
    var poses: Tensor?
    /// (N,H/4,W/4,regions)
    var regions: Tensor?
    /// (N,answers) for each question.
    var answers: [Tensor]
    /// What all of them were made of.
    var shared: [Tensor]
  }

  func callAsFunction(_ x: Tensor) -> Outputs {
    let maps = backbone.featureMaps(of: x)
    let merged = merge.map { merge in merge(Array(maps.filter { $0.shape[1] * Self.stride <= x.shape[1] })) }
    let features = questions.isEmpty ? nil : backbone.features(ofMap: maps.last!)
    return Outputs(
      objects: merged.flatMap { objects?($0) }, poses: merged.flatMap { poses?($0) },
      regions: merged.flatMap { regions?($0) }, answers: questions.map { $0(features!) },
      shared: [merged, features].compactMap { $0 })
  }
}

extension SceneModel {
  /// Puts pretrained weights into the backbone; all else stays as it is.
  public func load(_ pretrained: PretrainedModel) throws(CheckpointError) {
    try backbone.load(pretrained.checkpoint, by: pretrained.backbone.publisher, replacesHead: true)
  }
}

extension Backbone {
  /// The channels of the maps at this stride and coarser ones, the finest first; none where the network takes pictures of one
  /// size only, or has no map at this stride.
  func mapChannels(from stride: Int) -> [Int] {
    let device = Device.meta()
    let model = makeModel(on: device)
    let side = 256
    guard model.imageSize == nil else { return [] }
    let maps = model.featureMaps(of: Tensor(repeating: 0, shape: [1, side, side, 3], on: device))
    guard maps.contains(where: { $0.shape[1] * stride == side }) else { return [] }
    return maps.filter { $0.shape[1] * stride <= side }.map { $0.shape[3] }
  }
}
