internal import Foundation
internal import Kernels

/// The page of a run on scenes: curves, how right the model is, and what it sees.
public struct SceneReport {
  public var configuration: SceneConfiguration
  public var device: String
  public var epochs: [EpochNumbers]
  public var seconds: Double
  public var parameters: Int
  public var evaluation: SceneEvaluation
  public var pictures: [Picture]

  /// A picture with what was seen in it.
  public struct Picture: Sendable {
    public var name: String
    public var answer: String
    public var jpeg: [UInt8]

    public init(name: String, answer: String, jpeg: [UInt8]) {
      (self.name, self.answer, self.jpeg) = (name, answer, jpeg)
    }
  }

  public init(
    configuration: SceneConfiguration, device: String, epochs: [EpochNumbers], seconds: Double, parameters: Int,
    evaluation: SceneEvaluation, pictures: [Picture]
  ) {
    (self.configuration, self.device, self.epochs, self.seconds) = (configuration, device, epochs, seconds)
    (self.parameters, self.evaluation, self.pictures) = (parameters, evaluation, pictures)
  }

  /// Of a run that is done: asks the model about the validation pictures, and draws six of them.
  public init(_ trainer: Trainer<SceneProblem>, _ configuration: SceneConfiguration) throws {
    let (problem, shown) = (trainer.problem, trainer.problem.data.validation)
    let pictures = try stride(from: 0, to: shown.count, by: max(shown.count / 6, 1)).prefix(6).map { index in
      let image = try shown.image(at: index, atLeast: nil)
      let answer = try problem.scene.answers(
        to: configuration.transform.batch(of: image), leastScore: SceneEvaluation.leastScore, on: problem.device)[0]
      return Picture(
        name: shown.name(at: index), answer: configuration.scene.text(of: answer),
        jpeg: [UInt8](image.showing(answer, of: configuration.scene).jpegData(quality: 80)))
    }
    self.init(
      configuration: configuration, device: problem.device.description.name, epochs: try trainer.epochs,
      seconds: trainer.seconds, parameters: problem.scene.parameterCount, evaluation: try problem.finalEvaluation(),
      pictures: pictures)
  }

  /// Writes report.html, and its numbers for programs beside it.
  public func write(to run: RunFolder) throws(FileError) {
    try AtomicFile.write(html(), to: run.reportPath)
    try AtomicFile.write(json + "\n", to: run.numbersPath)
  }

  /// The numbers as one line of JSON.
  public var json: String {
    let numbers = evaluation.numbers.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.number($0.value)) }
    return JSONValue.object([
      ("command", .text(configuration.command)), ("device", .text(device)), ("data", .text(configuration.data)),
      ("epochs", .number(Double(epochs.count))), ("seconds", .number(seconds)), ("parameters", .number(Double(parameters))),
      ("validation", .object(numbers)),
    ]).text
  }

  public func html() -> String {
    let style = """
      .seen { display: grid; gap: 18px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); }
      .seen img { width: 100%; aspect-ratio: auto; border-radius: 10px; }
      """
    return htmlPage(
      title: title, style: numberedStyle + "\n" + style,
      body: ([header, numbers, "<div class=\"grid\">"] + charts + [facts, "</div>"] + matrices + [seen]).joined(separator: "\n"))
  }

  private var title: String { URL(fileURLWithPath: configuration.data).deletingPathExtension().lastPathComponent }

  private var header: String {
    """
    <header>
    <p class="eyebrow">driving</p>
    <h1>\(escaped(title))</h1>
    <p class="lead">\(escaped(configuration.scene.names.joined(separator: ", "))) by \(escaped(configuration.architecture.name)), \
    \(escaped(configuration.weights)), trained on \(escaped(device)) in \(duration(seconds: seconds))</p>
    <pre class="command"><code>\(escaped(configuration.command))</code></pre>
    </header>
    """
  }

  private var numbers: String {
    let rows = evaluation.rows.map { name, value in
      "<tr><th scope=\"row\">\(escaped(name))</th><td>\(escaped(value))</td></tr>"
    }
    return htmlCard(
      "How right it is", note: "measured on pictures that were not learnt from",
      "<div class=\"classes\">\n\(htmlTable(nil, rows))\n</div>")
  }

  /// What was measured of each task, and its loss.
  private var charts: [String] {
    configuration.scene.names.flatMap { task in
      let measured = evaluation.numbers.keys.filter { $0.hasPrefix(task + "/") && !$0.hasSuffix("/loss") }.sorted()
      return [
        chart(
          "\(task): right", .percent,
          measured.enumerated().map { (String($1.dropFirst(task.count + 1)), .numbered($0), "validation/" + $1) }),
        chart(
          "\(task): loss", .loss,
          [("training", .quiet, task + "/loss"), ("validation", .strong, "validation/\(task)/loss")]),
      ]
    }
  }

  private func chart(
    _ title: String, _ format: SVGChart.Format, _ series: [(name: String, style: SVGChart.Series.Style, number: String)]
  ) -> String {
    let chart = SVGChart(
      title: escaped(title), x: epochs.map(\.epoch), format: format,
      series: series.map { series in
        .init(name: series.name, style: series.style, values: epochs.map { $0[series.number] })
      })
    return htmlCard(title, chart.svg())
  }

  private var facts: String {
    let options = configuration.training
    let all = [
      ("parameters", grouped(parameters)), ("epochs", "\(epochs.count)"), ("image size", "\(options.imageSize)"),
      ("batch size", "\(options.batchSize)"), ("learning rate", "\(options.learningRate)"), ("seed", "\(options.seed)"),
    ]
    return htmlCard("The run", "<dl>\n\(all.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }.joined(separator: "\n"))\n</dl>")
  }

  private var matrices: [String] {
    let all = [("direction", evaluation.poses), ("regions", evaluation.regions)].compactMap { name, matrix in
      matrix.map { (name, $0) }
    }
    return (all + evaluation.questions.map { ($0.name, $0.1) }).filter { $0.1.total > 0 }.map { name, matrix in
      htmlCard(
        "\(name): what was taken for what", note: "one row for each true answer, one column for each that was given",
        matrix.html)
    }
  }

  private var seen: String {
    let figures = pictures.map { picture in
      """
      <figure><img alt="\(escaped(picture.answer))" src="data:image/jpeg;base64,\(Data(picture.jpeg).base64EncodedString())">
      <figcaption>\(escaped(picture.answer)) <small>\(escaped(picture.name))</small></figcaption></figure>
      """
    }
    return htmlCard(
      "What it sees", note: "objects with the model's confidence in percent, and regions in colour",
      "<div class=\"seen\">\n\(figures.joined(separator: "\n"))\n</div>")
  }
}
