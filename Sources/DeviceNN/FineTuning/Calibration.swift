internal import Foundation

/// How far a model's probabilities are from how often it is right, and the temperature that brings them near (Guo et al.
/// 2017): probabilities of logits / temperature.
public struct Calibration: Codable, Sendable, Equatable {
  public var temperature: Double
  /// The expected calibration error with 15 bins, from 0 to 1, as the model came out of training.
  public var errorBefore: Double
  /// The same with temperatures that were found without the pictures they are judged by: each half's from the other half.
  public var errorAfter: Double
}

extension Evaluation {
  /// The mean over bins of confidence of |accuracy - confidence|, weighted by how many answers are in a bin.
  public func calibrationError(bins: Int = 15) -> Double {
    reliability(bins: bins).reduce(0) { $0 + abs($1.accuracy - $1.confidence) * Double($1.count) }
      / Double(max(predictions.count, 1))
  }

  /// For each bin of confidence that has answers: how confident they are in the mean, and what part of them is right.
  public func reliability(bins: Int = 15) -> [(confidence: Double, accuracy: Double, count: Int)] {
    var sums = Array(repeating: (confidence: 0.0, right: 0, count: 0), count: bins)
    for prediction in predictions {
      let confidence = prediction.probabilities[prediction.predicted]
      let bin = min(Int(confidence * Double(bins)), bins - 1)
      sums[bin].confidence += confidence
      sums[bin].right += prediction.predicted == prediction.label ? 1 : 0
      sums[bin].count += 1
    }
    return sums.filter { $0.count > 0 }.map {
      ($0.confidence / Double($0.count), Double($0.right) / Double($0.count), $0.count)
    }
  }

  /// The same answers at another temperature.
  public func scaled(temperature: Double) -> Evaluation {
    Evaluation(
      predictions: predictions.map { prediction in
        var prediction = prediction
        prediction.probabilities = DeviceNN.scaled(prediction.probabilities, temperature: temperature)
        return prediction
      })
  }

  /// The temperature of the smallest loss, found by golden sections of its logarithm, in which the loss has one minimum.
  public var bestTemperature: Double {
    guard predictions.count > 1 else { return 1 }
    let ratio = (5.0.squareRoot() - 1) / 2
    // A few pictures that all are right, or all wrong, would drive it to 0 or without end.
    var (low, high) = (log(0.25), log(4.0))
    func loss(_ x: Double) -> Double { scaled(temperature: exp(x)).loss }
    var (a, b) = (high - ratio * (high - low), low + ratio * (high - low))
    var (lossA, lossB) = (loss(a), loss(b))
    for _ in 0..<30 {
      if lossA < lossB {
        (high, b, lossB) = (b, a, lossA)
        a = high - ratio * (high - low)
        lossA = loss(a)
      } else {
        (low, a, lossA) = (a, b, lossB)
        b = low + ratio * (high - low)
        lossB = loss(b)
      }
    }
    return exp((low + high) / 2)
  }

  public var calibration: Calibration {
    let halves = [0, 1].map { half in
      Evaluation(predictions: predictions.enumerated().filter { $0.offset % 2 == half }.map(\.element))
    }
    let crossed = Evaluation(
      predictions: halves[0].scaled(temperature: halves[1].bestTemperature).predictions
        + halves[1].scaled(temperature: halves[0].bestTemperature).predictions)
    return Calibration(
      temperature: bestTemperature, errorBefore: calibrationError(), errorAfter: crossed.calibrationError())
  }
}
