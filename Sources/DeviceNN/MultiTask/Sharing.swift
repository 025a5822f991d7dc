internal import Kernels

/// What tasks have in common.
public enum Sharing: String, Codable, Sendable, CaseIterable {
  /// One backbone, a head each (Caruana 1997).
  case hard
  /// One backbone but for its last stage, which each task has of its own.
  case lastStage = "last-stage"
  /// A backbone each; behind every stage each task takes a learnt mixture of all of them (Misra et al. 2016).
  case crossStitch = "cross-stitch"
  /// One backbone; each task attends to parts of what every stage makes (Liu et al. 2019, MTAN).
  case attention
  /// One backbone and several experts behind it, which each task's gate mixes (Ma et al. 2018, MMoE).
  case experts
}

/// How features for tasks are made of images.
protocol SharingPattern: Module {
  /// The backbones that pretrained weights belong into.
  var networks: [any ImageClassifier] { get }
  /// The channels of what heads take.
  var featureCount: Int { get }
  /// Whether `shared` is common to all tasks, so that their gradients compare there.
  var hasCommonFeatures: Bool { get }
  /// What is computed once for all tasks, of images x(N,H,W,C).
  func shared(of x: Tensor) -> [Tensor]
  /// The features(N,featureCount) of a task.
  func features(of shared: [Tensor], task: Int) -> Tensor
}

extension SharingPattern {
  var hasCommonFeatures: Bool { true }
}

extension Sharing {
  /// - Parameter make: a backbone with the same first weights whenever it is called.
  func pattern(
    tasks: Int, imageSize: Int, on device: Device, random: inout Philox, make: (Device) -> any ImageClassifier
  ) -> any SharingPattern {
    let network = make(device)
    let others = 1..<max(tasks, 1)
    switch self {
    case .hard: return HardSharing(network)
    case .lastStage: return LastStageSharing([network] + others.map { _ in make(device) })
    case .crossStitch: return CrossStitch([network] + others.map { _ in make(device) }, on: device)
    case .attention:
      let shapes = make(.meta()).stageShapes(imageSize: imageSize)
      return TaskAttention(network, shapes, tasks: tasks, on: device, random: &random)
    case .experts: return ExpertSharing(network, tasks: tasks, on: device, random: &random)
    }
  }
}

extension ImageClassifier {
  /// The features(N,featureCount) of the last map, for heads that want no places.
  func vector(ofMap map: Tensor) -> Tensor {
    let features = features(ofMap: map)
    return features.shape.count == 4 ? features.globalAveragePooled() : features
  }

  /// What each stage makes of a picture; for networks on the meta device.
  func stageShapes(imageSize: Int) -> [[Int]] {
    evaluate()
    let device = parameters()[0].value.device
    var x = Tensor(repeating: 0, shape: [1, imageSize, imageSize, 3], on: device)
    return withoutGradients {
      stages.map { stage in
        x = stage.reduce(x) { $1($0) }
        return x.shape
      }
    }
  }
}

/// A network without some of its parameters, such as those of a head that nobody asks.
final class PartialNetwork: Module {
  let network: any ImageClassifier
  private let excluded: Set<ObjectIdentifier>
  var isTraining = true

  init(_ network: any ImageClassifier, without parameters: [Parameter] = []) {
    self.network = network
    excluded = Set((network.head.parameters() + parameters).map(ObjectIdentifier.init))
  }

  var parts: [(name: String, part: Part)] {
    network.parts.filter { _, part in
      switch part {
      case .parameter(let parameter): !excluded.contains(ObjectIdentifier(parameter))
      case .module(let module): !module.parameters().allSatisfy { excluded.contains(ObjectIdentifier($0)) }
      }
    }
  }
}

/// One backbone for all.
final class HardSharing: SharingPattern {
  private let backbone: PartialNetwork
  var isTraining = true

  init(_ network: any ImageClassifier) { backbone = PartialNetwork(network) }

  var networks: [any ImageClassifier] { [backbone.network] }
  var featureCount: Int { backbone.network.featureCount }
  func shared(of x: Tensor) -> [Tensor] { [backbone.network.vector(ofMap: backbone.network.trunk(x))] }
  func features(of shared: [Tensor], task: Int) -> Tensor { shared[0] }
}

/// The first network's stages but the last are common; of the others only the last is used.
final class LastStageSharing: SharingPattern {
  private let backbone: PartialNetwork
  private let others: [PartialNetwork]
  var isTraining = true

  init(_ networks: [any ImageClassifier]) {
    backbone = PartialNetwork(networks[0])
    others = networks.dropFirst().map { network in
      PartialNetwork(network, without: network.stages.dropLast().joined().flatMap { $0.parameters() })
    }
  }

  var networks: [any ImageClassifier] { [backbone.network] + others.map(\.network) }
  var featureCount: Int { backbone.network.featureCount }

  func shared(of x: Tensor) -> [Tensor] { [backbone.network.stages.dropLast().joined().reduce(x) { $1($0) }] }

  func features(of shared: [Tensor], task: Int) -> Tensor {
    let network = networks[task]
    return network.vector(ofMap: network.stages.last!.reduce(shared[0]) { $1($0) })
  }
}

/// A network for each task, whose stages' outputs are mixed.
final class CrossStitch: SharingPattern {
  private let columns: [PartialNetwork]
  /// For each stage, (tasks · tasks): what each task takes of each. One dimension, so that it does not decay.
  private let stitches: [Parameter]
  var isTraining = true

  init(_ networks: [any ImageClassifier], on device: Device) {
    columns = networks.map { PartialNetwork($0) }
    let count = networks.count
    let first = (0..<count * count).map { i -> Float in
      count == 1 ? 1 : i / count == i % count ? 0.9 : 0.1 / Float(count - 1)
    }
    stitches = networks[0].stages.map { _ in Parameter(Tensor(first, shape: [first.count], on: device)) }
  }

  var parts: [(name: String, part: Part)] {
    columns.enumerated().map { ("columns.\($0)", .module($1)) }
      + stitches.enumerated().map { ("stitches.\($0)", .parameter($1)) }
  }

  var networks: [any ImageClassifier] { columns.map(\.network) }
  var featureCount: Int { networks[0].featureCount }
  var hasCommonFeatures: Bool { false }

  func shared(of x: Tensor) -> [Tensor] {
    var maps = networks.map { _ in x }
    for (stage, stitch) in stitches.enumerated() {
      let made = zip(networks, maps).map { network, map in network.stages[stage].reduce(map) { $1($0) } }
      maps = made.indices.map { task in
        made.indices.map { other in
          made[other] * stitch.value.sliced(axis: 0, range: task * made.count + other..<task * made.count + other + 1)
        }.reduce(nil) { (sum: Tensor?, part) in sum.map { $0 + part } ?? part }!
      }
    }
    return zip(networks, maps).map { $0.vector(ofMap: $1) }
  }

  func features(of shared: [Tensor], task: Int) -> Tensor { shared[task] }
}

/// Experts are layers on the backbone's features, and gates softmaxes.
final class ExpertSharing: SharingPattern {
  static let expertCount = 4
  private let backbone: PartialNetwork
  private let experts: [Linear]
  private let gates: [Linear]
  let featureCount: Int
  var isTraining = true

  init(_ network: any ImageClassifier, tasks: Int, on device: Device, random: inout Philox) {
    backbone = PartialNetwork(network)
    let features = network.featureCount
    featureCount = max(features / 2, 1)
    experts = (0..<Self.expertCount).map { [width = featureCount] _ in
      Linear(features, width, deviation: (2 / Float(features)).squareRoot(), on: device, random: &random)
    }
    gates = (0..<tasks).map { _ in Linear(features, Self.expertCount, on: device, random: &random) }
  }

  var networks: [any ImageClassifier] { [backbone.network] }

  /// The backbone's features, then the experts'.
  func shared(of x: Tensor) -> [Tensor] {
    let features = backbone.network.vector(ofMap: backbone.network.trunk(x))
    return [features] + experts.map { $0(features).relu() }
  }

  func features(of shared: [Tensor], task: Int) -> Tensor {
    let shares = gates[task](shared[0]).softmax()
    let mixed = (0..<experts.count).map { shared[1 + $0] * shares.sliced(axis: 1, range: $0..<$0 + 1) }
    return mixed.dropFirst().reduce(mixed[0], +)
  }
}
