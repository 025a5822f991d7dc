import Kernels

@testable import DeviceNN

/// Runs on a few small drawings, which take a second each.
struct SmallRuns {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func photos() throws -> ImageDataset {
    try drawFlowers(to: folder.path(of: "flowers"), classes: 3, trainPerClass: 8, valPerClass: 3, size: 32)
    return try ImageDataset(path: folder.path(of: "flowers"))
  }

  /// A run of the built-in backbone.
  func tuner(
    _ name: String, _ data: ImageDataset, isResumed: Bool = false, change: (inout FineTuningOptions) -> Void = { _ in }
  ) throws -> FineTuner {
    let device = try Device(named: "cpu")
    let backbone = try Backbone(named: "mobilenet_v2_035")
    var options = FineTuningOptions()
    (options.epochs, options.batchSize, options.imageSize) = (2, 8, 32)
    change(&options)
    let configuration = ModelConfiguration(
      architecture: backbone, classes: data.classes, training: options, data: data.path, weights: PretrainedWeights.name)
    let model = backbone.makeModel(configuration.options, on: device)
    try model.load(PretrainedWeights.file(for: backbone), by: backbone.publisher, replacesHead: true)
    return try FineTuner(
      model, configuration, data: data, run: RunFolder(folder.path(of: name)), on: device, isResumed: isResumed)
  }
}
