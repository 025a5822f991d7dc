// A small data set, and runs on it that take a second.
import DeviceNN
import Foundation

/// Three species with 8 training and 4 validation drawings each, drawn once for all tests.
struct Flowers {
  static let shared = Flowers()
  private let folder: TemporaryFolder
  let path: String

  private init() {
    folder = try! TemporaryFolder()
    path = folder.path(of: "flowers")
    try! drawFlowers(to: path, classes: 3, trainPerClass: 8, valPerClass: 4, size: 32)
  }

  /// A copy to be damaged.
  static func copy(to folder: TemporaryFolder) throws -> String {
    let path = folder.path(of: "photos")
    try FileManager.default.copyItem(atPath: shared.path, toPath: path)
    return path
  }
}

/// The arguments of a short training; later ones win.
func training(_ out: String, data: String = Flowers.shared.path, epochs: Int = 2, device: String = "cpu", _ more: String...) -> [String] {
  [
    "finetune", "--data", data, "--image-size", "32", "--epochs", "\(epochs)", "--batch-size", "8", "--device", device,
    "--out", out,
  ] + (more.contains("--recipe") ? [] : ["--recipe", "full"]) + more
}

/// What must be equal in two runs: the model's bytes, and the metrics without times.
struct RunResult: Equatable {
  var model: Data?
  var metrics: [EpochMetrics]

  init(_ path: String) throws {
    let run = RunFolder(path)
    model = FileManager.default.contents(atPath: run.modelPath)
    metrics = try MetricsLog.read(run.metricsPath).map {
      var epoch = $0
      (epoch.seconds, epoch.imagesPerSecond) = (0, 0)
      return epoch
    }
  }
}

extension RunResult: CustomStringConvertible {
  var description: String { "\(model?.count ?? 0) bytes (\(model?.hashValue ?? 0)), \(metrics.map(\.jsonLine))" }
}
