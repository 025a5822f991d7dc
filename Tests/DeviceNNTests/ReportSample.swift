// Made-up runs for the tests of the report, and for looking at it.
import Foundation
import Testing

@testable import DeviceNN

struct ReportSample: Sendable, CustomTestStringConvertible {
  var name: String
  var report: Report

  var testDescription: String { name }

  static let folder = ProcessInfo.processInfo.environment["DEVICENN_REPORT_SAMPLES"]

  static func named(_ name: String) -> ReportSample { all.first { $0.name == name }! }

  static let all = [
    ReportSample(
      name: "few",
      report: report(
        labels: ["daisy", "dandelion", "roses", "sunflowers", "tulips"], epochs: 12, skill: 0.88, mistakes: 14)),
    ReportSample(name: "one-epoch", report: report(labels: ["ants", "bees"], epochs: 1, skill: 0.8, mistakes: 3)),
    ReportSample(
      name: "twenty",
      report: report(labels: (1...20).map { "kind of flower \($0)" }, epochs: 40, skill: 0.75, mistakes: 24)),
    ReportSample(
      name: "hundred",
      report: report(labels: (1...100).map { "class number \($0)" }, epochs: 100, skill: 0.6, mistakes: 24)),
    ReportSample(name: "perfect", report: report(labels: ["cat", "dog", "horse"], epochs: 6, skill: 1, mistakes: 0)),
    ReportSample(name: "everything", report: everything),
  ]

  /// Two classes, with all that a run can know of them.
  private static var everything: Report {
    var report = report(labels: ["normal", "pneumonia"], epochs: 8, skill: 0.9, mistakes: 6)
    func bins(_ shift: Double) -> [Reliability.Bin] {
      (8..<15).map { .init(confidence: (Double($0) + 0.5) / 15, accuracy: (Double($0) + 0.5) / 15 - shift, count: $0 * $0) }
    }
    report.reliability = Reliability(
      before: bins(0.08), after: bins(0.01), calibration: Calibration(temperature: 1.4, errorBefore: 0.08, errorAfter: 0.02))
    report.rocCurve = ROCCurve(
      scores: (0..<60).map { Double($0 * 37 % 60) }, isPositive: (0..<60).map { $0 * 37 % 60 > 12 + $0 % 30 })
    report.training = .init(
      recipe: "head", explanation: "a new head learnt; the backbone was frozen, its statistics too",
      reason: "4 pictures a class tell a head what to look at, and no more", trainedParameters: 12_345, parameters: 400_000)
    report.phases = [.init("features", seconds: 12.5), .init("training", seconds: 3.1), .init("validation", seconds: 0.4)]
    for index in report.mistakes.indices { report.mistakes[index].heat = report.mistakes[index].photo }
    return report
  }

  /// A run whose curves fall and rise as curves do; the same every time.
  private static func report(labels: [String], epochs: Int, skill: Double, mistakes: Int) -> Report {
    var random = Lehmer(state: UInt64(labels.count))
    var confusion = ConfusionMatrix(labels: labels)
    for actual in labels.indices {
      for _ in 0..<20 + actual % 7 * (skill < 1 ? 1 : 0) {
        let isRight = random.next() < skill
        let neighbour = (actual + 1 + Int(random.next() * 3)) % labels.count
        confusion.record(actual: actual, predicted: isRight ? actual : neighbour)
      }
    }
    let metrics = (1...epochs).map { epoch in
      let progress = 1 - exp(-3 * Double(epoch) / Double(epochs))
      return EpochMetrics(
        epoch: epoch, trainLoss: 1.6 * (1 - 0.93 * progress) + 0.05 * random.next(),
        trainAccuracy: 0.3 + 0.65 * progress,
        validationLoss: 1.5 * (1 - 0.75 * progress) + 0.08 * random.next(),
        validationAccuracy: min(0.25 + (skill - 0.22) * progress + 0.02 * random.next(), 1),
        learningRate: 1e-3 * (0.5 + 0.5 * cos(.pi * Double(epoch) / Double(epochs))), seconds: 11 + random.next(),
        imagesPerSecond: 400 + 20 * random.next())
    }
    let photos = photos
    return Report(
      title: labels.count > 5 ? "A longer name of a data set with \(labels.count) classes" : "flowers",
      command: "devicenn finetune --data flowers --backbone mobilenet_v2_035 --weights mobilenet_v2_035.safetensors"
        + " --epochs \(epochs) --device cpu --out runs/flowers",
      device: "cpu (AVX-512, 2 cores)", backbone: "mobilenet_v2_035", date: "24 November 2026, 15:20",
      trainImages: 2930,
      validationImages: confusion.total, seconds: 11.6 * Double(epochs), epochs: metrics,
      bestEpoch: epochs > 8 ? epochs - 2 : nil, confusion: confusion,
      mistakes: (0..<mistakes).map { index in
        Report.Mistake(
          name: "val/\(labels[index % labels.count])/image_0\(1234 + index)_with_a_long_name.jpg",
          actual: labels[index % labels.count],
          predicted: labels[(index + 1) % labels.count], probability: 0.997 - 0.013 * Double(index),
          actualProbability: 0.001 * Double(index + 1),
          photo: photos.isEmpty ? Data([0xFF, 0xD8, 0xFF, 0xE0]) : photos[index % photos.count])
      },
      details: [
        .init("image size", "224 × 224"), .init("batch size", "32"), .init("optimizer", "AdamW, cosine schedule"),
        .init("seed", "0"),
      ])
  }

  /// Real photos where DEVICENN_SAMPLE_PHOTOS names a folder of JPEGs.
  private static var photos: [Data] {
    guard let folder = ProcessInfo.processInfo.environment["DEVICENN_SAMPLE_PHOTOS"] else { return [] }
    let names = (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []).sorted()
    let photos = names.filter { $0.hasSuffix(".jpg") }
    return stride(from: 0, to: photos.count, by: max(photos.count / 24, 1)).compactMap {
      FileManager.default.contents(atPath: folder + "/" + photos[$0])
    }
  }

  private struct Lehmer {
    var state: UInt64
    mutating func next() -> Double {
      state = (state &* 48271 + 11) % 2_147_483_647
      return Double(state) / 2_147_483_647
    }
  }
}
