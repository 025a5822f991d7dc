import Foundation
import Testing

@testable import DeviceNN

@Suite struct SpeechModelTests {
  private static let questions = [SpeechQuestion("mood", classes: ["calm", "sad", "glad"]), SpeechQuestion("gender", classes: ["f", "m"])]

  private func clip(_ frames: Int, bands: Int = 8) -> SpeechFeatures {
    SpeechFeatures(bands: bands, values: GoldenNumbers.signed("clip \(frames)", count: frames * bands))
  }

  /// What a clip is heard as must not depend on what it is heard beside.
  @Test(arguments: TestDevice.all) func aClipIsHeardTheSameBesideALongerOne(_ target: TestDevice) throws {
    let model = SpeechModel(bands: 8, characters: 3, questions: Self.questions, seed: 3, on: target.device)
    model.evaluate()
    let decoder = CTCDecoder(alphabet: ["a", "b", "c"])
    func hear(_ clips: [SpeechFeatures]) throws -> [SpeechRecognition] {
      let batch = SpeechBatch(items: Array(clips.indices), features: clips)
      return try withoutGradients { batch.answer(of: model, on: target.device) }.recognitions(of: batch, decoder, Self.questions)
    }
    let lengths = [1, 2, 7, 17, 33]
    let together = try hear(lengths.map { clip($0) })
    for (length, one) in zip(lengths, together) {
      let alone = try hear([clip(length)])[0]
      #expect(alone.logProbabilities.count == (length + 1) / 2 * 4)
      expectClose(one.logProbabilities, alone.logProbabilities, "\(length) frames")
      for (a, b) in zip(one.probabilities, alone.probabilities) { expectClose(a, b, "\(length) frames") }
    }
  }

  @Test(arguments: TestDevice.all) func aBidirectionalGRUIsTwoFromBothEnds(_ target: TestDevice) throws {
    var random = Philox(seed: 4)
    let gru = BidirectionalGRU(3, 5, on: target.device, random: &random)
    let (steps, lengths) = (7, [7, 1, 4])
    let x = GoldenNumbers.signed("x", count: 3 * steps * 3)
    let found = try gru(Tensor(x, shape: [3, steps, 3], on: target.device), lengths: lengths).scalars()
    for (n, length) in lengths.enumerated() {
      let rows = (0..<length).map { Array(x[(n * steps + $0) * 3..<(n * steps + $0 + 1) * 3]) }
      let forward = try gru.forward(Tensor(rows.flatMap { $0 }, shape: [1, length, 3], on: target.device)).scalars()
      let backward = try gru.backward(Tensor(rows.reversed().flatMap { $0 }, shape: [1, length, 3], on: target.device)).scalars()
      for t in 0..<length {
        let row = found[(n * steps + t) * 10..<(n * steps + t + 1) * 10]
        let turned = length - 1 - t
        expectClose(Array(row), Array(forward[t * 5..<t * 5 + 5] + backward[turned * 5..<turned * 5 + 5]), "sequence \(n), step \(t)")
      }
    }
  }

  @Test func theInputIsScaledByTheClips() throws {
    let model = SpeechModel(bands: 8, characters: 3, questions: [], seed: 3, on: TestDevice.cpu)
    model.scaleInput(by: [SpeechFeatures(bands: 8, values: [Float](repeating: 2, count: 8) + [Float](repeating: 4, count: 8))])
    expectClose(try model.mean.value.scalars(), [Float](repeating: 3, count: 8))
    expectClose(try model.deviation.value.scalars(), [Float](repeating: 1, count: 8))
  }

  // MARK: SpecAugment

  @Test func masksAreFunctionsOfTheGenerator() {
    func masks(_ stream: UInt64) -> [[Float]] {
      var random = Philox(seed: 9, stream: stream)
      let masks = SpecAugment().masks(frames: 120, bands: 40, random: &random)
      return [masks.frames, masks.bands]
    }
    #expect(masks(1) == masks(1))
    #expect((2..<10).contains { masks($0) != masks(1) })
  }

  @Test func masksHideNoMoreThanTheyMay() {
    var augment = SpecAugment()
    (augment.frequencyMasks, augment.frequencyWidth, augment.timeMasks, augment.timeWidth) = (1, 7, 1, 20)
    var widths: (frames: Set<Int>, bands: Set<Int>) = ([], [])
    for stream in 0..<400 {
      var random = Philox(seed: 2, stream: UInt64(stream))
      let (frames, bands) = augment.masks(frames: 100, bands: 17, random: &random)
      #expect(frames.count == 100 && bands.count == 17 && (frames + bands).allSatisfy { $0 == 0 || $0 == 1 })
      for mask in [frames, bands] {
        // One hole at most.
        let edges = zip([1] + mask, mask + [1]).count { $0 > $1 }
        #expect(edges <= 1)
      }
      widths.frames.insert(frames.count { $0 == 0 })
      widths.bands.insert(bands.count { $0 == 0 })
    }
    // A tenth of 100 frames, and 7 bands, and everything below.
    #expect(widths.frames == Set(0...10) && widths.bands == Set(0...7))
    var random = Philox(seed: 2)
    #expect(augment.masks(frames: 1, bands: 4, random: &random).frames == [1])
  }
}
