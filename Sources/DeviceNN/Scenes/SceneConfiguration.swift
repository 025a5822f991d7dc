public import Kernels

/// What a trained model of scenes is, apart from its weights: enough to use it, and to train on.
public struct SceneConfiguration: RunConfiguration, Codable, Sendable, Equatable {
  public var architecture: Backbone
  public var scene: SceneTasks
  public var mean: [Float]
  public var deviation: [Float]
  public var training: FineTuningOptions
  /// Where the pictures were.
  public var data: String
  /// Where the first weights came from.
  public var weights: String
  /// The command that started the run, for its report.
  public var command = ""

  /// Throws where the network has no maps at a quarter of a picture's size.
  public init(
    _ pretrained: PretrainedModel, _ scene: SceneTasks, training: FineTuningOptions, data: String
  ) throws(ModelError) {
    guard !pretrained.backbone.mapChannels(from: SceneModel.stride).isEmpty else {
      throw .noFineMaps(backbone: pretrained.backbone.name, stride: SceneModel.stride)
    }
    (architecture, self.scene, self.training) = (pretrained.backbone, scene, training)
    mean = (0..<3).map { pretrained.normalization.mean[$0] }
    deviation = (0..<3).map { pretrained.normalization.deviation[$0] }
    (self.data, weights) = (data, pretrained.name)
  }

  /// How a picture is shown to the model when it is not trained: all of it, since objects may be anywhere.
  public var transform: ImageTransform {
    ImageTransform(
      size: training.imageSize,
      normalization: Normalization(
        mean: SIMD3(mean[0], mean[1], mean[2]), deviation: SIMD3(deviation[0], deviation[1], deviation[2])),
      fitting: .stretch)
  }

  /// The network with random weights.
  public func makeModel(on device: Device) -> SceneModel {
    SceneModel(architecture, scene, seed: training.seed, on: device)
  }

  /// How pictures vary while the model is trained. What has a direction has no mirror image; a picture that is asked about as
  /// a whole is shown nearly whole.
  var augmentation: Augmentation {
    let hasDirections = !scene.poses.isEmpty || !scene.questions.isEmpty
    return Augmentation(
      scale: scene.questions.isEmpty ? 0.4...1 : 0.6...1, flipProbability: hasDirections ? 0 : 0.5, brightness: 0.3,
      contrast: 0.3, saturation: 0.3, hue: 0.02, operations: scene.questions.isEmpty ? 0 : 2, magnitude: 0.4)
  }

  var impossibleField: String? {
    let names = [scene.classes, scene.poses, scene.regions] + scene.questions.map(\.answers)
    let checks: [(String, Bool)] = [
      ("mean", mean.count == 3), ("deviation", deviation.count == 3 && deviation.allSatisfy { $0 > 0 }),
      ("scene", names.contains { !$0.isEmpty } && names.allSatisfy { Set($0).count == $0.count }),
      ("training.imageSize", training.imageSize % 32 == 0),
      ("architecture", !architecture.mapChannels(from: SceneModel.stride).isEmpty),
    ]
    return checks.first { !$0.1 }?.0 ?? training.impossibleField
  }
}

extension FineTuningOptions {
  /// For scenes: an exponential average of the weights is kept, which steadies maps that few pictures teach. Batches are
  /// small, since so few pictures make few steps.
  public static func scenes(epochs: Int, imageSize: Int, seed: UInt64 = 0) -> FineTuningOptions {
    var options = FineTuningOptions()
    (options.epochs, options.imageSize, options.seed) = (epochs, imageSize, seed)
    (options.batchSize, options.clipNorm, options.averaging) = (8, 5, .exponential)
    return options
  }
}

extension RunFolder {
  public func sceneConfiguration() throws(ModelError) -> SceneConfiguration {
    try configuration(of: SceneConfiguration.self)
  }

  /// The trained model of scenes, ready to answer.
  public func sceneModel(on device: Device) throws -> (model: SceneModel, configuration: SceneConfiguration) {
    let configuration = try sceneConfiguration()
    return (try trained { configuration.makeModel(on: device) }, configuration)
  }
}
