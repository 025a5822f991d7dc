internal import Foundation

/// Turns what a network says of each step into text, where each character may last for several steps and blanks stand
/// between (Graves et al. 2006). Class 0 is the blank, class i + 1 the alphabet's character i.
public struct CTCDecoder: Sendable {
  public let alphabet: [Character]

  public init(alphabet: [Character]) {
    precondition(Set(alphabet).count == alphabet.count, "the alphabet \(alphabet) has a character twice")
    self.alphabet = alphabet
  }

  public var classes: Int { alphabet.count + 1 }

  /// The classes of a text; nil where the alphabet lacks one of its characters.
  public func labels(of text: String) -> [Int32]? {
    let labels = text.map { alphabet.firstIndex(of: $0).map { Int32($0 + 1) } }
    return labels.contains(nil) ? nil : labels.map { $0! }
  }

  /// How many steps the labels need: one each, and a blank between equal neighbours.
  static func stepsNeeded(_ labels: [Int32]) -> Int { labels.count + zip(labels, labels.dropFirst()).count { $0 == $1 } }

  /// The likeliest class of each step, repetitions as one, without blanks; and the step at which each character begins.
  public func greedy(_ logProbabilities: [Float]) -> [TimedCharacter] {
    var result: [TimedCharacter] = []
    var last = 0
    for (step, row) in rows(logProbabilities).enumerated() {
      let best = row.indices.max { row[$0] < row[$1] }! - row.startIndex
      if best != last, best > 0 { result.append(TimedCharacter(character: alphabet[best - 1], step: step)) }
      last = best
    }
    return result
  }

  /// The likeliest texts, the best first, each the sum over all ways to say it that a search over `width` beginnings of
  /// texts finds (Hannun et al. 2014, without a language model).
  public func beam(_ logProbabilities: [Float], width: Int = 16) -> [(text: String, logProbability: Double)] {
    precondition(width > 0, "a beam needs a width of one or more, not \(width)")
    // Of each beginning: the logarithms of the probability that its last step is a blank, and that it is a character.
    var beams: [[Int]: (blank: Double, character: Double)] = [[]: (0, -.infinity)]
    for row in rows(logProbabilities) {
      var next: [[Int]: (blank: Double, character: Double)] = [:]
      for (text, ends) in beams {
        let all = logSum(ends.blank, ends.character)
        next[text, default: (-.infinity, -.infinity)].blank.add(all + Double(row[row.startIndex]))
        for label in 1..<classes {
          let step = Double(row[row.startIndex + label])
          if label == text.last {
            // The same character goes on, or begins again behind a blank.
            next[text, default: (-.infinity, -.infinity)].character.add(ends.character + step)
            next[text + [label], default: (-.infinity, -.infinity)].character.add(ends.blank + step)
          } else {
            next[text + [label], default: (-.infinity, -.infinity)].character.add(all + step)
          }
        }
      }
      let kept = ranked(next).prefix(width)
      beams = Dictionary(uniqueKeysWithValues: kept.map { ($0.text, next[$0.text]!) })
    }
    return ranked(beams).map { (String($0.text.map { alphabet[$0 - 1] }), $0.total) }
  }

  /// The likeliest first, of equals the one whose labels come first.
  private func ranked(_ beams: [[Int]: (blank: Double, character: Double)]) -> [(text: [Int], total: Double)] {
    beams.map { (text: $0, total: logSum($1.blank, $1.character)) }.sorted { a, b in
      a.total == b.total ? a.text.lexicographicallyPrecedes(b.text) : a.total > b.total
    }
  }

  private func rows(_ numbers: [Float]) -> [ArraySlice<Float>] {
    precondition(numbers.count % classes == 0, "\(numbers.count) log-probabilities are no rows of \(classes) classes")
    return stride(from: 0, to: numbers.count, by: classes).map { numbers[$0..<$0 + classes] }
  }
}

/// log(exp a + exp b)
private func logSum(_ a: Double, _ b: Double) -> Double {
  let largest = max(a, b)
  return largest == -.infinity ? largest : largest + log(exp(a - largest) + exp(b - largest))
}

extension Double {
  fileprivate mutating func add(_ other: Double) { self = logSum(self, other) }
}
