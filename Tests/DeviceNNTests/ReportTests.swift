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
    report.mistakes = [
      .init(
        name: evil, actual: evil, predicted: evil, probability: 0.5, actualProbability: 0.1, photo: Data([0xFF, 0xD8, 0xFF]),
        heat: Data([0xFF, 0xD8, 0xFF]))
    ]
    report.training = .init(recipe: evil, explanation: evil, reason: evil, trainedParameters: 1, parameters: 2)
    report.phases = [.init(evil, seconds: 1)]
    report.rocCurve = ROCCurve(scores: [0, 1], isPositive: [false, true])
    var confusion = ConfusionMatrix(labels: [evil, evil + "2"])
    confusion.record(actual: 0, predicted: 1)
    report.confusion = confusion
    let html = report.html()
    #expect(!html.contains("<b>&\"") && !html.contains("<b>&amp;"))
    #expect(html.contains("<h1>&lt;b&gt;&amp;&quot;&#39;</h1>"))
    #expect(html.contains("ROC curve</h2>"))
  }

  @Test func itShowsTheNumbers() {
    let html = ReportSample.named("few").report.html()
    #expect(html.contains("<title>epoch 2 · train "))
    #expect(html.contains("<td class=\"w\" style=\"--p:"))
    #expect(html.contains("devicenn finetune --data flowers"))
    #expect(html.contains("data:image/jpeg;base64,/9j/"))
    #expect(ReportSample.named("perfect").report.html().contains("All 60 validation images were classified rightly."))
  }

  @Test func worstMistakesShowTheirLossAndWhereTheNetworkLooked() {
    var report = ReportSample.named("few").report
    let jpeg = Data([0xFF, 0xD8, 0xFF])
    report.mistakes = [
      .init(
        name: "a.jpg", actual: "roses", predicted: "tulips", probability: 0.75, actualProbability: 0.125, photo: jpeg, heat: jpeg)
    ]
    let html = report.html()
    #expect(html.contains("<b>tulips</b> <span class=\"wrong\">75.0 %</span>"))
    #expect(html.contains("is <b>roses</b> 12.5 %"))
    #expect(html.contains("loss 2.08 · a.jpg"))
    #expect(html.components(separatedBy: "<img ").count == 3 && html.contains("Grad-CAM"))
    report.mistakes[0].heat = Data()
    #expect(!report.html().contains("Grad-CAM"))
  }

  @Test func whatWasTrainedAndHowLong() {
    var report = ReportSample.named("few").report
    #expect(!report.html().contains("What was trained"))
    report.training = .init(recipe: "head", explanation: "a new head learnt", reason: "3 pictures", trainedParameters: 250, parameters: 1000)
    report.phases = [.init("features", seconds: 30), .init("training", seconds: 90)]
    let html = report.html()
    #expect(html.contains("<b>head:</b> a new head learnt. Chosen because 3 pictures."))
    #expect(html.contains("style=\"--p:25.0%\"></td><td>250 of 1\u{2009}000</td>"))
    #expect(html.contains("style=\"--p:33.3%\"></td><td>30.0 s</td>"))
    #expect(html.contains("style=\"--p:100.0%\"></td><td>1 min 30 s</td>"))
    report.training?.reason = ""
    #expect(!report.html().contains("Chosen because"))
  }

  @Test func mostConfusedClasses() {
    var report = ReportSample.named("perfect").report
    #expect(!report.html().contains("Most confused"))
    var confusion = ConfusionMatrix(labels: ["cat", "dog", "horse"])
    confusion.record(actual: [0, 0, 0, 0, 1, 2], predicted: [1, 1, 0, 0, 0, 2])
    report.confusion = confusion
    let rows = report.html().components(separatedBy: "<small>taken for</small>")
    #expect(rows.count == 3)
    #expect(rows[0].hasSuffix("cat ") && rows[1].contains("dog</th>") && rows[1].contains("<td>2</td><td><small>50.0 % of its images"))
    #expect(rows[2].contains("cat</th>") && rows[2].contains("--p:50.0%") && rows[2].contains("<td>1</td><td><small>100.0 %"))
  }

  @Test func calibrationIsDrawn() {
    var report = ReportSample.named("few").report
    #expect(!report.html().contains("Calibration</h2>"))
    report.reliability = Reliability(
      before: [.init(confidence: 0.5, accuracy: 0.25, count: 4)], after: [.init(confidence: 0.25, accuracy: 0.25, count: 1)],
      calibration: Calibration(temperature: 1.5, errorBefore: 0.25, errorAfter: 0.125))
    let html = report.html()
    for text in ["25.0 %<tspan", "error as trained", "12.5 %<tspan", "at temperature 1.50", "50.0 % sure, 25.0 % right of 4"] {
      #expect(html.contains(text), "\(text)")
    }
    // The square begins at (52,394) and ends at (412,34): a half across and a quarter up.
    #expect(html.contains("cx=\"232.0\" cy=\"304.0\" r=\"10.0\"") && html.contains("cx=\"142.0\" cy=\"304.0\" r=\"6.5\""))
  }

  @Test func twoClassesHaveAnROCCurve() {
    var report = ReportSample.named("one-epoch").report
    report.rocCurve = ROCCurve(scores: [0.1, 0.4, 0.35, 0.8], isPositive: [false, false, true, true])
    let html = report.html()
    #expect(html.contains("bees found, and ants taken for it") && html.contains(">0.7500<tspan") && html.contains("ROC-AUC"))
    // (0,0), up to a half, across to a half, up, across.
    #expect(html.contains("d=\"M52.0 394.0L52.0 214.0L232.0 214.0L232.0 34.0L412.0 34.0\""))
    #expect(!ReportSample.named("few").report.html().contains("ROC"))
  }

  @Test func labelsOfManyCurvesStandApart() {
    let chart = SVGChart(
      title: "Accuracy", x: [1, 2], marked: nil, format: .percent,
      series: (0..<9).map { .init(name: "\($0)", style: .numbered($0), values: [0.1, $0 == 8 ? 0.9 : 0.5 + 0.001 * Double($0)]) })
    let heights = chart.svg().matches(of: /class="end colour\d" x="[\d.]+" y="([\d.]+)"/).map { Double($0.1)! }.sorted()
    #expect(heights.count == 9)
    for (above, below) in zip(heights, heights.dropFirst()) { #expect(below - above >= 16.8) }
    #expect(heights.first! >= 22 && heights.last! <= 260)
    #expect(chart.svg().contains("colour0") && chart.svg().contains("colour7"))
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
    let numbers = try JSONDecoder().decode(Report.self, from: report.json)
    #expect(numbers.mistakes.map(\.photo) == report.mistakes.map { _ in Data() })
    #expect(numbers.mistakes.map(\.loss) == report.mistakes.map(\.loss) && numbers.confusion == report.confusion)
  }

  /// To look at the pages: `DEVICENN_REPORT_SAMPLES=/tmp/reports swift test --filter ReportTests`
  @Test(.enabled(if: ReportSample.folder != nil, "DEVICENN_REPORT_SAMPLES names no folder"))
  func samplesAreWritten() throws {
    let folder = try #require(ReportSample.folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for sample in ReportSample.all { try AtomicFile.write(sample.report.html(), to: "\(folder)/\(sample.name).html") }
  }
}
