internal import Foundation
public import Kernels

/// Two digits in a picture, one at the top left and one at the bottom right, each a task (Sener and Koltun 2018).
///
/// Each digit of MNIST stands at [0:28] of a 36 x 36 canvas, over another at [6:34], both ways; where they overlap the brighter
/// counts; the canvas is resized to 28 x 28 by the nearest pixel.
public struct MultiMNIST: Sendable {
  public static let tasks = ["left", "right"]
  /// (N,28,28)
  public let pixels: [UInt8]
  /// The digits of each task.
  public let labels: [[UInt8]]

  public var count: Int { labels[0].count }

  /// One picture for each digit, whose partner is drawn by the seed.
  public init(_ digits: MNIST, seed: UInt64) {
    let (size, canvas) = (MNIST.size, 36)
    var generator = Philox(seed: seed, stream: UInt64(digits.count))
    let partners = (0..<digits.count).map { _ in generator.integer(below: digits.count) }
    // Which pixel of the canvas each pixel is.
    let nearest = (0..<size).map { (2 * $0 + 1) * canvas / (2 * size) }
    var pixels = [UInt8](repeating: 0, count: digits.pixels.count)
    for (i, partner) in partners.enumerated() {
      let (left, right) = (i * size * size, partner * size * size)
      func at(_ start: Int, _ y: Int, _ x: Int) -> UInt8 {
        (0..<size).contains(y) && (0..<size).contains(x) ? digits.pixels[start + y * size + x] : 0
      }
      for y in 0..<size {
        for x in 0..<size {
          let (row, column) = (nearest[y], nearest[x])
          pixels[left + y * size + x] = max(at(left, row, column), at(right, row - 6, column - 6))
        }
      }
    }
    self.pixels = pixels
    labels = [digits.labels, partners.map { digits.labels[$0] }]
  }

  /// The SHA-256 of all bytes, pictures first: two machines have the same set if they print the same.
  public var checksum: String {
    var hash = SHA256()
    for bytes in [pixels] + labels { bytes.withUnsafeBytes { hash.update($0) } }
    return hash.digest()
  }

  /// All pictures (N,28,28,1), normalised as MNIST usually is.
  public func images(on device: Device) -> Tensor {
    let values = (0..<256).map { (Float($0) / 255 - 0.1307) / 0.3081 }
    return Tensor(pixels.map { values[Int($0)] }, shape: [count, MNIST.size, MNIST.size, 1], on: device)
  }

  public func labels(of task: Int, _ indices: some Collection<Int>, on device: Device) -> IntTensor {
    IntTensor(indices.map { Int32(labels[task][$0]) }, on: device)
  }
}

/// The network of the benchmark: two convolutions and a layer of 50 are shared, two layers belong to each task. With two
/// tasks it has 27,450 parameters.
public final class MultiLeNet: Module {
  private let conv1, conv2: Convolution2D
  private let fc: Linear
  private let hidden: [Linear]
  private let outputs: [Linear]
  public var isTraining = true

  public init(tasks: Int, on device: Device, seed: UInt64) {
    var random = Philox(seed: seed, stream: 3)
    conv1 = Convolution2D(1, 10, kernel: 5, padding: .none, hasBias: true, on: device, random: &random)
    conv2 = Convolution2D(10, 20, kernel: 5, padding: .none, hasBias: true, on: device, random: &random)
    fc = Linear(320, 50, on: device, random: &random)
    hidden = (0..<tasks).map { _ in Linear(50, 50, on: device, random: &random) }
    outputs = (0..<tasks).map { _ in Linear(50, 10, on: device, random: &random) }
    for (layer, inputs) in [(conv1, 25), (conv2, 250), (fc, 320)] as [(any Module, Int)] { draw(layer, inputs, &random) }
    for layer in hidden + outputs { draw(layer, 50, &random) }
  }

  /// Weights and biases are uniform between ±1/√inputs, as PyTorch's layers start.
  private func draw(_ layer: any Module, _ inputs: Int, _ random: inout Philox) {
    let bound = 1 / Float(inputs).squareRoot()
    for parameter in layer.parameters() {
      parameter.assign((0..<parameter.value.count).map { _ in bound * (2 * random.uniform() - 1) })
    }
  }

  /// (N,50), of images (N,28,28,1).
  public func features(of x: Tensor) -> Tensor {
    let first = conv1(x).maxPooled(kernel: 2, stride: 2).relu()
    let second = conv2(first).maxPooled(kernel: 2, stride: 2).relu()
    return fc(second.reshaped([x.shape[0], 320])).relu()
  }

  /// logits(N,10) of a task.
  public func logits(of features: Tensor, task: Int) -> Tensor { outputs[task](hidden[task](features).relu()) }
}

extension MultiMNIST {
  /// Trains a network on some tasks and measures it: SGD with momentum 0.9, rate 0.05 · 0.85 every 10 epochs, batches of 256.
  ///
  /// - Parameters:
  ///   - tasks: their numbers; with one, its network learns that alone.
  ///   - balance: for several tasks.
  /// - Returns: the accuracy of each task on `test`, from 0 to 1.
  public static func train(
    _ train: MultiMNIST, test: MultiMNIST, tasks: [Int], balance: TaskBalance, epochs: Int, seed: UInt64,
    on device: Device, onEpoch: (_ epoch: Int, _ accuracies: [Double]) throws -> Void = { _, _ in }
  ) throws -> [Double] {
    let model = MultiLeNet(tasks: tasks.count, on: device, seed: seed)
    // Equal weighting is the mean of the losses there, not their sum, and the rate is meant for that.
    let isMean = balance == .losses(.equal)
    var objective = MultiTaskObjective(
      tasks: tasks.map { Self.tasks[$0] }, balance: isMean ? .losses(.static) : balance,
      weights: isMean ? tasks.map { _ in 1 / Double(tasks.count) } : nil, seed: seed, on: device)
    var groups = [ParameterGroup(model.parameters(), learningRate: 0.05)]
    if !objective.parameters.isEmpty { groups.append(ParameterGroup(objective.parameters, learningRate: 0.05)) }
    var optimizer = SGD(groups)
    let rate = StepDecay(every: 10, factor: 0.85)
    let batch = 256
    let batches = (train.count + batch - 1) / batch
    let (images, testImages) = (train.images(on: device), test.images(on: device))
    var accuracies: [Double] = []
    for epoch in 0..<epochs {
      var generator = Philox(seed: seed, stream: .max - UInt64(epoch))
      let order = generator.permutation(of: train.count)
      for (number, start) in stride(from: 0, to: order.count, by: batch).enumerated() {
        let indices = order[start..<min(start + batch, order.count)]
        let features = model.features(of: images.gathered(axis: 0, IntTensor(indices.map { Int32($0) }, on: device)))
        let losses = tasks.enumerated().map { place, task in
          model.logits(of: features, task: place).crossEntropy(train.labels(of: task, indices, on: device))
        }
        let step = try objective.step(losses, shared: [features], at: epoch * batches + number)!
        optimizer.step(step.gradients, scale: rate.scale(at: epoch))
      }
      try objective.endEpoch()
      accuracies = try test.accuracies(of: model, testImages, tasks: tasks)
      try onEpoch(epoch + 1, accuracies)
    }
    return accuracies
  }

  private func accuracies(of model: MultiLeNet, _ images: Tensor, tasks: [Int]) throws -> [Double] {
    var right = tasks.map { _ in 0 }
    for start in stride(from: 0, to: count, by: 1000) {
      let indices = start..<min(start + 1000, count)
      try withoutGradients {
        let features = model.features(of: images.sliced(axis: 0, range: indices))
        for (place, task) in tasks.enumerated() {
          let answers = try model.logits(of: features, task: place).argmax(axis: 1).values()
          right[place] += zip(answers, indices).count { $0 == Int32(labels[task][$1]) }
        }
      }
    }
    return right.map { Double($0) / Double(count) }
  }
}
