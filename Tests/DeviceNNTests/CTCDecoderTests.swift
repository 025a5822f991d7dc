import Foundation
import Testing

@testable import DeviceNN

@Suite struct CTCDecoderTests {
  private let decoder = CTCDecoder(alphabet: ["a", "b"])

  private func logs(_ rows: [[Float]]) -> [Float] { rows.flatMap { $0.map { log($0) } } }

  @Test func textsHaveLabels() {
    #expect(decoder.labels(of: "abba") == [1, 2, 2, 1])
    #expect(decoder.labels(of: "") == [])
    #expect(decoder.labels(of: "abc") == nil)
    #expect(CTCDecoder.stepsNeeded([1, 2, 2, 1, 1, 1]) == 9)
    #expect(CTCDecoder.stepsNeeded([]) == 0)
  }

  @Test func greedyTakesEachStepsLikeliest() {
    // - a a - a b b: "aab"
    let best = [0, 1, 1, 0, 1, 2, 2]
    let heard = decoder.greedy(logs(best.map { k in (0..<3).map { $0 == k ? 0.8 : 0.1 } }))
    #expect(String(heard.map(\.character)) == "aab")
    #expect(heard.map(\.step) == [1, 4, 5])
    #expect(decoder.greedy(logs([[0.8, 0.1, 0.1]])).isEmpty)
    #expect(decoder.greedy([]).isEmpty)
  }

  /// Two steps of (blank 0.6, a 0.4, b 0): step by step nothing is likeliest, with 0.36, but "a" has three ways, with
  /// 0.4 · 0.4 + 0.4 · 0.6 + 0.6 · 0.4 = 0.64. This is the example of Graves' thesis.
  @Test func beamsAddAllWaysToSayAText() {
    let rows = logs([[0.6, 0.4, 0], [0.6, 0.4, 0]])
    #expect(decoder.greedy(rows).isEmpty)
    let found = decoder.beam(rows, width: 4)
    #expect(found.map(\.text).prefix(2) == ["a", ""])
    #expect(abs(exp(found[0].logProbability) - 0.64) < 1e-6)
    #expect(abs(exp(found[1].logProbability) - 0.36) < 1e-6)
  }

  /// Three steps of (blank 0.3, a 0.7): "aa" needs a blank between, 0.7 · 0.3 · 0.7; all else but silence is "a".
  @Test func repetitionsNeedABlankBetween() {
    let found = decoder.beam(logs([[0.3, 0.7, 0], [0.3, 0.7, 0], [0.3, 0.7, 0]]))
    let probabilities = Dictionary(uniqueKeysWithValues: found.map { ($0.text, exp($0.logProbability)) })
    #expect(abs(probabilities["aa"]! - 0.147) < 1e-6)
    #expect(abs(probabilities[""]! - 0.027) < 1e-6)
    #expect(abs(probabilities["a"]! - (1 - 0.147 - 0.027)) < 1e-6)
  }

  /// A beam that keeps everything has the probability of each text, found here by all paths.
  @Test func aWideBeamIsTheSumOverAllPaths() {
    let steps = 5
    let numbers = GoldenNumbers.uniform("beam", count: steps * 3)
    let rows = (0..<steps).map { t -> [Float] in
      let row = (0..<3).map { exp(3 * numbers[t * 3 + $0]) }
      return row.map { Float($0 / row.reduce(0, +)) }
    }
    var expected: [String: Double] = [:]
    for path in 0..<243 {
      let labels = (0..<steps).map { path / [1, 3, 9, 27, 81][$0] % 3 }
      let kept = labels.indices.filter { labels[$0] > 0 && ($0 == 0 || labels[$0] != labels[$0 - 1]) }.map { labels[$0] }
      let text = String(kept.map { ["a", "b"][$0 - 1] as Character })
      expected[text, default: 0] += labels.enumerated().reduce(1) { $0 * Double(rows[$1.offset][$1.element]) }
    }
    let found = decoder.beam(logs(rows), width: 1000).filter { $0.logProbability > -.infinity }
    #expect(found.count == expected.count)
    for (text, probability) in found { #expect(abs(exp(probability) - expected[text]!) < 1e-6, "\(text)") }
    #expect(zip(found, found.dropFirst()).allSatisfy { $0.logProbability >= $1.logProbability })
  }

  @Test func editsAreTheFewest() {
    for (a, b, edits) in [
      ("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("abc", "abc", 0),
    ] { #expect(editDistance(Array(a), Array(b)) == edits, "\(a) to \(b)") }
  }

  @Test func errorRatesAreOfAllThatWasSaid() {
    var (characters, words) = (ErrorRate(), ErrorRate())
    #expect(characters.value == nil)
    for (heard, said) in [("seven", "seven"), ("sevn", "seven"), ("two  too", "two to be"), ("x", "")] {
      characters.addCharacters(heard: heard, said: said)
      words.addWords(heard: heard, said: said)
    }
    // Characters: 0 + 1 + 4 + 1 of 5 + 5 + 9, for a blank goes and "o" becomes " be". Words: 0 + 1 + 2 + 1 of 1 + 1 + 3.
    #expect(characters.edits == 6 && characters.length == 19)
    #expect(words.edits == 4 && words.length == 5)
    #expect(words.value == 0.8)
  }
}
