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

extension ImageClassifier {
  /// Asks the model about every picture of a loader, in evaluation mode.
  ///
  /// - Parameter mirrored: answers are means over each picture and its mirror image.
  public func evaluation(of loader: BatchLoader, mirrored: Bool = false, on device: Device) throws -> Evaluation {
    evaluate()
    let batches = loader.epoch(0)
    var predictions: [Prediction] = []
    while let batch = try batches.next() {
      let probabilities = try fitting(batch, on: device) { () throws(DeviceError) in
        try self.probabilities(batch, mirrored: mirrored, on: device)
      } retry: { few throws(DeviceError) in
        _ = try self.probabilities(few, mirrored: mirrored, on: device)
      }
      for (i, row) in probabilities.enumerated() {
        predictions.append(Prediction(index: batch.indices[i], label: Int(batch.labels[i]), probabilities: row))
      }
    }
    return Evaluation(predictions: predictions)
  }

  /// The probabilities of the classes for each picture, computed in float64 from the logits.
  public func probabilities(
    _ batch: ImageBatch, mirrored: Bool = false, temperature: Double = 1, on device: Device
  ) throws(DeviceError) -> [[Double]] {
    let images = batch.images(on: device)
    let straight = DeviceNN.probabilities(
      ofLogits: try withoutGradients { self(images) }.scalars(), rows: batch.count, temperature: temperature)
    guard mirrored else { return straight }
    let turned = DeviceNN.probabilities(
      ofLogits: try withoutGradients { self(images.flipped(axes: [2])) }.scalars(), rows: batch.count,
      temperature: temperature)
    return zip(straight, turned).map { zip($0, $1).map { ($0 + $1) / 2 } }
  }
}

/// The softmax of each row of logits(rows,classes), in float64.
func probabilities(ofLogits logits: [Float], rows: Int, temperature: Double = 1) -> [[Double]] {
  let classes = logits.count / rows
  return (0..<rows).map { i in
    softmax(logits[i * classes..<(i + 1) * classes].map { Double($0) / temperature })
  }
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
