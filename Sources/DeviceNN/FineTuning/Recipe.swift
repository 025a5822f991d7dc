public import Kernels

/// What of a pretrained network is trained, and in what order.
public enum Recipe: String, Codable, Sendable, CaseIterable {
  /// A new head on a frozen backbone, whose features are computed once.
  case head
  /// Everything, the new head at nine times the backbone's rate.
  case full
  /// The head, then stage by stage from the last to the first, during the first half of the epochs (Howard and Ruder 2018).
  case gradual
  /// The head, norms, and a low-rank change of every weight matrix.
  case lora
}

extension Recipe {
  /// The recipe that suits a data set and a backbone, and why.
  ///
  /// - Parameters:
  ///   - pictures: training pictures.
  ///   - isPretrained: whether the backbone knows anything yet.
  public static func suited(
    pictures: Int, classes: Int, backboneParameters: Int, isPretrained: Bool
  ) -> (recipe: Recipe, reason: String) {
    guard isPretrained else { return (.full, "random weights have to be trained everywhere") }
    let each = pictures / max(classes, 1)
    if each < 40 { return (.head, "\(each) pictures a class tell a head what to look at, and no more") }
    if pictures < 2000, backboneParameters > 50_000_000 {
      return (.lora, "\(pictures) pictures are few for \(backboneParameters / 1_000_000) million parameters")
    }
    return (.full, "\(pictures) pictures, \(each) a class, move \(backboneParameters) parameters safely at small rates")
  }
}

extension ModelConfiguration {
  /// Takes the recipe that suits the data, with what belongs to it, and notes why.
  public mutating func chooseRecipe(for model: any ImageClassifier, _ data: ImageDataset) {
    let recipe: Recipe
    (recipe, reason) = Recipe.suited(
      pictures: data.train.count, classes: data.classes.count,
      backboneParameters: model.backboneParameters.reduce(0) { $0 + ($1.isStatistic ? 0 : $1.value.count) }, isPretrained: !training.fromScratch)
    take(recipe, for: model, data)
  }

  /// Takes a recipe with what belongs to it. A network that sees pictures of any size measures whole ones at eight sevenths of
  /// theirs, four thirds of what it was trained on, which shows it things as large as crops did (Touvron et al. 2019), and in the
  /// end looks at them at two sizes around that one.
  public mutating func take(_ recipe: Recipe, for model: any ImageClassifier, _ data: ImageDataset) {
    training.recipe = recipe
    training.takeDefaults(of: recipe, pictures: data.train.count)
    if recipe != .head, training.trainingSize != nil, training.imageSize >= 128, model.imageSize == nil {
      (training.imageSize, training.looksAtTwoSizes) = (training.imageSize * 8 / 7 / 32 * 32, true)
    }
  }

  /// Tries the learning rate in a short sweep, and notes what came of it. The recipe's own rate stays unless the curve says
  /// that it is more than three times off: defaults were measured on a few networks and data sets, sweeps are noisy. A head
  /// alone is trained from stored features, so that its rate hardly matters.
  public mutating func chooseRate(for model: any ImageClassifier, _ data: ImageDataset, on device: Device) throws {
    guard training.recipe != .head, data.train.count >= 8 else { return }
    let sweep = try FineTuner.sweep(
      model, training, data: data, transform: training.trainingTransform(transform, networkSize: model.imageSize),
      rates: 1e-6...1, steps: 60, batchSize: 8, on: device)
    guard let suggestion = sweep.suggestion else { return }
    let rate = min(max(training.learningRate, suggestion / 3), suggestion * 3)
    reason += "; a sweep of the learning rate suggests \(significant(Double(suggestion))), so that it is \(significant(Double(rate)))"
    training.learningRate = rate
  }
}

extension FineTuningOptions {
  /// What a recipe does best with. A head alone learns in milliseconds, from many views of each picture, and is not
  /// overconfident on its own. A pretrained network that is trained whole sees pictures at six sevenths of their size, and
  /// has time for more epochs in return.
  ///
  /// - Parameter pictures: training pictures; the fewer, the more views of each.
  public mutating func takeDefaults(of recipe: Recipe, pictures: Int) {
    switch recipe {
    case .head:
      (epochs, views, labelSmoothing, testTimeAugmentation) = (96, min(max(4000 / max(pictures, 1), 4), 16), 0, true)
    case .full where !fromScratch && imageSize >= 128, .lora where imageSize >= 128:
      (epochs, trainingSize, testTimeAugmentation) = (10, imageSize * 6 / 7 / 32 * 32, true)
    case .full, .gradual, .lora: break
    }
    // Changes that start at nothing have a longer way to go than weights.
    if recipe == .lora {
      learningRate = 4e-3
      if trainingSize != nil { epochs = 16 }
    }
  }
}

extension Recipe {
  /// Decides what of a model is trained, and at which rates. Rates fall by `layerDecay` from block to block towards the
  /// input; scales and biases don't decay.
  ///
  /// - Parameter networks: the backbones in the model, side by side where there are several. What else it has learns as
  ///   heads do.
  func parameterGroups(
    _ model: any Module, of networks: [any ImageClassifier], _ options: FineTuningOptions
  ) -> [ParameterGroup] {
    switch self {
    case .head: networks.flatMap(\.backboneParameters).forEach { $0.isTrainable = false }
    case .lora: networks.forEach { $0.adapt(rank: options.rank, seed: options.seed) }
    case .full, .gradual: break
    }
    func groups(_ parameters: [Parameter], rate: Float) -> [ParameterGroup] {
      ParameterGroup.decaying(parameters, learningRate: rate, weightDecay: options.weightDecay)
        .filter { !$0.parameters.isEmpty }
    }
    // Adapters start at nothing, so they take the rate of new layers.
    let backboneRate = options.learningRate * (options.fromScratch ? 1 : self == .lora ? 1 : 1 / 3)
    let headRate = options.learningRate * 3
    // A model may use only a part of a network.
    let all = model.parameters()
    let used = Set(all.map(ObjectIdentifier.init))
    func within(_ parameters: [Parameter]) -> [Parameter] { parameters.filter { used.contains(ObjectIdentifier($0)) } }
    let backbone = within(networks.flatMap(\.backboneParameters))
    // Blocks of one depth together. Tokens and position embeddings, which belong to no block, come before all of them.
    let columns = networks.map { Array($0.stages.joined()) }
    let blocks = columns[0].indices.map { depth in within(columns.flatMap { $0[depth].parameters() }) }
    let inBlocks = Set(blocks.joined().map(ObjectIdentifier.init))
    let outside = backbone.filter { !inBlocks.contains(ObjectIdentifier($0)) }
    let layers = outside.isEmpty ? blocks : [outside] + blocks
    let inBackbone = Set(backbone.map(ObjectIdentifier.init))
    let heads = groups(all.filter { !inBackbone.contains(ObjectIdentifier($0)) }, rate: headRate)
    guard options.layerDecay < 1 else { return groups(layers.flatMap { $0 }, rate: backboneRate) + heads }
    return layers.enumerated().flatMap { depth, parameters in
      groups(parameters, rate: backboneRate * power(options.layerDecay, layers.count - 1 - depth))
    } + heads
  }

  private func power(_ base: Float, _ exponent: Int) -> Float { (0..<exponent).reduce(1) { product, _ in product * base } }
}

extension ImageClassifier {
  /// How many of the last stages learn in an epoch of `gradual`, counted from 0: one more or several each epoch, and all
  /// in the second half.
  func thawedStages(epoch: Int, of epochs: Int) -> Int {
    min(stages.count, (2 * (epoch + 1) * stages.count + epochs - 1) / max(epochs, 1))
  }

  /// From which epoch on how many stages learn with `gradual`, in words.
  package func thawing(epochs: Int) -> String {
    var (steps, last): ([String], Int) = ([], 0)
    for epoch in 0..<epochs where thawedStages(epoch: epoch, of: epochs) != last {
      last = thawedStages(epoch: epoch, of: epochs)
      steps.append("\(last == stages.count ? "all" : "\(last)") from epoch \(epoch + 1)")
    }
    return steps.joined(separator: ", ")
  }

  /// Lets these stages learn and the others rest.
  func thawStages(epoch: Int, of epochs: Int) {
    let thawed = thawedStages(epoch: epoch, of: epochs)
    for (index, stage) in stages.enumerated() {
      for parameter in stage.flatMap({ $0.parameters() }) { parameter.isTrainable = index >= stages.count - thawed }
    }
  }
}
