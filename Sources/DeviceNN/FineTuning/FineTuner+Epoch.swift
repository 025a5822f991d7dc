internal import Kernels

// One pass over the training pictures, through the whole network.
extension FineTuner {
  /// Optimizer steps of an epoch.
  var stepsPerEpoch: Int { (trainLoader.batchCount + options.accumulation - 1) / options.accumulation }

  /// The schedule's factor on the rates at a step of the run.
  func rate(at step: Int) -> Float {
    options.schedule(steps: options.epochs * stepsPerEpoch).scale(at: step)
  }

  /// - Returns: the mean loss, and how many pictures were shown.
  func trainEpoch(onProgress: (TrainingProgress) -> Void) throws -> (loss: Double, images: Int) {
    let epoch = position.epoch
    if options.recipe == .gradual {
      model.thawStages(epoch: epoch, of: options.epochs)
      let thawed = [epoch - 1, epoch].map { model.thawedStages(epoch: $0, of: options.epochs) }
      // Parameters that rested have no moments, and steps that others took would make their first ones too large.
      if thawed[0] != thawed[1] { optimizer.state = OptimizerState() }
    }
    model.train()
    let batches = trainLoader.epoch(epoch)
    let start = ContinuousClock.now
    var meter = LossMeter()
    var (done, images) = (0, 0)
    var pending: Gradients?
    while let batch = try batches.next() {
      let (loss, gradients) = backward(batch, number: epoch * trainLoader.batchCount + done)
      pending = pending?.adding(gradients) ?? gradients
      meter.add(loss, count: batch.count)
      images += batch.count
      done += 1
      if done % options.accumulation == 0 || done == trainLoader.batchCount {
        step(pending!, at: epoch * stepsPerEpoch + (done - 1) / options.accumulation)
        pending = nil
      }
      guard meter.unreadCount == 8 || done == trainLoader.batchCount || done == 1 else { continue }
      try fitting(batch, on: device) { () throws(DeviceError) in
        try meter.read()
      } retry: { few throws(DeviceError) in
        _ = try backward(few, number: 0).loss.scalar()
      }
      try check(meter.latest, epoch: epoch + 1, batch: done)
      let seconds = start.secondsUntilNow
      let left = Double((options.epochs - epoch) * trainLoader.batchCount - done)
      onProgress(
        TrainingProgress(
          epoch: epoch + 1, epochs: options.epochs, batch: done, batches: trainLoader.batchCount,
          imagesPerSecond: Double(images) / seconds, loss: meter.latest, secondsLeft: seconds / Double(done) * left))
    }
    return (meter.mean, images)
  }

  private func backward(_ batch: ImageBatch, number: Int) -> (loss: Tensor, gradients: Gradients) {
    model.drop(at: number)
    let (images, labels) = (batch.images(on: device), IntTensor(batch.labels, on: device))
    let mixing = Mixing(mixUp: options.mixUp, cutMix: options.cutMix, seed: options.seed)
    let loss: Tensor
    if mixing.isOn {
      let (mixed, targets) = mixing(images, labels, classes: data.classes.count, step: number)
      loss = model(mixed).crossEntropy(
        probabilities: targets, labelSmoothing: options.labelSmoothing, classWeights: classWeights)
    } else {
      loss = model(images).crossEntropy(labels, labelSmoothing: options.labelSmoothing, classWeights: classWeights)
    }
    let share = options.accumulation > 1 ? loss / Float(options.accumulation) : loss
    return (loss.detached, share.gradients())
  }

  private func step(_ gradients: Gradients, at step: Int) {
    let gradients = options.clipNorm.map { gradients.clipped(toNorm: $0).gradients } ?? gradients
    optimizer.step(gradients, scale: rate(at: step))
    if options.averaging == .exponential { average?.update(decay: 0.99) }
  }

  // MARK: Averages

  /// At the end of an epoch of the last quarter, the weights go into their mean.
  func updateMean() {
    guard options.averaging == .stochastic, (position.epoch + 1) * 4 > options.epochs * 3 else { return }
    if average == nil { average = WeightAverage(of: model) } else { average!.updateMean() }
  }

  /// Runs `body` with the averages in the weights' place.
  func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
    average?.exchange()
    defer { average?.exchange() }
    return try body()
  }
}

extension Module {
  /// Makes every random layer of this part draw what it draws at a step, whether the run was resumed or not.
  func drop(at step: Int) {
    if let layer = self as? any RandomLayer { layer.stream = UInt32(truncatingIfNeeded: step) }
    for case (_, .module(let module)) in parts { module.drop(at: step) }
  }
}
