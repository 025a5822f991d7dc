public import Kernels

/// A network at work on random images that are on the device already: how fast it trains and answers, and which parts of it
/// and which kernels that time goes to.
public struct NetworkProfile: Sendable {
  public let network: String
  public let device: String
  public let batch: Int
  public let imageSize: Int
  public let peaks: DevicePeaks
  /// A step: forward, loss, backward, SGD with momentum.
  public let trainImagesPerSecond: Double
  /// Batch norms with their running statistics, nothing remembered for a backward pass.
  public let inferenceImagesPerSecond: Double
  /// Bytes of the device's memory that a step took at most.
  public let peakMemory: Int
  /// One step's launches, labelled by blocks.
  public let step: Profiler

  public init(_ backbone: Backbone, batch: Int, imageSize: Int, runs: Int = 3, on device: Device) throws {
    let classes = 1000
    let model = backbone.makeModel(ClassifierOptions(classes: classes), on: device)
    let images = Tensor.normal(shape: [batch, imageSize, imageSize, 3], seed: 1, on: device)
    let labels = IntTensor((0..<batch).map { Int32($0 * 7 % classes) }, on: device)
    var optimizer = SGD([ParameterGroup(model.parameters().filter(\.isTrainable), learningRate: 0.01)], momentum: 0.9)
    func train() {
      let loss = labelled("head and loss") { model(images).crossEntropy(labels) }
      let gradients = loss.gradients()
      labelled("optimizer") { optimizer.step(gradients, scale: 1) }
    }
    model.train()
    train()
    try device.synchronize()
    device.resetPeakMemory()
    let training = try device.medianSeconds(runs: runs, warmUps: 0, train)
    peakMemory = device.memoryUse.peak
    step = try device.profile(train).1
    model.evaluate()
    let inference = try device.medianSeconds(runs: runs, warmUps: 1) { withoutGradients { _ = model(images) } }
    peaks = try device.measuredPeaks()
    (network, self.device, self.batch, self.imageSize) = (backbone.name, device.description.name, batch, imageSize)
    (trainImagesPerSecond, inferenceImagesPerSecond) = (Double(batch) / training, Double(batch) / inference)
  }

  /// By what the blocks are called.
  public var blocks: [Profiler.Entry] { step.entries { $0.label.isEmpty ? "rest" : $0.label } }

  /// The most expensive first.
  public var kernels: [Profiler.Entry] { step.entries(by: \.kernel).sorted { $0.seconds > $1.seconds } }

  /// What of the device's limit some launches reach: the time that a roofline allows them to their own. Bytes are those of
  /// whole buffers, so that what works in a cache or in place can seem to do better than the device can.
  public func efficiency(_ entry: Profiler.Entry) -> Double {
    peaks.seconds(flops: entry.flops, bytes: entry.bytes) / max(entry.seconds, .leastNormalMagnitude)
  }
}

extension NetworkProfile: CustomStringConvertible {
  /// Tables for a terminal.
  public var description: String {
    """
    \(network) on \(device), \(batch) images of \(imageSize) pixels
    training \(threeDigits(trainImagesPerSecond)) images/s, inference \(threeDigits(inferenceImagesPerSecond)) images/s, \
    at most \(peakMemory / 1_048_576) MiB
    the device's own limits: \(threeDigits(peaks.flops / 1e9)) GFLOP/s, \(threeDigits(peaks.bandwidth / 1e9)) GB/s

    \(table(kernels, "kernel"))
    \(table(blocks, "part"))
    """
  }

  private func table(_ entries: [Profiler.Entry], _ title: String) -> String {
    let rows = entries.map(cells)
    let titles = [title] + Self.columns
    return textTable(
      titles.indices.map { column in
        TextColumn([titles[column]] + rows.map { $0[column] }, alignment: column == 0 ? .left : .right)
      })
  }

  static let columns = ["launches", "ms", "share", "GFLOP/s", "GB/s", "of the limit"]

  /// A row: the name, and what `columns` says.
  func cells(_ entry: Profiler.Entry) -> [String] {
    [
      entry.name, "\(entry.launches)", threeDigits(entry.seconds * 1e3), percent(entry.seconds / max(step.seconds, .leastNormalMagnitude)),
      entry.flops > 0 ? threeDigits(entry.flops / entry.seconds / 1e9) : "", threeDigits(entry.bytes / entry.seconds / 1e9),
      percent(efficiency(entry)),
    ]
  }
}
