internal import Foundation

/// Weights to start from: a checkpoint, the network that it is of, and how that wants its pictures.
public struct PretrainedModel: Sendable {
  public let backbone: Backbone
  public let checkpoint: any Checkpoint
  public let normalization: Normalization
  /// What reports call the weights.
  public let name: String

  /// Finds weights as commands name them.
  ///
  /// - Parameters:
  ///   - weights: a file, a folder of Hugging Face's layout or of a run, or a name in the cache of downloads; nil takes what
  ///     the cache has for the backbone, or the built-in ones.
  ///   - backbone: nil takes what the folder says, or what the weights are called after.
  public init(weights: String?, backbone: String?, cache: WeightsCache = WeightsCache()) throws {
    guard let weights else {
      let wanted = try Backbone(named: backbone ?? PretrainedWeights.backboneName)
      if backbone != nil, let path = try? cache.path(of: wanted.name) {
        try self.init(path: path, backbone: wanted, name: wanted.name)
      } else {
        let file = try PretrainedWeights.file(for: wanted)
        self.init(wanted.matching(file), file, wanted.normalization, PretrainedWeights.name)
      }
      return
    }
    let named = try backbone.map { name throws(ModelError) in try Backbone(named: name) }
    if weights.contains("/") || FileManager.default.fileExists(atPath: weights) {
      try self.init(path: weights, backbone: named, name: weights)
    } else if let path = try? cache.path(of: weights) {
      try self.init(path: path, backbone: named ?? (try? Backbone(named: weights)), name: weights)
    } else {
      throw ModelError.noWeights(name: weights, cache: cache.folder)
    }
  }

  private init(path: String, backbone: Backbone?, name: String) throws {
    let checkpoint = try openCheckpoint(path)
    let configured: Backbone?
    var normalization: Normalization?
    if let run = try? RunFolder(path).configuration() {
      configured = run.architecture
      normalization = run.transform.normalization
    } else if FileManager.default.fileExists(atPath: path + "/config.json") {
      let configuration = try TimmConfiguration(folder: path)
      configured = try backbone == nil ? Backbone(named: configuration.architecture) : nil
      normalization = configuration.preprocessing.normalization
    } else {
      configured = nil
    }
    let network = try backbone ?? configured ?? Backbone(ofFile: path) ?? Backbone(named: PretrainedWeights.backboneName)
    let matching = network.matching(checkpoint)
    self.init(matching, checkpoint, normalization ?? matching.normalization, name)
  }

  private init(_ backbone: Backbone, _ checkpoint: any Checkpoint, _ normalization: Normalization, _ name: String) {
    (self.backbone, self.checkpoint, self.normalization, self.name) = (backbone, checkpoint, normalization, name)
  }
}

extension Backbone {
  /// The network that a file or folder is called after, as publishers do: mobilenet_v2_100_224.safetensors,
  /// resnet18-f37072fd.pth. Nil where its name begins with none.
  fileprivate init?(ofFile path: String) {
    var name = Substring(URL(fileURLWithPath: path).lastPathComponent)
    while true {
      if let found = try? Backbone(named: String(name)) {
        self = found
        return
      }
      guard let end = name.lastIndex(where: "._-".contains) else { return nil }
      name = name[..<end]
    }
  }
}

extension TimmConfiguration.Preprocessing {
  /// nil where it is not for three channels.
  var normalization: Normalization? {
    func three(_ values: [Double]) -> SIMD3<Float>? {
      switch values.count {
      case 1: SIMD3(repeating: Float(values[0]))
      case 3: SIMD3(Float(values[0]), Float(values[1]), Float(values[2]))
      default: nil
      }
    }
    guard channels == 3, let mean = three(mean), let deviation = three(deviation) else { return nil }
    return Normalization(mean: mean, deviation: deviation)
  }
}
