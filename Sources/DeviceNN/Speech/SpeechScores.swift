/// A clip of the test, and what a model heard in it.
public struct HeardUtterance: Sendable {
  public var utterance: Utterance
  public var recognition: SpeechRecognition
}

/// How well a model hears.
public struct SpeechScores: Sendable {
  public private(set) var characters = ErrorRate()
  public private(set) var words = ErrorRate()
  /// Clips whose text was heard without a mistake, and clips with a text.
  public private(set) var exact = (right: 0, all: 0)
  /// Of each question, over the clips whose answer is known and was in the training data.
  public private(set) var confusions: [(name: String, matrix: ConfusionMatrix)]

  public init(_ heard: [HeardUtterance], _ questions: [SpeechQuestion]) {
    confusions = questions.map { ($0.name, ConfusionMatrix(labels: $0.classes)) }
    for one in heard {
      if let text = one.utterance.text {
        characters.addCharacters(heard: one.recognition.text, said: text)
        words.addWords(heard: one.recognition.text, said: text)
        exact.all += 1
        if text == one.recognition.text { exact.right += 1 }
      }
      for (i, question) in questions.enumerated() {
        guard let label = one.utterance.answers[question.name].flatMap(question.classes.firstIndex) else { continue }
        confusions[i].matrix.record(actual: label, predicted: one.recognition.best[i])
      }
    }
  }

  /// The share of texts that were heard without a mistake; nil where there are none.
  public var exactShare: Double? { exact.all == 0 ? nil : Double(exact.right) / Double(exact.all) }

  /// By names as `EpochNumbers` has them.
  var numbers: [String: Double] {
    var numbers: [String: Double] = [:]
    numbers["text/characterErrors"] = characters.value
    numbers["text/wordErrors"] = words.value
    numbers["text/exact"] = exactShare
    for (name, matrix) in confusions { numbers["\(name)/accuracy"] = matrix.accuracy }
    return numbers
  }

  /// One line.
  public var text: String {
    var parts: [String] = []
    if let errors = characters.value, let words = words.value {
      parts += ["character errors \(percent(errors))", "word errors \(percent(words))", "all right \(percent(exactShare))"]
    }
    return (parts + confusions.filter { $0.matrix.total > 0 }.map { "\($0.name) \(percent($0.matrix.accuracy))" })
      .joined(separator: ", ")
  }
}
