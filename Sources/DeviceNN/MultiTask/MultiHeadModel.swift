public import Kernels

/// A network that answers several questions about a picture: a backbone, what tasks share of it, and a head each.
public final class MultiHeadModel: Module {
  public let tasks: [LearningTask]
  public let sharing: Sharing
  public var isTraining = true
  private let pattern: any SharingPattern
  private let heads: [TaskHead]

  /// Random weights, which the seed alone decides.
  public convenience init(
    _ backbone: Backbone, tasks: [LearningTask], sharing: Sharing = .hard, imageSize: Int = 224, seed: UInt64 = 0,
    on device: Device
  ) {
    self.init(tasks: tasks, sharing: sharing, imageSize: imageSize, seed: seed, on: device) { device in
      backbone.makeModel(ClassifierOptions(classes: 1, imageSize: imageSize, seed: seed), on: device)
    }
  }

  /// - Parameter makeBackbone: a network of any kind, with the same first weights whenever it is called; its own head is
  ///   not used.
  public init(
    tasks: [LearningTask], sharing: Sharing = .hard, imageSize: Int, seed: UInt64 = 0, on device: Device,
    makeBackbone: (Device) -> any ImageClassifier
  ) {
    precondition(!tasks.isEmpty && Set(tasks.map(\.name)).count == tasks.count, "tasks need names of their own: \(tasks.map(\.name))")
    (self.tasks, self.sharing) = (tasks, sharing)
    var random = Philox(seed: seed, stream: 2)
    pattern = sharing.pattern(tasks: tasks.count, imageSize: imageSize, on: device, random: &random, make: makeBackbone)
    heads = tasks.map { [features = pattern.featureCount] in
      TaskHead($0.kind, features: features, on: device, random: &random)
    }
  }

  public var parts: [(name: String, part: Part)] {
    [("shared", .module(pattern))] + zip(tasks, heads).map { ("heads.\($0.name)", .module($1)) }
  }

  /// The backbones, for pretrained weights and rates by depth; several where tasks have stages of their own.
  public var networks: [any ImageClassifier] { pattern.networks }

  /// Whether tasks' gradients can be compared and combined at what `shared(of:)` returns.
  public var hasCommonFeatures: Bool { pattern.hasCommonFeatures }

  /// What is computed once for all tasks, of images x(N,H,W,C).
  public func shared(of x: Tensor) -> [Tensor] { pattern.shared(of: x) }

  /// outputs(N,outputWidth) of a task; `LearningTask` says what they mean.
  public func outputs(of shared: [Tensor], task: Int) -> Tensor { heads[task](pattern.features(of: shared, task: task)) }

  /// The outputs of all tasks.
  public func callAsFunction(_ x: Tensor) -> [Tensor] {
    let shared = shared(of: x)
    return tasks.indices.map { outputs(of: shared, task: $0) }
  }

  /// The answers to each picture: by picture, then by task.
  ///
  /// - Parameter mirrored: answers are means over each picture and its mirror image.
  public func answers(to batch: ImageBatch, mirrored: Bool = false, on device: Device) throws(DeviceError) -> [[TaskAnswer]] {
    let images = batch.images(on: device)
    let straight = try answers(to: images)
    guard mirrored else { return straight }
    return zip(straight, try answers(to: images.flipped(axes: [2]))).map { zip($0, $1).map { $0.mean(with: $1) } }
  }

  private func answers(to images: Tensor) throws(DeviceError) -> [[TaskAnswer]] {
    let outputs = withoutGradients { self(images) }
    var rows = Array(repeating: [TaskAnswer](), count: images.shape[0])
    for (task, output) in zip(tasks, outputs) {
      let (scalars, width) = (try output.scalars(), task.kind.outputWidth)
      for i in rows.indices { rows[i].append(task.answer(scalars[i * width..<(i + 1) * width])) }
    }
    return rows
  }
}

extension MultiHeadModel {
  /// Puts pretrained weights into the backbones; all else stays as it is.
  @discardableResult
  public func load(_ pretrained: PretrainedModel) throws(CheckpointError) -> [LoadingNote] {
    var notes: [LoadingNote] = []
    for network in networks {
      notes = try network.load(pretrained.checkpoint, by: pretrained.backbone.publisher, replacesHead: true)
    }
    return notes.filter { if case .newHead = $0 { false } else { true } }
  }
}
