// The page of a run.
import Foundation

extension Report {
  public func html() -> String {
    htmlPage(
      title: title,
      body: [
        header, tiles, "<div class=\"grid\">", charts, trainingFacts, rocPlot, calibrationPlot, facts, "</div>", classes,
        worstMistakes,
      ].filter { !$0.isEmpty }.joined(separator: "\n"))
  }

  private var header: String {
    """
    <header>
    <p class="eyebrow">\(escaped(date))</p>
    <h1>\(escaped(title))</h1>
    <p class="lead">\(escaped(backbone)), trained on \(escaped(device))</p>
    <pre class="command"><code>\(escaped(command))</code></pre>
    </header>
    """
  }

  private var tiles: String {
    let epochs = self.epochs.count
    let kept = bestEpoch.map { "epoch \($0) of \(epochs)" } ?? "after \(epochs) epoch\(epochs == 1 ? "" : "s")"
    // Each epoch shows the same images.
    let speeds = self.epochs.map(\.imagesPerSecond).filter(\.isFinite)
    let speed = speeds.isEmpty ? .nan : Double(speeds.count) / speeds.reduce(0) { $0 + 1 / $1 }
    let tiles = [
      htmlTile(
        "validation accuracy", percent(confusion.accuracy),
        "\(grouped(confusion.correct)) of \(grouped(confusion.total)) images right", "right"),
      htmlTile("validation loss", (loss ?? self.kept?.validationLoss).map { decimal($0, places: 3) } ?? "–", kept),
      rocCurve.map { htmlTile("ROC-AUC", decimal($0.area, places: 3), "of two classes") }
        ?? htmlTile("macro F1", percent(confusion.macroF1), "mean of \(confusion.labels.count) classes"),
      htmlTile("time", duration(seconds: seconds), speed.isFinite ? "\(threeDigits(speed)) images/s in training" : ""),
    ]
    return htmlTiles(tiles)
  }

  private var charts: String {
    let x = epochs.map(\.epoch)
    let accuracies = SVGChart(
      title: "Accuracy", x: x, marked: bestEpoch, format: .percent,
      series: [
        .init(name: "train", style: .quiet, values: epochs.map { $0.trainAccuracy ?? .nan }),
        .init(name: "validation", style: .strong, values: epochs.map(\.validationAccuracy)),
      ])
    let losses = SVGChart(
      title: "Loss", x: x, marked: bestEpoch, format: .loss,
      series: [
        .init(name: "train", style: .quiet, values: epochs.map(\.trainLoss)),
        .init(name: "validation", style: .strong, values: epochs.map(\.validationLoss)),
      ])
    let rates = SVGChart(
      title: "Learning rate", x: x, marked: nil, format: .rate,
      series: [.init(name: "", style: .strong, values: epochs.map(\.learningRate))])
    // What stands above is of answers that take more care.
    let note = loss == nil ? "" : "\n<p class=\"note\">after each epoch, by one look at each image and before calibration</p>"
    return [(accuracies, note), (losses, note), (rates, "")].map { chart, note in
      "<section class=\"card\"><h2>\(chart.title)</h2>\(note)\n\(chart.svg())\n</section>"
    }.joined(separator: "\n")
  }

  private var facts: String {
    let all =
      [
        Detail("classes", grouped(confusion.labels.count)), Detail("images to train on", grouped(trainImages)),
        Detail("images to validate on", grouped(validationImages)),
      ] + details
    let rows = all.map { "<dt>\(escaped($0.name))</dt><dd>\(escaped($0.value))</dd>" }
    return "<section class=\"card\"><h2>The run</h2>\n<dl>\n\(rows.joined(separator: "\n"))\n</dl>\n</section>"
  }

  private var worstMistakes: String {
    guard !mistakes.isEmpty else {
      let text =
        confusion.total > 0 && confusion.correct == confusion.total
        ? "All \(grouped(confusion.total)) validation images were classified rightly." : "No photos were kept."
      return "<section class=\"card\"><h2>The worst mistakes</h2>\n<p class=\"calm\">\(text)</p>\n</section>"
    }
    let cards = mistakes.map { mistake in
      """
      <figure>
      \(images(mistake))
      <figcaption><b>\(escaped(mistake.predicted))</b> <span class="wrong">\(percent(mistake.probability))</span>\
      <br>is <b>\(escaped(mistake.actual))</b> \(percent(mistake.actualProbability))\
      <br><small title="\(escaped(mistake.name))">loss \(decimal(mistake.loss, places: 2)) · \(escaped(mistake.name))</small></figcaption>
      </figure>
      """
    }
    let hasHeat = mistakes.contains { !$0.heat.isEmpty }
    let heatNote = hasHeat ? "; beside it what of the photo spoke for what it said (Grad-CAM)" : ""
    return """
      <section class="card"><h2>The worst mistakes</h2>
      <p class="note">the highest losses: what the network said and how sure it was, then what the photo is\(heatNote)</p>
      <div class="photos\(hasHeat ? " wide" : "")">
      \(cards.joined(separator: "\n"))
      </div>
      </section>
      """
  }

  private func images(_ mistake: Mistake) -> String {
    let photo = image(mistake.photo, "\(mistake.actual), taken for \(mistake.predicted)")
    guard !mistake.heat.isEmpty else { return photo }
    return "<div class=\"seen\">\(photo)\(image(mistake.heat, "what spoke for \(mistake.predicted)"))</div>"
  }

  private func image(_ file: Data, _ text: String) -> String {
    guard let type = mediaType(of: file) else { return "<div class=\"blank\"></div>" }
    return "<img alt=\"\(escaped(text))\" src=\"data:\(type);base64,\(file.base64EncodedString())\">"
  }

  private func mediaType(of photo: Data) -> String? {
    if photo.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
    return photo.starts(with: [0x89, 0x50, 0x4E, 0x47]) ? "image/png" : nil
  }
}
