import Foundation
import Testing

@testable import DeviceNN

@Suite struct ComparisonTests {
  let folder = try! TemporaryFolder()

  /// A run of which the description and the metrics are there, as of one that was killed.
  private func run(
    _ name: String, accuracies: [Double], losses: [Double]? = nil, data: String = "photos", report: Report? = nil,
    change: (inout FineTuningOptions) -> Void = { _ in }
  ) throws -> RunFolder {
    let run = RunFolder(folder.path(of: name))
    var options = FineTuningOptions()
    options.epochs = accuracies.count
    change(&options)
    try run.createFolder()
    try run.write(
      ModelConfiguration(
        architecture: Backbone(named: "mobilenet_v2_035"), classes: ["ants", "bees"], training: options, data: data,
        weights: "somewhere/<b>&\"'"))
    let log = try MetricsLog(startingAt: run.metricsPath)
    for (index, accuracy) in accuracies.enumerated() {
      try log.append(
        EpochMetrics(
          epoch: index + 1, trainLoss: 1, validationLoss: losses?[index] ?? 1 - accuracy, validationAccuracy: accuracy,
          learningRate: 1e-3, seconds: 1.5, imagesPerSecond: 100))
    }
    if let report { try AtomicFile.write(report.json, to: run.numbersPath) }
    return run
  }

  @Test func theMostAccurateIsFirst() throws {
    let low = try run("low", accuracies: [0.5, 0.9, 0.6])
    let high = try run("high", accuracies: [0.7, 0.8]) { ($0.learningRate, $0.fewShot) = (0.002, 5) }
    let comparison = try Comparison([low, high])
    #expect(comparison.runs.map(\.path) == [high.path, low.path])
    #expect(comparison.runs.map(\.accuracy) == [0.8, 0.6])
    #expect(comparison.runs.map(\.bestAccuracy) == [0.8, 0.9] && comparison.runs.map(\.lastAccuracy) == [0.8, 0.6])
    #expect(comparison.runs.map(\.seconds) == [3, 4.5])
    #expect(comparison.differences == ["--few-shot", "--learning-rate"] && comparison.warning == nil)
    #expect(comparison.differences.map { comparison.option($0, of: comparison.runs[0]) } == ["5", "0.002"])
    #expect(comparison.differences.map { comparison.option($0, of: comparison.runs[1]) } == [nil, "0.001"])

    let lines = comparison.text.split(separator: "\n")
    #expect(lines.count == 3 && Set(lines.map(\.count)).count == 1)
    #expect(lines[0].contains("accuracy  best epoch  last epoch   loss  cross-validated calibration error  epochs  seconds  trained  recipe"))
    #expect(lines[0].hasSuffix("--few-shot  --learning-rate"))
    #expect(lines[1].contains("  80.0 %      80.0 %      80.0 %  0.200                                  –       2      3.0        –  full "))
    #expect(lines[2].contains("  60.0 %      90.0 %      60.0 %  0.400") && lines[2].hasSuffix("–            0.001"))

    let json = try comparison.jsonLines.map { try JSONValue(parsing: Data($0.utf8)) }
    #expect(json[0]["accuracy"] == .number(0.8) && json[1]["bestAccuracy"] == .number(0.9))
    #expect(json[0]["options"]?["--few-shot"] == .text("5") && json[1]["options"]?["--few-shot"] == .null)
    #expect(json[0]["trainedParameters"] == .null)
  }

  @Test func theModelIsTheOneThatWasKept() throws {
    // With patience, that of the smallest loss; a report says more than the last epoch.
    let patient = try run("patient", accuracies: [0.5, 0.7, 0.6], losses: [1, 0.5, 0.8]) { $0.patience = 2 }
    var report = ReportSample.named("one-epoch").report
    report.confusion = ConfusionMatrix(labels: ["ants", "bees"])
    report.confusion.record(actual: [0, 0, 1, 1], predicted: [0, 0, 1, 0])
    report.training = .init(recipe: "full", explanation: "", reason: "", trainedParameters: 1234, parameters: 2000)
    report.seconds = 77
    let ended = try run("ended", accuracies: [0.5, 0.6], report: report)
    let comparison = try Comparison([patient, ended])
    #expect(comparison.runs.map(\.accuracy) == [0.75, 0.7])
    #expect(comparison.runs.map(\.loss) == [0.4, 0.5])
    #expect(comparison.runs[0].seconds == 77 && comparison.runs[0].trainedParameters == 1234)
    #expect(comparison.text.contains("1\u{2009}234"))
  }

  @Test func otherDataIsSaid() throws {
    let a = try run("a", accuracies: [0.5])
    let same = try run("same", accuracies: [0.4], data: "./photos/")
    let other = try run("other", accuracies: [0.3], data: "elsewhere")
    #expect(try Comparison([a, same]).warning == nil)
    let warning = try #require(try Comparison([a, same, other]).warning)
    #expect(warning.contains("\(a.path) and \(other.path) had different data (photos, elsewhere)"))
  }

  @Test func foldersThatAreNoRuns() throws {
    let good = try run("good", accuracies: [0.5])
    let young = try run("young", accuracies: [])
    for bad in [young, RunFolder(folder.path), RunFolder(folder.path(of: "nowhere"))] {
      #expect { try Comparison([good, bad]) } throws: { "\($0)".contains("\(bad.path) is not the folder of a run") }
    }
    try folder.write(Array("{}\n".utf8), "good/metrics.jsonl")
    #expect(throws: FileError.self) { try Comparison([good]) }
  }

  @Test func thePageIsWholeAndEscaped() throws {
    let runs = try (1...10).map { try run("<b>&\"'\($0)", accuracies: Array(repeating: 0.1 * Double($0), count: $0)) }
    let html = try Comparison(runs).html()
    #expect(html.hasPrefix("<!doctype html>") && html.hasSuffix("</html>\n"))
    #expect(!html.contains("<b>&") && html.contains("&lt;b&gt;&amp;&quot;&#39;10</th>"))
    for request in ["http:", "https:", "<script", "<link", "@import", "url(", "nan"] { #expect(!html.contains(request)) }
    for tag in ["section", "table", "tr", "svg", "g", "div", "text", "td", "th", "i", "p"] {
      let opened = html.components(separatedBy: "<\(tag)>").count + html.components(separatedBy: "<\(tag) ").count - 1
      #expect(opened == html.components(separatedBy: "</\(tag)>").count, "\(tag)")
    }
    #expect(html.matches(of: /class="line colour\d"/).count == 20)
  }

  @Test func optionsHaveTheCommandsNames() {
    var options = FineTuningOptions()
    (options.testTimeAugmentation, options.clipNorm, options.schedule, options.seed) = (true, 0.5, .oneCycle, .max)
    let named = options.named
    #expect(named["--mirror"] == "true" && named["--clip-norm"] == "0.5" && named["--schedule"] == "one-cycle")
    #expect(named["--seed"] == "18446744073709551615" && named["--patience"] == nil && named["--weight-decay"] == "0.05")
  }
}
