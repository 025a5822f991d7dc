internal import Kernels

/// Trains a head on cached features: an epoch takes milliseconds.
struct HeadTraining {
  let model: any ImageClassifier
  let cache: FeatureCache
  let options: FineTuningOptions
  /// Gives the order in which an epoch shows the pictures, and their labels.
  let loader: BatchLoader
  let classWeights: Tensor?
  let device: Device

  /// One pass over a view of the training pictures.
  ///
  /// - Returns: the mean loss.
  func epoch(_ epoch: Int, step: (Gradients, _ batch: Int) -> Void) throws -> Double {
    let order = loader.order(ofEpoch: epoch)
    var meter = LossMeter()
    for batch in 0..<loader.batchCount {
      let indices = Array(order[batch * options.batchSize..<min((batch + 1) * options.batchSize, order.count)])
      let features = try cache.training(view: epoch % cache.views, indices, on: device)
      let labels = IntTensor(indices.map { loader.source.label(at: $0) }, on: device)
      let loss = model.head(features).crossEntropy(
        labels, labelSmoothing: options.labelSmoothing, classWeights: classWeights)
      step(loss.gradients(), batch)
      meter.add(loss.detached, count: indices.count)
    }
    try meter.read()
    return meter.mean
  }

  func evaluation(of source: any ImageSource) throws -> Evaluation {
    var predictions: [Prediction] = []
    for start in stride(from: 0, to: cache.validationCount, by: 256) {
      let range = start..<min(start + 256, cache.validationCount)
      let features = try cache.validation(range, on: device)
      let rows = probabilities(
        ofLogits: try withoutGradients { try model.head(features).scalars() }, rows: range.count)
      for (index, row) in zip(range, rows) {
        predictions.append(Prediction(index: index, label: Int(source.label(at: index)), probabilities: row))
      }
    }
    return Evaluation(predictions: predictions)
  }
}

/// The mean of losses that are read a few at a time: each read waits for the device.
struct LossMeter {
  private var unread: [(loss: Tensor, count: Int)] = []
  private var sum = 0.0
  private(set) var count = 0
  /// The latest that was read.
  private(set) var latest = Double.nan

  var mean: Double { sum / Double(max(count, 1)) }
  var unreadCount: Int { unread.count }

  mutating func add(_ loss: Tensor, count: Int) { unread.append((loss, count)) }

  mutating func read() throws(DeviceError) {
    for (loss, count) in unread {
      latest = Double(try loss.scalar())
      sum += latest * Double(count)
      self.count += count
    }
    unread = []
  }
}
