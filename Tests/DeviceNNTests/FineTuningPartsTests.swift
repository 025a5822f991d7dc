import Foundation
import Kernels
import Testing

@testable import DeviceNN

/// The pieces that fine-tuning is made of.
@Suite struct FineTuningPartsTests {
  let device = try! Device(named: "cpu")

  // MARK: Averages

  @Test func averagesFollowTheirFormulaAndChangePlaces() throws {
    var random = Philox(seed: 1)
    let layer = Linear(3, 17, on: device, random: &random)
    let first = try layer.weight.value.scalars()
    var average = WeightAverage(of: layer)
    let second = first.map { $0 * 3 + 1 }
    layer.weight.assign(second)
    average.update(decay: 0.99)
    // A young average moves by what is left of (1 + n) / (10 + n).
    let share: Float = 1 - 2 / 11
    average.exchange()
    let expected: [Float] = zip(first, second).map { old, new in old + share * (new - old) }
    expectClose(try layer.weight.value.scalars(), expected)
    average.exchange()
    #expect(try layer.weight.value.scalars() == second)
  }

  @Test func meansAreMeans() throws {
    var random = Philox(seed: 1)
    let layer = Linear(2, 2, on: device, random: &random)
    layer.weight.assign([1, 2, 3, 4])
    var average = WeightAverage(of: layer)
    average.updateMean()
    layer.weight.assign([4, 4, 4, 4])
    average.updateMean()
    average.exchange()
    expectClose(try layer.weight.value.scalars(), [2.5, 3, 3.5, 4])
  }

  // MARK: Mixing

  @Test(arguments: [(Float(0.4), Float(0)), (0, 1), (0.4, 1)])
  func mixedAnswersArePartsOfOne(mixUp: Float, cutMix: Float) throws {
    let pixels: [Float] = (0..<4).flatMap { [Float](repeating: Float($0), count: 192) }
    let images = Tensor(pixels, shape: [4, 8, 8, 3], on: device)
    let labels = IntTensor([0, 1, 2, 3], on: device)
    let mixing = Mixing(mixUp: mixUp, cutMix: cutMix, seed: 7)
    for step in 0..<10 {
      let (mixed, targets) = mixing(images, labels, classes: 4, step: step)
      let (pixels, parts) = (try mixed.scalars(), try targets.scalars())
      for i in 0..<4 {
        let row = parts[i * 4..<i * 4 + 4]
        #expect(abs(row.reduce(0, +) - 1) < 1e-5 && row.allSatisfy { $0 >= 0 })
        // Each picture is its own number everywhere, so that the mean of a mixture is the mean of the answers.
        let picture = pixels[i * 192..<(i + 1) * 192]
        let expected = row.enumerated().reduce(Float(0)) { sum, part in sum + part.element * Float(part.offset) }
        let mean = picture.reduce(0, +) / 192
        #expect(abs(mean - expected) < 1e-4, "picture \(i) of step \(step)")
      }
      let again = try mixing(images, labels, classes: 4, step: step).images.scalars()
      #expect(again == pixels)
    }
  }

  @Test(arguments: [0.2, 1, 4] as [Float]) func betaNumbersHaveTheirMoments(_ alpha: Float) {
    var random = Philox(seed: 3)
    let drawn = (0..<20_000).map { _ in Double(random.beta(alpha)) }
    let mean: Double = drawn.reduce(0, +) / 20_000
    let variance: Double = drawn.reduce(0) { sum, x in sum + (x - mean) * (x - mean) } / 20_000
    let expected = 1 / (4 * (2 * Double(alpha) + 1))
    #expect(drawn.allSatisfy { (0...1).contains($0) })
    #expect(abs(mean - 0.5) < 0.01)
    #expect(abs(variance - expected) < 0.005)
  }

  // MARK: Calibration

  /// Answers that are right as often as they say, made overconfident by a known temperature.
  private func overconfident(_ temperature: Double, count: Int = 4000) -> Evaluation {
    var random = Philox(seed: 5)
    let predictions = (0..<count).map { i in
      let logits = (0..<3).map { _ in Double(random.normal()) * 2 }
      let exponentials = logits.map { exp($0) }
      let honest = exponentials.map { $0 / exponentials.reduce(0, +) }
      let u = Double(random.uniform())
      let label = u < honest[0] ? 0 : u < honest[0] + honest[1] ? 1 : 2
      return Prediction(index: i, label: label, probabilities: honest)
    }
    return Evaluation(predictions: predictions).scaled(temperature: 1 / temperature)
  }

  @Test(arguments: [0.5, 1, 3] as [Double]) func theTemperatureIsFoundAgain(_ temperature: Double) {
    let evaluation = overconfident(temperature)
    #expect(abs(log(evaluation.bestTemperature / temperature)) < 0.1)
    let calibration = evaluation.calibration
    #expect(calibration.errorAfter < 0.03)
    if temperature != 1 { #expect(calibration.errorBefore > 0.05 && calibration.errorAfter < calibration.errorBefore / 2) }
    // A temperature changes no answer.
    #expect(evaluation.scaled(temperature: 3).accuracy == evaluation.accuracy)
  }

  @Test func theCalibrationErrorOfACaseByHand() {
    let evaluation = Evaluation(predictions: [
      Prediction(index: 0, label: 0, probabilities: [0.8, 0.2]), Prediction(index: 1, label: 1, probabilities: [0.8, 0.2]),
      Prediction(index: 2, label: 1, probabilities: [0.4, 0.6]),
    ])
    // Two answers of confidence 0.8, of which one is right; one of 0.6, which is right.
    #expect(abs(evaluation.calibrationError() - (2 * 0.3 + 0.4) / 3) < 1e-12)
    #expect(Evaluation(predictions: []).calibrationError() == 0)
  }

  // MARK: Gradients

  @Test func accumulatedGradientsAreThoseOfTheWhole() throws {
    let w = Tensor(GoldenNumbers.signed("w", count: 6), shape: [3, 2], on: device).tracked
    let x = Tensor(GoldenNumbers.signed("x", count: 12), shape: [4, 3], on: device)
    let whole = try x.linear(w).square().sum().gradients()[w]!.scalars()
    let halves = [0..<2, 2..<4].map { x.sliced(axis: 0, range: $0).linear(w).square().sum().gradients() }
    expectClose(try halves[0].adding(halves[1])[w]!.scalars(), whole)
  }

  // MARK: Rates

  @Test func theSuggestedRateLiesOnTheDescent() {
    let rates: [Float] = (0..<60).map { 1e-6 * powf(10, Float($0) / 10) }
    // Flat, then falling from step 20 to 40, then rising.
    let losses: [Double] = (0..<60).map { step in
      if step < 20 { return 2 }
      return step < 40 ? 2 - Double(step - 20) * 0.05 : 1 + Double(step - 40) * 0.5
    }
    let suggestion = LearningRateSweep(rates: rates, losses: losses).suggestion!
    #expect((rates[25]...rates[38]).contains(suggestion))
    #expect(!LearningRateSweep(rates: rates, losses: losses).isStillFalling)
    #expect(LearningRateSweep(rates: Array(rates[..<40]), losses: Array(losses[..<40])).isStillFalling)
    #expect(LearningRateSweep(rates: rates, losses: (0..<60).map(Double.init)).suggestion == nil)
    #expect(LearningRateSweep(rates: [], losses: []).suggestion == nil)
  }

  @Test func aSweepLeavesTheNetworkAsItWas() throws {
    let runs = try SmallRuns()
    let data = try runs.photos()
    let tuner = try runs.tuner("run", data)
    let before = try tuner.model.parameters().map { try $0.value.scalars() }
    let sweep = try FineTuner.sweep(
      tuner.model, tuner.options, data: data, transform: tuner.trainLoader.transform, rates: 1e-6...1, steps: 12, batchSize: 4,
      on: device)
    #expect(sweep.rates.first == 1e-6 && sweep.rates.count > 3 && sweep.rates == sweep.rates.sorted())
    #expect(try tuner.model.parameters().map { try $0.value.scalars() } == before)
  }

  // MARK: Few pictures

  @Test func fewShotsAreSoManyOfEachClass() {
    let source = ImageArray(images: Array(repeating: Image(width: 1, height: 1), count: 50), labels: (0..<50).map { Int32($0 % 3) })
    let few = ImageSelection(of: source, perClass: 4, seed: 1)
    #expect(few.count == 12 && Set(few.indices).count == 12)
    for label in 0..<3 { #expect((0..<12).count { few.label(at: $0) == label } == 4) }
    #expect(ImageSelection(of: source, perClass: 4, seed: 1).indices == few.indices)
    #expect(ImageSelection(of: source, perClass: 4, seed: 2).indices != few.indices)
    #expect(ImageSelection(of: source, perClass: 100, seed: 2).count == 50)
  }

  @Test func rareClassesAreDrawnAsOftenAsOthers() {
    let source = ImageArray(
      images: Array(repeating: Image(width: 1, height: 1), count: 1000), labels: (0..<1000).map { $0 < 50 ? 1 : 0 })
    let loader = BatchLoader(
      source, transform: ImageTransform(size: 1), batchSize: 10, isShuffled: true, classShares: [1, 1], seed: 3)
    let drawn = loader.order(ofEpoch: 0)
    #expect(drawn.count == 1000 && (450...550).contains(drawn.count { $0 < 50 }))
    #expect(loader.order(ofEpoch: 0) == drawn && loader.order(ofEpoch: 1) != drawn)
  }
}
