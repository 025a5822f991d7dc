internal import Foundation

/// The page of a speech model's run: curves, error rates, what was heard, and what was taken for what.
public struct SpeechReport {
  public var configuration: SpeechConfiguration
  public var device: String
  public var epochs: [EpochNumbers]
  public var seconds: Double
  public var heard: [HeardUtterance]

  public init(
    configuration: SpeechConfiguration, device: String, epochs: [EpochNumbers], seconds: Double, heard: [HeardUtterance]
  ) {
    (self.configuration, self.device, self.epochs) = (configuration, device, epochs)
    (self.seconds, self.heard) = (seconds, heard)
  }

  /// Writes report.html, and its numbers for programs beside it.
  public func write(to run: RunFolder) throws(FileError) {
    try AtomicFile.write(html(), to: run.reportPath)
    let sources = configuration.data.indices.map { source in
      let numbers = scores(of: source).numbers.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.number($0.value)) }
      return JSONValue.object([("data", .text(configuration.data[source]))] + numbers)
    }
    let json = JSONValue.object([("seconds", .number(seconds)), ("test", .list(sources))])
    try AtomicFile.write(json.text + "\n", to: run.numbersPath)
  }

  private func scores(of source: Int) -> SpeechScores {
    SpeechScores(heard.filter { $0.utterance.source == source }, configuration.questions)
  }

  func html() -> String {
    let style = """
      .clips { display: grid; gap: 18px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); }
      .clips img { width: 100%; aspect-ratio: auto; border-radius: 10px; }
      """
    return htmlPage(
      title: "What was said", style: numberedStyle + "\n" + style,
      body: ([header, tables, "<div class=\"grid\">" + charts + "</div>"] + matrices + [clips]).joined(separator: "\n"))
  }

  private var header: String {
    """
    <header>
    <p class="eyebrow">speech</p>
    <h1>What was said, and how</h1>
    <p class="lead">\(escaped(configuration.data.joined(separator: ", "))), trained on \(escaped(device)) in \
    \(duration(seconds: seconds))</p>
    <pre class="command"><code>\(escaped(configuration.command))</code></pre>
    </header>
    """
  }

  /// A row for each source.
  private var tables: String {
    let questions = configuration.questions.map(\.name)
    let head = (["recordings", "clips", "character errors", "word errors", "all right"] + questions)
      .map { "<th scope=\"col\">\(escaped($0))</th>" }.joined()
    let rows = configuration.data.indices.map { source in
      let scores = scores(of: source)
      let name = URL(fileURLWithPath: configuration.data[source]).lastPathComponent
      let count = heard.count { $0.utterance.source == source }
      let errors = [scores.characters.value, scores.words.value, scores.exactShare]
      let cells = ["\(count)"] + errors.map(percent) + scores.confusions.map { percent($0.matrix.accuracy) }
      return "<tr><th scope=\"row\">\(escaped(name))</th>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    return htmlCard(
      "The test", note: "clips that were not learnt from; a question that a set of recordings does not answer has a dash",
      "<div class=\"classes\">\n\(htmlTable(head: head, rows))\n</div>")
  }

  private var charts: String {
    let x = epochs.map(\.epoch)
    let losses = SVGChart(
      title: "loss", x: x, format: .loss,
      series: [
        .init(name: "training", style: .quiet, values: epochs.map { $0["loss"] }),
        .init(name: "test", style: .strong, values: epochs.map { $0["validation/loss"] }),
      ])
    let shares = SVGChart(
      title: "right", x: x, format: .percent,
      series: (["text/exact"] + configuration.questions.map { $0.name + "/accuracy" }).enumerated().map { i, name in
        .init(name: String(name.prefix { $0 != "/" }), style: .numbered(i), values: epochs.map { $0["validation/" + name] })
      })
    return [htmlCard("Loss", losses.svg()), htmlCard("Right answers", shares.svg())].joined(separator: "\n")
  }

  private var matrices: [String] {
    SpeechScores(heard, configuration.questions).confusions.filter { $0.matrix.total > 0 }.map { name, matrix in
      htmlCard(
        "\(name): what was taken for what", note: "one row for each true answer, one column for each that was given",
        matrix.html)
    }
  }

  /// A few clips of each source, those that were misheard first.
  private var clips: String {
    let spectra = configuration.data.indices.flatMap { source in
      heard.filter { $0.utterance.source == source }
        .sorted { ($0.isRight ? 1 : 0, $0.utterance.file) < ($1.isRight ? 1 : 0, $1.utterance.file) }.prefix(6)
    }
    let figures = spectra.map { one in
      let answers = one.recognition.answers(to: configuration.questions)
      let picture = Data(SpectrogramPicture(one.recognition, answers: answers).image(scale: 3).pngData())
      let known = one.utterance.answers.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      let facts = [URL(fileURLWithPath: one.utterance.file).lastPathComponent] + known
      return """
        <figure><img alt="\(escaped(one.recognition.text))" src="data:image/png;base64,\(picture.base64EncodedString())">
        <figcaption>heard <b>\(escaped(one.recognition.text))</b>, said \(escaped(one.utterance.text ?? "nobody knows"))
        <small>\(escaped(facts.joined(separator: ", ")))</small></figcaption></figure>
        """
    }
    return htmlCard(
      "What was heard", note: "each letter stands where it begins; below it what was answered; misheard clips come first",
      "<div class=\"clips\">\n\(figures.joined(separator: "\n"))\n</div>")
  }
}

extension HeardUtterance {
  var isRight: Bool { utterance.text == nil || utterance.text == recognition.text }
}
