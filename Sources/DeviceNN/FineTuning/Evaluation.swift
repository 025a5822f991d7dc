internal import Foundation
public import Kernels

/// What a model says of one picture.
public struct Prediction: Sendable, Equatable {
  /// The picture's number in its source.
  public var index: Int
  /// The right class.
  public var label: Int
  /// One a class; they sum to 1.
  public var probabilities: [Double]

  public var predicted: Int { probabilities.indices.max { (probabilities[$0], $1) < (probabilities[$1], $0) }! }
}

/// What a model says of a set of pictures, in their order.
public struct Evaluation: Sendable, Equatable {
  public var predictions: [Prediction]

  public var accuracy: Double {
    Double(predictions.count { $0.predicted == $0.label }) / Double(max(predictions.count, 1))
  }

  /// The mean cross-entropy, without label smoothing.
  public var loss: Double {
    -predictions.reduce(0) { $0 + log(max($1.probabilities[$1.label], 1e-30)) } / Double(max(predictions.count, 1))
  }

  public func confusion(classes: [String]) -> ConfusionMatrix {
    var matrix = ConfusionMatrix(labels: classes)
    for prediction in predictions { matrix.record(actual: prediction.label, predicted: prediction.predicted) }
    return matrix
  }

  /// The wrong ones, the highest loss first: those that gave the right class the least.
  public var mistakes: [Prediction] {
    predictions.filter { $0.predicted != $0.label }.sorted {
      ($0.probabilities[$0.label], $0.index) < ($1.probabilities[$1.label], $1.index)
    }
  }
}

extension Evaluation {
  /// The mean answers of several evaluations of the same pictures.
  init(meanOf evaluations: [Evaluation]) {
    predictions = evaluations[0].predictions
    for i in predictions.indices {
      predictions[i].probabilities = mean(of: evaluations.map { $0.predictions[i].probabilities })
    }
  }
}

/// The ways in which a picture is looked at; an answer is the mean over all of them.
public struct AnswerViews: Sendable, Equatable {
  /// Its mirror image too.
  public var isMirrored = false
  /// Pixels that pictures are scaled to; none stands for the transform's own size.
  public var sizes: [Int] = []

  public init(isMirrored: Bool = false, sizes: [Int] = []) { (self.isMirrored, self.sizes) = (isMirrored, sizes) }

  /// The transform at each size.
  public func transforms(_ transform: ImageTransform) -> [ImageTransform] {
    sizes.isEmpty ? [transform] : sizes.map { size in
      var sized = transform
      sized.size = size
      return sized
    }
  }
}

extension ImageClassifier {
  /// Asks the model about every picture of a loader, in evaluation mode.
  public func evaluation(
    of loader: BatchLoader, by views: AnswerViews = AnswerViews(), on device: Device
  ) throws -> Evaluation {
    evaluate()
    let evaluations = try views.transforms(loader.transform).map { transform in
      var sized = loader
      sized.transform = transform
      return try evaluation(of: sized, isMirrored: views.isMirrored, on: device)
    }
    return Evaluation(meanOf: evaluations)
  }

  private func evaluation(of loader: BatchLoader, isMirrored: Bool, on device: Device) throws -> Evaluation {
    let batches = loader.epoch(0)
    var predictions: [Prediction] = []
    while let batch = try batches.next() {
      let probabilities = try fitting(batch, on: device) { () throws(DeviceError) in
        try self.probabilities(batch, isMirrored: isMirrored, on: device)
      } retry: { few throws(DeviceError) in
        _ = try self.probabilities(few, isMirrored: isMirrored, on: device)
      }
      for (i, row) in probabilities.enumerated() {
        predictions.append(Prediction(index: batch.indices[i], label: Int(batch.labels[i]), probabilities: row))
      }
    }
    return Evaluation(predictions: predictions)
  }

  /// The probabilities of the classes for a picture, looked at as the run's report did.
  public func probabilities(
    of image: Image, _ configuration: ModelConfiguration, on device: Device
  ) throws(DeviceError) -> [Double] {
    let views = configuration.training.answerViews
    let answers = try views.transforms(configuration.transform).map { transform throws(DeviceError) in
      try probabilities(transform.batch(of: image), isMirrored: views.isMirrored, on: device)[0]
    }
    return scaled(mean(of: answers), temperature: configuration.temperature)
  }

  /// The probabilities of the classes for each picture, computed in float64 from the logits.
  private func probabilities(_ batch: ImageBatch, isMirrored: Bool, on device: Device) throws(DeviceError) -> [[Double]] {
    let images = batch.images(on: device)
    let looks = try (isMirrored ? [images, images.flipped(axes: [2])] : [images]).map { look throws(DeviceError) in
      DeviceNN.probabilities(ofLogits: try withoutGradients { self(look) }.scalars(), rows: batch.count)
    }
    return looks[0].indices.map { picture in mean(of: looks.map { $0[picture] }) }
  }
}

private func mean(of answers: [[Double]]) -> [Double] {
  answers[0].indices.map { i in answers.reduce(0) { $0 + $1[i] } / Double(answers.count) }
}

/// The softmax of each row of logits(rows,classes), in float64.
func probabilities(ofLogits logits: [Float], rows: Int) -> [[Double]] {
  let classes = logits.count / rows
  return (0..<rows).map { i in softmax(logits[i * classes..<(i + 1) * classes].map(Double.init)) }
}

/// Probabilities as they would be at another temperature.
func scaled(_ probabilities: [Double], temperature: Double) -> [Double] {
  softmax(probabilities.map { log(max($0, 1e-30)) / temperature })
}

func softmax(_ logits: [Double]) -> [Double] {
  let largest = logits.max()!
  let exponentials = logits.map { exp($0 - largest) }
  let sum = exponentials.reduce(0, +)
  return exponentials.map { $0 / sum }
}

extension ImageBatch {
  /// The pictures as normalised floats (N,size,size,3); the device converts them.
  public func images(on device: Device) -> Tensor {
    let floats = device.normalizeBytes(
      device.makeBuffer(pixels), colour: device.makeBuffer(colour), images: count, pixels: size * size)
    return Tensor(shape: [count, size, size, 3], buffer: floats)
  }
}
