import Foundation
import Testing

@testable import DeviceNN

@Suite struct ReportTests {
  @Test(arguments: ReportSample.all) func aPageIsWholeAndAsksForNothing(sample: ReportSample) {
    let html = sample.report.html()
    #expect(html.hasPrefix("<!doctype html>"))
    #expect(html.hasSuffix("</html>\n"))
    for request in ["http:", "https:", "<script", "<link", "@import", "url("] { #expect(!html.contains(request)) }
    for tag in ["section", "table", "tr", "svg", "g", "figure", "dl", "div", "text", "td", "th"] {
      let opened = html.components(separatedBy: "<\(tag)>").count + html.components(separatedBy: "<\(tag) ").count - 1
      #expect(opened == html.components(separatedBy: "</\(tag)>").count, "\(tag)")
    }
    for number in ["nan", "inf"] { #expect(!html.contains("\"\(number)") && !html.contains(" \(number) ")) }
  }

  @Test func allTextIsEscaped() {
    let evil = "<b>&\"'"
    var report = ReportSample.all[0].report
    report.title = evil
    report.command = evil
    report.device = evil
    report.backbone = evil
    report.date = evil
    report.details = [.init(evil, evil)]
    report.mistakes = [.init(name: evil, actual: evil, predicted: evil, probability: 0.5, photo: Data())]
    var confusion = ConfusionMatrix(labels: [evil, evil + "2"])
    confusion.record(actual: 0, predicted: 1)
    report.confusion = confusion
    let html = report.html()
    #expect(!html.contains("<b>&\"") && !html.contains("<b>&amp;"))
    #expect(html.contains("<h1>&lt;b&gt;&amp;&quot;&#39;</h1>"))
  }

  @Test func itShowsTheNumbers() {
    let html = ReportSample.named("few").report.html()
    #expect(html.contains("<title>epoch 2 · train "))
    #expect(html.contains("<td class=\"w\" style=\"--p:"))
    #expect(html.contains("devicenn finetune --data flowers"))
    #expect(html.contains("data:image/jpeg;base64,/9j/"))
    #expect(ReportSample.named("perfect").report.html().contains("All 60 validation images were classified rightly."))
  }

  @Test func aLossThatDivergedLeavesAGap() {
    let chart = SVGChart(
      title: "Loss", x: [1, 2, 3, 4], marked: 2, format: .loss,
      series: [.init(name: "train", style: .strong, values: [1, .nan, 2, .infinity])])
    #expect(!chart.svg().contains("nan"))
    #expect(chart.svg().contains("epoch 2 · train –"))
    let nothing = SVGChart(
      title: "Loss", x: [1], marked: 1, format: .loss, series: [.init(name: "", style: .strong, values: [.nan])])
    #expect(nothing.svg() == "<p class=\"calm\">There is nothing to draw.</p>")
  }

  @Test func axesHoldTheirValuesBetweenRoundNumbers() {
    #expect(ChartAxis(values: [0.2, 1.9], startsAtZero: true).ticks == [0, 0.5, 1, 1.5, 2])
    let accuracy = ChartAxis(values: [0.71, 0.993], startsAtZero: false, limit: 1)
    #expect(accuracy.high == 1 && abs(accuracy.low - 0.7) < 1e-12)
    for values in [[0.0], [1.0], [0.5, 0.5], [1, 1], [-1, 1], [1e-9, 2e-9], [1e8], [0, 0], [.nan]] {
      for startsAtZero in [true, false] {
        let axis = ChartAxis(values: values, startsAtZero: startsAtZero)
        #expect(axis.low < axis.high && axis.ticks.count <= 7)
        for value in values where value.isFinite { #expect(value >= axis.low - 1e-12 && value <= axis.high + 1e-12) }
      }
    }
  }

  @Test func itSurvivesJSON() throws {
    let report = ReportSample.named("few").report
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(Report.self, from: data) == report)
  }

  /// To look at the pages: `DEVICENN_REPORT_SAMPLES=/tmp/reports swift test --filter ReportTests`
  @Test(.enabled(if: ReportSample.folder != nil, "DEVICENN_REPORT_SAMPLES names no folder"))
  func samplesAreWritten() throws {
    let folder = try #require(ReportSample.folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for sample in ReportSample.all { try AtomicFile.write(sample.report.html(), to: "\(folder)/\(sample.name).html") }
  }
}
