internal import Foundation
public import Kernels

/// The loss while the learning rate rises from step to step (Smith 2015), and the rate that the curve suggests.
public struct LearningRateSweep: Sendable, Equatable {
  /// Of each step, rising.
  public var rates: [Float]
  /// Smoothed, and without the bias of the first steps.
  public var losses: [Double]

  /// Whether the curve ends before it turns: the last loss is the smallest, so that larger rates may be better.
  public var isStillFalling: Bool { losses.count > 2 && losses.last == losses.min() }

  /// Two thirds of the way down the longest descent of the curve, as fastai's `valley`: the loss falls there, and has room
  /// to fall. nil where it never falls.
  public var suggestion: Float? {
    guard rates.count > 2 else { return nil }
    // The longest run of falling losses, which may skip steps that rise.
    var lengths = Array(repeating: 1, count: losses.count)
    var previous = Array(repeating: -1, count: losses.count)
    for i in losses.indices {
      for j in 0..<i where losses[i] < losses[j] && lengths[j] + 1 > lengths[i] { (lengths[i], previous[i]) = (lengths[j] + 1, j) }
    }
    let end = lengths.indices.max { (lengths[$0], -$0) < (lengths[$1], -$1) }!
    guard lengths[end] > 2 else { return nil }
    var start = end
    while previous[start] >= 0 { start = previous[start] }
    return rates[start + (end - start) * 2 / 3]
  }
}

extension FineTuner {
  /// Trains with rates from `rates.lowerBound` to `rates.upperBound` in `steps` equal ratios, and puts the network back as
  /// it was. Ends early where the loss is four times the smallest so far.
  ///
  /// - Parameter batchSize: pictures a step; fewer than in training give the same curve, noisier and sooner.
  public static func sweep(
    _ model: any ImageClassifier, _ options: FineTuningOptions, data: ImageDataset, transform: ImageTransform,
    rates: ClosedRange<Float>, steps: Int, batchSize: Int, on device: Device,
    onStep: (_ step: Int, _ rate: Float, _ loss: Double) -> Void = { _, _, _ in }
  ) throws -> LearningRateSweep {
    precondition(steps > 1 && rates.lowerBound > 0, "a sweep needs two steps and a positive rate, not \(steps) from \(rates.lowerBound)")
    let kept = try model.parameters().map { ($0, try $0.value.scalars(), $0.isTrainable) }
    defer {
      model.parameters().forEach { $0.adapter = nil }
      for (parameter, scalars, isTrainable) in kept {
        parameter.assign(scalars)
        parameter.isTrainable = isTrainable
      }
    }
    var unit = options
    unit.learningRate = 1
    var optimizer = AdamW(options.recipe.parameterGroups(model, of: [model], unit))
    let loader = BatchLoader(
      data.train, transform: transform, batchSize: batchSize, isShuffled: true, lastBatch: .drop, seed: options.seed)
    var sweep = LearningRateSweep(rates: [], losses: [])
    var (epoch, average, smallest) = (0, 0.0, Double.infinity)
    var batches = loader.epoch(0)
    model.train()
    for step in 0..<steps {
      var next = try batches.next()
      if next == nil {
        epoch += 1
        batches = loader.epoch(epoch)
        next = try batches.next()
      }
      guard let batch = next else { break }
      model.drop(at: step)
      let rate = rates.lowerBound * pow(rates.upperBound / rates.lowerBound, Float(step) / Float(steps - 1))
      let loss = model(batch.images(on: device))
        .crossEntropy(IntTensor(batch.labels, on: device), labelSmoothing: options.labelSmoothing)
      let value = Double(try loss.scalar())
      average = 0.9 * average + 0.1 * value
      let smoothed = average / (1 - pow(0.9, Double(step + 1)))
      smallest = min(smallest, smoothed)
      guard smoothed < 4 * smallest else { break }
      sweep.rates.append(rate)
      sweep.losses.append(smoothed)
      onStep(step, rate, smoothed)
      optimizer.step(loss.gradients(), scale: rate)
    }
    return sweep
  }
}
