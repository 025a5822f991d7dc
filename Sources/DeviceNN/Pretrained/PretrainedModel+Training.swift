public import Kernels

// From published weights to a network that is about to learn other classes.
extension PretrainedModel {
  /// What is known of it before it is trained.
  public func configuration(classes: [String], training: FineTuningOptions, data: String) -> ModelConfiguration {
    ModelConfiguration(
      architecture: backbone, classes: classes, normalization: normalization, training: training, data: data, weights: name)
  }

  /// The network with these weights, and a new head where the classes are others; and what a user should know of that.
  public func makeModel(
    _ configuration: ModelConfiguration, on device: Device
  ) throws(CheckpointError) -> (model: any ImageClassifier, notes: [LoadingNote]) {
    let model = backbone.makeModel(configuration.options, on: device)
    return (model, try model.load(checkpoint, by: backbone.publisher, replacesHead: true))
  }
}
