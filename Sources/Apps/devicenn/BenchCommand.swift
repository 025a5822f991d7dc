import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures operators and a training step, or how well several tasks are learnt.",
    subcommands: [OperatorBenchCommand.self, MultiMNISTCommand.self], defaultSubcommand: OperatorBenchCommand.self)
}

struct OperatorBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operators",
    abstract: "Measures operators, a training step and inference: one JSON object a line, medians of --runs.")

  @Option(help: "Timed repetitions of each measurement.") var runs = 5
  @Option(help: "Measure only operators whose name contains this.") var filter: String?
  @Option(help: "Images a step.") var batchSize = 32
  @Option(help: "Width and height of the images of a step.") var imageSize = 224
  @Flag(help: "Also print what each kernel of the training step cost.") var profile = false
  @OptionGroup var device: DeviceOption

  func run() throws {
    let device = try device.open()
    for operation in BenchOperator.all(on: device) where filter.map(operation.name.contains) ?? true {
      let seconds = try median(device, operation.run)
      try say(
        jsonObject([
          ("op", .text(operation.name)), ("shape", .list(operation.shape.map { .number(Double($0)) })),
          ("ms", .number(seconds * 1e3)),
          operation.flops.map { ("gflops", .number($0 / seconds / 1e9)) } ?? ("gbps", .number(operation.bytes / seconds / 1e9)),
        ]))
    }
    guard filter == nil || "step".contains(filter!) else { return }
    try step(device)
  }

  /// MobileNetV2 on random images that are already on the device.
  private func step(_ device: Device) throws {
    let model = try Backbone(named: "mobilenet_v2_035").makeModel(ClassifierOptions(classes: 5), on: device)
    var random = Philox(seed: 1)
    let count = batchSize * imageSize * imageSize * 3
    let images = Tensor((0..<count).map { _ in random.uniform(-1, 1) }, shape: [batchSize, imageSize, imageSize, 3], on: device)
    let labels = IntTensor((0..<batchSize).map { Int32($0 % 5) }, on: device)
    var optimizer = AdamW([ParameterGroup(model.parameters().filter(\.isTrainable), learningRate: 1e-3)])
    let train = { optimizer.step(model(images).crossEntropy(labels).gradients()) }
    model.train()
    let training = try median(device) { train() }
    let peak = device.memoryUse.peak
    let profiler = profile ? try device.profile(train).1 : nil
    model.evaluate()
    let inference = try median(device) { withoutGradients { _ = model(images) } }
    try say(
      jsonObject([
        ("op", .text("step.mobilenet_v2_035")), ("shape", .list([.number(Double(batchSize)), .number(Double(imageSize))])),
        ("train_images_per_second", .number((Double(batchSize) / training).rounded())),
        ("inference_images_per_second", .number((Double(batchSize) / inference).rounded())),
        ("peak_memory_mb", .number(Double(peak / 1_048_576))),
      ]))
    if let profiler { try say("\(profiler)") }
  }

  private func median(_ device: Device, _ work: () -> Void) throws -> Double {
    for _ in 0..<2 { work() }
    try device.synchronize()
    return try (0..<runs).map { _ in
      let start = ContinuousClock.now
      work()
      try device.synchronize()
      return (ContinuousClock.now - start) / .seconds(1)
    }.sorted()[runs / 2]
  }
}

/// One operator at one shape; the same list as PyTorch's side of the comparison.
private struct BenchOperator {
  var name: String
  var shape: [Int]
  var flops: Double?
  var bytes: Double = 0
  var run: () -> Void

  static func all(on device: Device) -> [BenchOperator] { products(device) + convolutions(device) + streams(device) }

  private static func products(_ device: Device) -> [BenchOperator] {
    let cube = [256, 512, 1024, 2048].map { ($0, $0, $0) }
    return (cube + [(12544, 64, 147), (64, 1000, 512), (1, 4096, 4096)]).map { m, n, k in
      let (a, b) = (device.fill(1, count: m * k), device.fill(1, count: k * n))
      return BenchOperator(name: "matmul", shape: [m, n, k], flops: 2 * Double(m) * Double(n) * Double(k)) {
        _ = device.matmul(a, b, MatmulShape(m: m, n: n, k: k))
      }
    }
  }

  private static func convolutions(_ device: Device) -> [BenchOperator] {
    // Batch, channels, size, output channels, kernel, stride, groups.
    let shapes = [
      [16, 3, 224, 64, 7, 2, 1], [16, 64, 56, 64, 3, 1, 1], [16, 128, 28, 128, 3, 1, 1], [16, 256, 14, 256, 3, 1, 1],
      [16, 512, 7, 512, 3, 1, 1], [16, 64, 56, 128, 3, 2, 1], [16, 64, 56, 256, 1, 1, 1], [16, 256, 56, 64, 1, 1, 1],
      [16, 1024, 14, 256, 1, 1, 1], [16, 144, 56, 144, 3, 1, 144], [16, 576, 14, 576, 3, 1, 576], [16, 96, 112, 96, 3, 2, 96],
    ]
    return shapes.flatMap { s -> [BenchOperator] in
      let shape = ConvolutionShape(
        batch: s[0], height: s[2], width: s[2], inputChannels: s[1], outputChannels: s[3], kernel: (s[4], s[4]),
        stride: (s[5], s[5]), padding: Padding(s[4] / 2), groups: s[6])
      let x = device.fill(1, count: shape.inputCount)
      let (w, dy) = (device.fill(1, count: shape.weightCount), device.fill(1, count: shape.outputCount))
      return [
        BenchOperator(name: "conv2d", shape: s, flops: shape.flops) { _ = device.convolution(x, w, shape) },
        BenchOperator(name: "conv2d.backwardInput", shape: s, flops: shape.flops) {
          _ = device.convolutionBackwardInput(dy, w, shape)
        },
        BenchOperator(name: "conv2d.backwardWeight", shape: s, flops: shape.flops) {
          _ = device.convolutionBackwardWeight(x, dy: dy, shape)
        },
      ]
    }
  }

  /// Operators that memory bounds; bytes as PyTorch's side counts them.
  private static func streams(_ device: Device) -> [BenchOperator] {
    let (rows, channels) = (16 * 56 * 56, 64)
    let count = rows * channels
    let bytes = Double(count) * 4
    let x = Tensor(repeating: 1, shape: [16, 56, 56, channels], on: device)
    let norm = BatchNorm(channels, on: device)
    let long = Tensor(repeating: 1, shape: [1 << 24], on: device)
    let logits = Tensor(repeating: 1, shape: [4096, 1000], on: device)
    func stream(_ name: String, _ shape: [Int], _ bytes: Double, _ work: @escaping () -> Tensor) -> BenchOperator {
      BenchOperator(name: name, shape: shape, bytes: bytes) { withoutGradients { _ = work() } }
    }
    return [
      stream("batchNorm.train", [16, 64, 56], 3 * bytes) { norm(x) },
      stream("relu", [16, 64, 56], 2 * bytes) { x.relu() },
      stream("add", [16, 64, 56], 3 * bytes) { x + x },
      stream("maxPool3s2", [16, 64, 56], 1.25 * bytes) { x.maxPooled(kernel: 3, stride: 2, padding: Padding(1)) },
      stream("sum", [1 << 24], Double(1 << 24) * 4) { long.sum() },
      stream("softmax", [4096, 1000], 2 * 4096 * 1000 * 4) { logits.softmax() },
    ]
  }
}
