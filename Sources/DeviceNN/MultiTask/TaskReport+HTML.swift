// The page of a run of several tasks.

extension TaskReport {
  public func html() -> String {
    htmlPage(
      title: title, style: numberedStyle,
      body: ([header, tiles, comparisonCard] + ["<div class=\"grid\">"] + evaluations.flatMap(charts)
        + [weightChart, cosineChart, cosineMatrix, facts, "</div>"] + evaluations.map(answers))
        .filter { !$0.isEmpty }.joined(separator: "\n"))
  }

  private var header: String {
    """
    <header>
    <p class="eyebrow">\(escaped(date))</p>
    <h1>\(escaped(title))</h1>
    <p class="lead">\(evaluations.count) answers by \(escaped(configuration.architecture.name)), \(escaped(configuration.weights)), \
    trained on \(escaped(device))</p>
    <pre class="command"><code>\(escaped(command))</code></pre>
    </header>
    """
  }

  private var tiles: String {
    var tiles = evaluations.map { evaluation in
      let metric = evaluation.metrics[0]
      let other = evaluation.metrics.dropFirst().first.map { "\($0.title) \($0.text)" } ?? ""
      return htmlTile("\(escaped(evaluation.task.name)): \(metric.title)", metric.text, other, "right")
    }
    if let comparison {
      tiles.append(htmlTile("mean gain Δm", signedPercent(comparison.meanGain), "against a model for each task"))
    }
    tiles.append(htmlTile("time", duration(seconds: cost.seconds), "\(grouped(cost.parameters)) parameters"))
    return htmlTiles(tiles)
  }

  private var comparisonCard: String {
    guard let comparison else { return "" }
    let head = ["task", "measured by", "one model", "a model each", "gain"].map { "<th scope=\"col\">\($0)</th>" }.joined()
    let rows = comparison.rows.map { row in
      let (together, alone) = (row.metric(row.together), row.metric(row.alone))
      return "<tr><th scope=\"row\">\(escaped(row.task))</th><td>\(together.title)</td><td>\(together.text)</td>"
        + "<td>\(alone.text)</td><td>\(signedPercent(row.gain))</td></tr>"
    }
    func cost(_ name: String, _ text: (TaskComparison.Cost) -> String) -> String {
      "<tr><th scope=\"row\">\(name)</th><td></td><td>\(text(comparison.together))</td><td>\(text(comparison.alone))</td><td></td></tr>"
    }
    let costs = [
      cost("time") { duration(seconds: $0.seconds) }, cost("parameters") { grouped($0.parameters) },
      cost("memory in training") { mebibytes($0.memory) },
    ]
    return htmlCard(
      "Together and alone", note: "the same budget of epochs for each; the mean gain is \(signedPercent(comparison.meanGain))",
      "<div class=\"classes\">\n\(htmlTable(head: head, rows + costs))\n</div>")
  }

  // MARK: Curves

  private func charts(_ evaluation: TaskEvaluation) -> [String] {
    let (task, metric) = (evaluation.task.name, evaluation.metrics[0])
    let losses = chart(
      "\(task): loss", .loss,
      [("train", .quiet, "\(task)/loss"), ("validation", .strong, "validation/\(task)/loss")])
    let isPart = ["accuracy", "macroF1"].contains(metric.name)
    let measure = chart(
      "\(task): \(metric.title)", isPart ? .percent : .loss, [("validation", .strong, "validation/\(task)/\(metric.name)")])
    return [measure, losses]
  }

  private var weightChart: String {
    guard evaluations.count > 1 else { return "" }
    return chart(
      "What tasks count for", note: "the weight of each task's loss, or of its gradient", .loss,
      evaluations.enumerated().map { ($1.task.name, .numbered($0), "\($1.task.name)/weight") })
  }

  /// Pairs of tasks, by the places of both.
  private var pairs: [(Int, Int)] { evaluations.indices.flatMap { j in (0..<j).map { ($0, j) } } }

  private func cosineName(_ pair: (Int, Int)) -> String {
    "cosine/\(evaluations[pair.0].task.name)/\(evaluations[pair.1].task.name)"
  }

  private var cosineChart: String {
    guard epochs.contains(where: { epoch in pairs.contains { epoch[cosineName($0)].isFinite } }) else { return "" }
    return chart(
      "How gradients agree", note: "cosines between tasks' gradients at the shared features; below 0 they conflict", .rate,
      pairs.prefix(8).enumerated().map { i, pair in
        ("\(evaluations[pair.0].task.name), \(evaluations[pair.1].task.name)", .numbered(i), cosineName(pair))
      })
  }

  private var cosineMatrix: String {
    guard let last = epochs.last, evaluations.count > 2, pairs.contains(where: { last[cosineName($0)].isFinite }) else { return "" }
    let heads = evaluations.map { "<th scope=\"col\"><span>\(escaped($0.task.name))</span></th>" }.joined()
    let rows = evaluations.indices.map { i in
      let cells = evaluations.indices.map { j in
        let cosine = i == j ? 1 : last[cosineName((min(i, j), max(i, j)))]
        guard cosine.isFinite else { return "<td></td>" }
        let heat = Int((abs(cosine) * 100).rounded())
        return "<td class=\"\(cosine >= 0 ? "r" : "w")\(heat > 60 ? " s" : "")\" style=\"--p:\(heat)%\">\(decimal(cosine, places: 2))</td>"
      }
      return "<tr><th scope=\"row\">\(escaped(evaluations[i].task.name))</th>\(cells.joined())</tr>"
    }
    return htmlCard(
      "Gradients in the last epoch", note: "the cosine between each two tasks' gradients",
      "<div class=\"matrix large\" tabindex=\"0\">\n\(htmlTable(head: "<td></td>" + heads, rows))\n</div>")
  }

  private func chart(
    _ title: String, note: String? = nil, _ format: SVGChart.Format, _ series: [(name: String, style: SVGChart.Series.Style, number: String)]
  ) -> String {
    let chart = SVGChart(
      title: escaped(title), x: epochs.map(\.epoch), marked: bestEpoch, format: format,
      series: series.map { series in
        .init(name: series.name, style: series.style, values: epochs.map { $0[series.number] })
      })
    return htmlCard(title, note: note, chart.svg())
  }

  // MARK: Answers

  /// What was taken for what, or what was said against what is right.
  private func answers(_ evaluation: TaskEvaluation) -> String {
    let title = "\(evaluation.task.name): what was said"
    let numbers = evaluation.metrics.map { "\($0.title) \($0.text)" }.joined(separator: ", ")
    let note = "\(grouped(evaluation.predictions.count)) validation photos with a label: \(numbers)"
    if let confusion = evaluation.confusion { return htmlCard(title, note: note, confusion.html) }
    if case .multiLabel(let names) = evaluation.task.kind { return htmlCard(title, note: note, labelTable(evaluation, names)) }
    let width = evaluation.task.kind.targetWidth
    return (0..<width).map { value in
      plot(evaluation, value, width > 1 ? "\(title), value \(value + 1) of \(width)" : title, note)
    }.joined(separator: "\n")
  }

  /// What was said over what was right.
  private func plot(_ evaluation: TaskEvaluation, _ value: Int, _ title: String, _ note: String) -> String {
    let pairs = evaluation.pairs(value)
    guard let low = pairs.flatMap({ [$0.target, $0.answer] }).min(), let high = pairs.flatMap({ [$0.target, $0.answer] }).max(),
      high > low
    else { return "" }
    // A few hundred dots say as much as all.
    let shown = stride(from: 0, to: pairs.count, by: max(pairs.count / 400, 1)).map { pairs[$0] }
    let plot = SVGSquare(
      title: escaped(title), xName: "right", yName: "said",
      series: [
        .init(
          name: evaluation.metrics[0].title, value: evaluation.metrics[0].text, isStrong: true,
          points: shown.map { pair in
            .init(
              x: (pair.target - low) / (high - low), y: (pair.answer - low) / (high - low), weight: 0.02,
              note: "\(significant(pair.target)), said \(significant(pair.answer))")
          })
      ], tick: { significant(low + $0 * (high - low)) })
    return htmlCard(title, note: note, plot.svg())
  }

  private func labelTable(_ evaluation: TaskEvaluation, _ names: [String]) -> String {
    let head = ["label", "photos", "precision", "recall", "F1"].map { "<th scope=\"col\">\($0)</th>" }.joined()
    let rows = names.indices.map { label in
      let confusion = evaluation.confusion(ofLabel: label)
      let cells = [confusion.precision(of: 1), confusion.recall(of: 1), confusion.f1(of: 1)].map { "<td>\(percent($0))</td>" }
      return "<tr><th scope=\"row\">\(escaped(names[label]))</th><td>\(confusion.support(of: 1))</td>\(cells.joined())</tr>"
    }
    return "<div class=\"classes\">\n\(htmlTable(head: head, rows))\n</div>"
  }

  private var facts: String {
    let options = configuration.training
    let all: [(String, String)] =
      zip(evaluations, labelled).map { ("labels of \($0.task.name)", "\(grouped($1)) of \(grouped(trainImages))") } + [
        ("images to validate on", grouped(validationImages)), ("sharing", configuration.sharing.rawValue),
        ("weighting", configuration.weighting), ("recipe", options.recipe.rawValue), ("image size", "\(options.imageSize)"),
        ("batch size", "\(options.batchSize)"), ("learning rate", "\(options.learningRate)"),
        ("memory in training", mebibytes(cost.memory)), ("seed", "\(options.seed)"),
      ]
    let rows = all.map { "<dt>\(escaped($0.0))</dt><dd>\(escaped($0.1))</dd>" }
    return htmlCard("The run", "<dl>\n\(rows.joined(separator: "\n"))\n</dl>")
  }
}
