// What the probabilities are worth, and what was trained for how long.
import Foundation

extension Report {
  var calibrationPlot: String {
    guard let reliability, !reliability.before.isEmpty else { return "" }
    let most = Double((reliability.before + reliability.after).map(\.count).max() ?? 1)
    func points(_ bins: [Reliability.Bin]) -> [SVGSquare.Point] {
      bins.map {
        let note = "\(percent($0.confidence)) sure, \(percent($0.accuracy)) right of \(grouped($0.count))"
        return .init(x: $0.confidence, y: $0.accuracy, weight: Double($0.count) / most, note: note)
      }
    }
    let calibration = reliability.calibration
    let plot = SVGSquare(
      title: "Confidence and accuracy", xName: "confidence", yName: "right",
      series: [
        .init(
          name: "error as trained", value: percent(calibration.errorBefore), isStrong: false,
          points: points(reliability.before)),
        .init(
          name: "at temperature \(decimal(calibration.temperature, places: 2))", value: percent(calibration.errorAfter),
          isStrong: true, points: points(reliability.after)),
      ])
    return """
      <section class="card"><h2>Calibration</h2>
      <p class="note">accuracy by confidence; the second error is cross-validated</p>
      \(plot.svg())
      </section>
      """
  }

  var rocPlot: String {
    guard confusion.labels.count == 2 else { return "" }
    guard let rocCurve else {
      return "<section class=\"card\"><h2>ROC curve</h2>\n<p class=\"calm\">It takes images of both classes to draw one.</p>\n</section>"
    }
    let plot = SVGSquare(
      title: "ROC curve", xName: "false positives", yName: "true positives",
      series: [
        .init(
          name: "area (AUC)", value: decimal(rocCurve.area, places: 4), isStrong: true,
          points: rocCurve.points.map { .init(x: $0.falsePositiveRate, y: $0.truePositiveRate) })
      ])
    return """
      <section class="card"><h2>ROC curve</h2>
      <p class="note">\(escaped(confusion.labels[1])) found, and \(escaped(confusion.labels[0])) taken for it, at every threshold</p>
      \(plot.svg())
      </section>
      """
  }

  /// What of the network was trained and why, and how long each phase took.
  var trainingFacts: String {
    guard training != nil || !phases.isEmpty else { return "" }
    var rows: [String] = []
    if let training {
      let part = Double(training.trainedParameters) / Double(max(training.parameters, 1))
      rows.append(
        row("parameters", part, "\(grouped(training.trainedParameters)) of \(grouped(training.parameters))"))
    }
    let longest = phases.map(\.seconds).max() ?? 1
    rows += phases.map { row($0.name, $0.seconds / max(longest, 1e-9), duration(seconds: $0.seconds)) }
    let text = training.map { training in
      let reason = training.reason.isEmpty ? "" : " Chosen because \(training.reason)."
      return "<p class=\"calm\"><b>\(escaped(training.recipe)):</b> \(escaped(training.explanation + "." + reason))</p>\n"
    }
    return """
      <section class="card"><h2>What was trained, and how long</h2>
      \(text ?? "")<div class="classes">
      \(htmlTable("amounts", rows))
      </div>
      </section>
      """
  }

  private func row(_ name: String, _ part: Double, _ text: String) -> String {
    "<tr><th scope=\"row\">\(escaped(name))</th><td class=\"meter\" style=\"--p:\(decimal(100 * min(part, 1), places: 1))%\"></td>"
      + "<td>\(text)</td></tr>"
  }
}
