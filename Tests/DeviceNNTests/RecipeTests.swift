import Foundation
import Kernels
import Testing

@testable import DeviceNN

/// What each recipe trains, and what it leaves alone to the last bit.
@Suite struct RecipeTests {
  let runs = try! SmallRuns()

  private func bits(_ parameters: [Parameter]) throws -> [[UInt32]] {
    try parameters.map { try $0.value.scalars().map(\.bitPattern) }
  }

  @Test func theHeadAloneLeavesTheBackboneAsItWas() throws {
    let tuner = try runs.tuner("run", runs.photos()) { ($0.recipe, $0.epochs, $0.views) = (.head, 5, 2) }
    let backbone = try bits(tuner.model.backboneParameters)
    _ = try tuner.train()
    #expect(try bits(tuner.model.backboneParameters) == backbone)
    #expect(tuner.trainedCount == 1280 * 3 + 3)
    #expect(!FileManager.default.fileExists(atPath: tuner.run.featuresPath))
  }

  /// What is averaged, or clipped, is what features taught it.
  @Test(arguments: FineTuningOptions.Averaging.allCases) func aHeadThatIsAveragedHasLearnt(_ averaging: FineTuningOptions.Averaging) throws {
    let tuner = try runs.tuner("run", runs.photos()) {
      ($0.recipe, $0.epochs, $0.averaging, $0.clipNorm, $0.accumulation) = (.head, 8, averaging, 1, 2)
    }
    let before = try bits(tuner.model.head.parameters())
    _ = try tuner.train()
    for (a, b) in zip(before, try bits(tuner.model.head.parameters())) { #expect(a != b) }
  }

  @Test func stochasticAveragesAreMeansOfTheLastEpochs() throws {
    let tuner = try runs.tuner("run", runs.photos()) { ($0.epochs, $0.averaging) = (3, .stochastic) }
    let bias = tuner.model.head.parameters()[1]
    var ends: [[Float]] = []
    _ = try tuner.train(onEpoch: { _ in ends.append(try bias.value.scalars()) })
    #expect(ends.count == 3 && ends[1] != ends[2])
    expectClose(try bias.value.scalars(), zip(ends[1], ends[2]).map { ($0 + $1) / 2 })
  }

  @Test func lowRankChangesLeaveWeightsAsTheyWere() throws {
    let tuner = try runs.tuner("run", runs.photos()) { $0.recipe = .lora }
    let weights = tuner.model.backboneParameters.filter { $0.layout != .same }
    #expect(weights.count == 52 && weights.allSatisfy { $0.adapter != nil })
    let before = try bits(weights)
    _ = try tuner.train()
    #expect(try bits(weights) == before)
    for weight in weights {
      let up = try weight.adapter!.up.value.scalars()
      #expect(up.contains { $0 != 0 })
    }
    // Norms and the head are trained themselves.
    #expect(tuner.trainedCount < 60_000)
  }

  /// Depthwise convolutions included: the merged network is what the run stored.
  @Test func mergedChangesGiveTheSameLogits() throws {
    let tuner = try runs.tuner("run", runs.photos()) { $0.recipe = .lora }
    _ = try tuner.train()
    let model = tuner.model
    model.evaluate()
    let x = Tensor(GoldenNumbers.signed("x", count: 2 * 32 * 32 * 3), shape: [2, 32, 32, 3], on: tuner.device)
    let apart = try withoutGradients { try model(x).scalars() }
    let (stored, _) = try tuner.run.model(on: tuner.device)
    #expect(try withoutGradients { try stored(x).scalars() } == apart)
    try model.mergeAdapters()
    #expect(model.parameters().allSatisfy { $0.adapter == nil })
    #expect(try withoutGradients { try model(x).scalars() } == apart)
  }

  @Test func stagesThawFromTheLastToTheFirst() throws {
    let device = try Device(named: "cpu")
    let model = MobileNetV2(width: 0.35, ClassifierOptions(classes: 3), on: device)
    let thawed = (0..<8).map { model.thawedStages(epoch: $0, of: 8) }
    #expect(thawed == [3, 5, 7, 9, 9, 9, 9, 9])
    #expect((0..<1).map { model.thawedStages(epoch: $0, of: 1) } == [9])
    model.thawStages(epoch: 0, of: 8)
    let learning = model.stages.map { $0.flatMap { $0.parameters() }.contains(where: \.isTrainable) }
    #expect(learning == [false, false, false, false, false, false, true, true, true])
    let head = model.head.parameters().map(\.isTrainable)
    #expect(head == [true, true])
    #expect(model.thawing(epochs: 8) == "3 from epoch 1, 5 from epoch 2, 7 from epoch 3, all from epoch 4")
    #expect(model.thawing(epochs: 1) == "all from epoch 1")
  }

  @Test func stagesThatRestKeepEveryBit() throws {
    let tuner = try runs.tuner("run", runs.photos()) { ($0.recipe, $0.epochs) = (.gradual, 8) }
    let first = tuner.model.stages[0].flatMap { $0.parameters() }
    let before = try bits(first)
    var (resting, moved) = (0, 0)
    _ = try tuner.train(onEpoch: { _ in if try bits(first) == before { resting += 1 } else { moved += 1 } })
    #expect(resting == 3 && moved == 5)
  }

  @Test func ratesFallTowardsTheInput() throws {
    let tuner = try runs.tuner("run", runs.photos()) { ($0.layerDecay, $0.learningRate) = (0.5, 0.012) }
    let groups = tuner.optimizer.groups
    let model = tuner.model
    func rate(_ parameter: Parameter) -> Float? {
      groups.first { $0.parameters.contains { $0 === parameter } }?.learningRate
    }
    let blocks = model.stages.flatMap { $0 }
    #expect(rate(model.head.parameters()[0]) == 0.036)
    #expect(rate(blocks.last!.parameters()[0]) == 0.004)
    #expect(rate(blocks[blocks.count - 2].parameters()[0]) == 0.002)
    #expect(groups.reduce(0) { $0 + $1.parameters.count } == model.parameters().count { !$0.isStatistic })
    // Scales and biases don't decay.
    for group in groups { #expect(group.parameters.allSatisfy { ($0.value.shape.count > 1) == (group.weightDecay > 0) }) }
  }

  @Test func theSuitableRecipeSaysWhy() {
    func suited(_ pictures: Int, _ parameters: Int, isPretrained: Bool = true) -> Recipe {
      let (recipe, reason) = Recipe.suited(
        pictures: pictures, classes: 5, backboneParameters: parameters, isPretrained: isPretrained)
      #expect(!reason.isEmpty)
      return recipe
    }
    #expect(suited(10, 400_000) == .head)
    #expect(suited(1000, 400_000) == .full)
    #expect(suited(1000, 86_000_000) == .lora)
    #expect(suited(10, 400_000, isPretrained: false) == .full)
  }

  // MARK: Answers

  @Test func whatIsTrainedSmallerLooksAtTwoSizes() throws {
    let data = try runs.photos()
    let tuner = try runs.tuner("sizes", data)
    var configuration = tuner.configuration
    configuration.training.imageSize = 224
    configuration.take(.full, for: tuner.model, data)
    #expect(configuration.training.answerViews == AnswerViews(isMirrored: true, sizes: [224, 288]))
    configuration.training.imageSize = 160
    #expect(configuration.training.answerViews.sizes == [128, 192])
    // A head sees pictures as they are measured, whatever was asked for.
    (configuration.training, configuration.training.trainingSize) = (FineTuningOptions(), 160)
    configuration.take(.head, for: tuner.model, data)
    #expect(configuration.training.answerViews == AnswerViews(isMirrored: true))
    configuration.training = FineTuningOptions()
    #expect(configuration.training.answerViews == AnswerViews())
  }

  /// At the temperature of the mean: what a prediction says is what the report measured.
  @Test func answersAreMeansOverAllViews() throws {
    let data = try runs.photos()
    let tuner = try runs.tuner("views", data)
    let loader = BatchLoader(data.validation, transform: tuner.configuration.transform, batchSize: 4)
    func answers(_ views: AnswerViews) throws -> [[Double]] {
      try tuner.model.evaluation(of: loader, by: views, on: tuner.device).predictions.map(\.probabilities)
    }
    let views = AnswerViews(isMirrored: true, sizes: [64, 96])
    let small = try answers(AnswerViews(isMirrored: true, sizes: [64])), large = try answers(AnswerViews(isMirrored: true, sizes: [96]))
    let both = try answers(views)
    #expect(small != large && small.count == 9)
    for ((a, b), c) in zip(zip(small.joined(), large.joined()), both.joined()) { #expect(abs((a + b) / 2 - c) < 1e-12) }
    #expect(try answers(AnswerViews(sizes: [64])) != small)
    #expect(try answers(AnswerViews()) == answers(AnswerViews(sizes: [32])))

    // A picture alone gets the answers that were measured.
    var configuration = tuner.configuration
    (configuration.training.testTimeAugmentation, configuration.training.looksAtTwoSizes) = (true, true)
    configuration.training.imageSize = 64
    configuration.calibration = Calibration(temperature: 0.5, errorBefore: 0, errorAfter: 0)
    #expect(configuration.training.answerViews == AnswerViews(isMirrored: true, sizes: [32, 96]))
    let measured = try tuner.model.evaluation(of: loader, by: configuration.training.answerViews, on: tuner.device)
      .scaled(temperature: 0.5).predictions[3]
    let image = try data.validation.image(at: measured.index, atLeast: 96)
    let alone = try tuner.model.probabilities(of: image, configuration, on: tuner.device)
    for (a, b) in zip(alone, measured.probabilities) { #expect(abs(a - b) < 1e-5) }
  }

  // MARK: Resuming

  /// Every way of training ends with the same bits, resumed after its first epochs or not.
  @Test(arguments: [
    "head", "lora", "gradual", "exponential", "stochastic", "mixed", "accumulated", "sampled", "weighted", "patient",
  ])
  func resumedRunsEndLikeWholeOnes(_ way: String) throws {
    let data = try runs.photos()
    func options(_ options: inout FineTuningOptions) {
      options.epochs = 4
      switch way {
      case "head", "lora", "gradual": options.recipe = Recipe(rawValue: way)!
      case "exponential", "stochastic": options.averaging = FineTuningOptions.Averaging(rawValue: way)!
      case "mixed": (options.mixUp, options.cutMix, options.augmentation) = (0.4, 1, .strong)
      case "accumulated": (options.accumulation, options.clipNorm, options.schedule) = (2, 1, .cosine)
      case "sampled": options.balance = .sampling
      case "weighted": options.balance = .weights
      default: options.patience = 2
      }
    }
    let whole = try runs.tuner("whole", data, change: options)
    let evaluation = try whole.train()

    struct Stop: Error {}
    let part = try runs.tuner("part", data, change: options)
    #expect(throws: Stop.self) { try part.train(onEpoch: { if $0.epoch == 2 { throw Stop() } }) }
    let resumed = try runs.tuner("part", data, isResumed: true, change: options)
    #expect(try resumed.train() == evaluation)
    func contents(_ name: String) -> Data? { FileManager.default.contents(atPath: runs.folder.path(of: name)) }
    #expect(contents("part/model.safetensors") == contents("whole/model.safetensors"))
    func losses(_ tuner: FineTuner) throws -> [Double] { try tuner.epochs.flatMap { [$0.trainLoss, $0.validationLoss] } }
    #expect(try losses(resumed) == losses(whole))
  }
}
