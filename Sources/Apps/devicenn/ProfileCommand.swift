import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct ProfileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile",
    abstract: "Measures kernels, or a network by layer and kernel, against what the device can do.",
    discussion: """
      With --kernel, operators at the shapes of --shape, of a file, or those that networks are made of. With --net, a \
      training step and inference on random images: images a second, memory, and where the time goes.
      """)

  @Option(help: ArgumentHelp("An operator, a part of operators' names, or all.", valueName: "operator")) var kernel: String?
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Sizes of an operator, m,n,k for matmul, separated by commas or spaces; several may follow.", valueName: "sizes"))
  var shape: [String] = []
  @Option(
    name: [.customLong("shapes-file"), .customLong("shapes")],
    help: ArgumentHelp("A file of JSON lines with op and shape, as this command prints them, or torch: the list that PyTorch's side runs. (default: torch)", valueName: "file"))
  var shapesFile: String?
  @Option(help: ArgumentHelp("A network, see 'devicenn models'.", valueName: "name")) var net: String?
  @Option(help: "Images a step.") var batch = 16
  @Option(help: "Width and height of the images.") var imageSize = 224
  @Option(help: "Timed repetitions of each measurement.") var runs = 5
  @Option(help: ArgumentHelp("Write the step's launches for ui.perfetto.dev.", valueName: "file")) var trace: String?
  @Option(help: ArgumentHelp("Write a page with a roofline and tables.", valueName: "file")) var html: String?
  @Option(help: ArgumentHelp("The --trace of an earlier profile, which the page compares with.", valueName: "file")) var before: String?
  @Flag(help: "Print JSON, one object a line.") var json = false
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if (kernel == nil) == (net == nil) { throw ValidationError("Either --kernel or --net says what is measured.") }
    if runs < 1 || batch < 1 || imageSize < 32 {
      throw ValidationError("--runs and --batch are 1 at least, --image-size 32, not \(runs), \(batch) and \(imageSize).")
    }
    if net == nil, trace != nil || html != nil || before != nil { throw ValidationError("--trace, --html and --before belong to --net.") }
    if before != nil, html == nil { throw ValidationError("--before needs --html: the page that compares.") }
    if net != nil, !shape.isEmpty || shapesFile != nil { throw ValidationError("--shape and --shapes-file belong to --kernel.") }
    _ = try cases()
  }

  func run() throws {
    let device = try device.open()
    if let net { try profile(Backbone(named: net), device) } else { try profile(try cases(), device) }
  }

  // MARK: Kernels

  /// What --kernel and the shapes ask for.
  private func cases() throws -> [(operation: KernelCase.Operation, shape: [Int])] {
    guard let kernel else { return [] }
    let operations = KernelCase.Operation.allCases.filter { kernel == "all" || $0.rawValue == kernel }
    let chosen = operations.isEmpty ? KernelCase.Operation.allCases.filter { $0.rawValue.contains(kernel) } : operations
    guard !chosen.isEmpty else {
      let names = KernelCase.Operation.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--kernel \(kernel) is none of all, \(names).")
    }
    var cases = shapesFile == "torch" || (shapesFile == nil && shape.isEmpty) ? chosen.flatMap { one in one.shapes.map { (one, $0) } } : []
    if let shapesFile, shapesFile != "torch" { cases += try read(shapesFile).filter { chosen.contains($0.0) } }
    for text in shape {
      let numbers = text.split { ", ".contains($0) }.map { Int($0) ?? 0 }
      let fitting = chosen.filter { $0.misfit(numbers) == nil }
      guard !fitting.isEmpty else { throw ValidationError("--shape \(text): \(chosen[0].misfit(numbers)!).") }
      cases += fitting.map { ($0, numbers) }
    }
    return cases
  }

  private func read(_ path: String) throws -> [(KernelCase.Operation, [Int])] {
    struct Line: Decodable {
      var op: String
      var shape: [Int]
    }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    return try text.split(separator: "\n").enumerated().map { number, line in
      guard let line = try? JSONDecoder().decode(Line.self, from: Data(line.utf8)),
        let operation = KernelCase.Operation(rawValue: line.op)
      else { throw ValidationError("\(path), line \(number + 1): no JSON with an op that is known and a shape.") }
      if let misfit = operation.misfit(line.shape) { throw ValidationError("\(path), line \(number + 1): \(misfit).") }
      return (operation, line.shape)
    }
  }

  private func profile(_ cases: [(operation: KernelCase.Operation, shape: [Int])], _ device: Device) throws {
    let peaks = try device.measuredPeaks()
    if !json {
      try say(
        "\(device.description.name): \(rate(peaks.flops)) GFLOP/s and \(rate(peaks.bandwidth)) GB/s at most, as measured just now")
    }
    for (operation, shape) in cases {
      let kernel = KernelCase(operation, shape, on: device)
      let seconds = try kernel.seconds(runs: runs, on: device)
      let share = peaks.seconds(flops: kernel.flops ?? 0, bytes: kernel.bytes) / seconds
      let speed = (kernel.flops ?? kernel.bytes) / seconds
      if json {
        try say(
          jsonObject([
            ("op", .text(operation.rawValue)), ("shape", .list(shape.map { .number(Double($0)) })), ("ms", .number(seconds * 1e3)),
            (kernel.flops == nil ? "gbps" : "gflops", .number(speed / 1e9)), ("of_limit", .number(share)),
          ]))
      } else {
        let name = operation.rawValue.padding(toLength: 24, withPad: " ", startingAt: 0)
        let sizes = shape.map(String.init).joined(separator: ",").padding(toLength: 24, withPad: " ", startingAt: 0)
        try say(
          name + sizes + String(format: "%10.3f ms %10.1f ", seconds * 1e3, speed / 1e9) + (kernel.flops == nil ? "GB/s   " : "GFLOP/s")
            + String(format: " %5.0f %% of the limit", 100 * share))
      }
    }
  }

  private func rate(_ value: Double) -> String { String(format: "%.0f", value / 1e9) }

  // MARK: Networks

  private func profile(_ backbone: Backbone, _ device: Device) throws {
    let earlier = try before.map { try Profiler.kernelSeconds(ofTrace: $0) }
    let profile = try NetworkProfile(backbone, batch: batch, imageSize: imageSize, runs: runs, on: device)
    if json {
      try say(
        jsonObject([
          ("net", .text(backbone.name)), ("batch", .number(Double(batch))),
          ("train_images_per_second", .number(profile.trainImagesPerSecond)),
          ("inference_images_per_second", .number(profile.inferenceImagesPerSecond)),
          ("peak_rss_mb", .number(Double(peakResidentMegabytes()))), ("peak_device_mb", .number(Double(profile.peakMemory >> 20))),
        ]))
    } else {
      try say("\(profile)")
    }
    if let trace { try AtomicFile.write(profile.step.trace, to: trace) }
    if let html { try AtomicFile.write(profile.html(before: earlier), to: html) }
  }

  /// The most memory that this process ever had, as the system counts it.
  private func peakResidentMegabytes() -> Int {
    var usage = rusage()
    // RUSAGE_SELF, which has another type in each system's headers.
    getrusage(0, &usage)
    #if os(Linux)
      return usage.ru_maxrss / 1024
    #else
      return usage.ru_maxrss / 1_048_576
    #endif
  }
}
