internal import Foundation
public import Kernels

/// What is said, and by whom and how, as a `Trainer` learns it. Each batch is of one source's clips, which are of similar
/// length and answer the same questions; sources take turns, small ones show their clips several times an epoch.
public final class SpeechProblem: TrainingProblem {
  public let network: SpeechModel
  public let data: SpeechDataset
  public let configuration: SpeechConfiguration
  private let device: Device
  private let decoder: CTCDecoder
  /// Of each training clip at each speed, and of each of the test.
  private let train: [[SpeechFeatures]]
  private let test: [SpeechFeatures]
  /// Clips of a batch, batches of a pass and passes of an epoch, by source.
  private let rounds: [(items: [Int], size: Int, passes: Int)]
  /// What the model said last of the test's clips.
  private var latest: [HeardUtterance] = []

  /// Reads all clips, and scales the model's input by those for training.
  public init(_ network: SpeechModel, _ configuration: SpeechConfiguration, data: SpeechDataset, on device: Device) throws {
    (self.network, self.data, self.configuration, self.device) = (network, data, configuration, device)
    decoder = configuration.decoder
    let spectrogram = LogMelSpectrogram(configuration.spectrogram, on: device)
    let rate = configuration.spectrogram.sampleRate
    train = try data.train.map { utterance in
      let clip = try AudioClip(contentsOf: utterance.file).resampled(to: rate)
      return try configuration.options.speeds.map { speed in
        try SpeechFeatures(speed == 1 ? clip : clip.played(atSpeed: speed), spectrogram)
      }
    }
    test = try data.test.map { try SpeechFeatures(AudioClip(contentsOf: $0.file), spectrogram) }
    rounds = data.paths.indices.map { [train, framesPerBatch = configuration.options.framesPerBatch] source in
      let items = data.train.indices.filter { data.train[$0].source == source }
      let median = items.map { train[$0][0].frames }.sorted()[items.count / 2]
      return (items, min(max(framesPerBatch / median, 1), 16), 1)
    }.balanced()
    network.scaleInput(by: train.map { $0[0] })
  }

  public var model: any Module { network }
  public var tasks: [String] { ["text"] + data.questions.map(\.name) }
  public var batchesPerEpoch: Int { rounds.reduce(0) { $0 + $1.passes * (($1.items.count + $1.size - 1) / $1.size) } }

  public struct Batch {
    let clips: SpeechBatch
  }

  public func count(of batch: Batch) -> Int { batch.clips.items.count }

  public func batches(ofEpoch epoch: Int) -> () throws -> Batch? {
    let options = configuration.options
    var random = Philox(seed: options.seed, stream: UInt64(epoch) << 32)
    var all: [[Int]] = []
    for round in rounds {
      for _ in 0..<round.passes {
        var order = round.items
        random.shuffle(&order)
        // Within a few batches' clips, those of similar length go together, so that little is padded.
        for pool in stride(from: 0, to: order.count, by: round.size * 8) {
          let range = pool..<min(pool + round.size * 8, order.count)
          let sorted = order[range].sorted { (train[$0][0].frames, $0) < (train[$1][0].frames, $1) }
          order.replaceSubrange(range, with: sorted)
        }
        all += stride(from: 0, to: order.count, by: round.size).map { Array(order[$0..<min($0 + round.size, order.count)]) }
      }
    }
    random.shuffle(&all)
    var next = 0
    return { [self] in
      guard next < all.count else { return nil }
      defer { next += 1 }
      // What a clip is dealt depends on its place in the epoch alone.
      var random = Philox(seed: options.seed, stream: UInt64(epoch) << 32 + UInt64(next) + 1)
      let features = all[next].map { train[$0][random.integer(below: options.speeds.count)] }
      let masks = features.map { options.specAugment.masks(frames: $0.frames, bands: $0.bands, random: &random) }
      return Batch(clips: SpeechBatch(items: all[next], features: features, masks: masks))
    }
  }

  public func forward(_ batch: Batch) -> SharedForward {
    let answer = batch.clips.answer(of: network, on: device)
    return SharedForward(losses: losses(of: answer, batch.clips.items.map { data.train[$0] }))
  }

  /// The loss of the text and of each question, over the clips whose answer is known; nil where none is.
  private func losses(of answer: SpeechModel.Answer, _ utterances: [Utterance]) -> [Tensor?] {
    [textLoss(of: answer, utterances)] + zip(data.questions, answer.logits).map { question, logits in
      let labels = utterances.map { utterance in
        utterance.answers[question.name].flatMap(question.classes.firstIndex).map { Int32($0) }
      }
      guard labels.contains(where: { $0 != nil }) else { return nil }
      return logits.crossEntropy(IntTensor(labels.map { $0 ?? Int32(Tensor.ignoredLabel) }, on: device), labelSmoothing: 0.1)
    }
  }

  /// The mean over clips of a character's share in the loss. A clip that is too short for its text teaches nothing.
  private func textLoss(of answer: SpeechModel.Answer, _ utterances: [Utterance]) -> Tensor? {
    let labels = zip(utterances, answer.steps).map { utterance, steps in
      let labels = utterance.text.flatMap(decoder.labels)
      return labels.flatMap { CTCDecoder.stepsNeeded($0) <= steps ? $0 : nil }
    }
    let known = labels.count { $0 != nil }
    let most = labels.map { $0?.count ?? 0 }.max() ?? 0
    guard known > 0, most > 0 else { return nil }
    let losses = answer.logProbabilities.ctcLosses(
      IntTensor(
        labels.flatMap { ($0 ?? []) + [Int32](repeating: 0, count: most - ($0?.count ?? 0)) }, shape: [labels.count, most],
        on: device),
      inputLengths: answer.steps, targetLengths: labels.map { $0?.count ?? 0 })
    let shares = labels.map { $0.map { 1 / Float(max($0.count, 1) * known) } ?? 0 }
    return (losses * Tensor(shares, shape: losses.shape, on: device)).sum()
  }

  // MARK: Measuring

  public func measure() throws -> [String: Double] {
    let order = test.indices.sorted { (test[$0].frames, $0) < (test[$1].frames, $1) }
    var heard = [HeardUtterance?](repeating: nil, count: test.count)
    var (sums, counts) = ([Double](repeating: 0, count: tasks.count), [Int](repeating: 0, count: tasks.count))
    for start in stride(from: 0, to: order.count, by: 16) {
      let items = Array(order[start..<min(start + 16, order.count)])
      let batch = SpeechBatch(items: items, features: items.map { test[$0] })
      let utterances = batch.items.map { data.test[$0] }
      let answer = withoutGradients { batch.answer(of: network, on: device) }
      for (task, loss) in withoutGradients({ losses(of: answer, utterances) }).enumerated() {
        guard let loss else { continue }
        sums[task] += Double(try loss.scalar()) * Double(batch.items.count)
        counts[task] += batch.items.count
      }
      for (item, recognition) in zip(batch.items, try answer.recognitions(of: batch, decoder, data.questions)) {
        heard[item] = HeardUtterance(utterance: data.test[item], recognition: recognition)
      }
    }
    latest = heard.map { $0! }
    var numbers = SpeechScores(latest, data.questions).numbers
    for (task, name) in tasks.enumerated() where counts[task] > 0 {
      numbers["\(name)/loss"] = sums[task] / Double(counts[task])
      numbers["loss", default: 0] += sums[task] / Double(counts[task])
    }
    return numbers
  }

  /// What the model hears in the test's clips now, with the likeliest text of a search.
  public func hear() throws -> [HeardUtterance] {
    network.evaluate()
    _ = try measure()
    let texts = concurrentMap(latest.count) { [decoder, latest] in latest[$0].recognition.likeliestText(decoder) }
    for (i, text) in texts.enumerated() { latest[i].recognition.text = text }
    return latest
  }
}

extension [(items: [Int], size: Int, passes: Int)] {
  /// With as many passes over each as make about as many batches as the largest has.
  fileprivate func balanced() -> Self {
    let most = map { ($0.items.count + $0.size - 1) / $0.size }.max() ?? 1
    return map { ($0.items, $0.size, Swift.max(most * $0.size / Swift.max($0.items.count, 1), 1)) }
  }
}

extension SpeechModel {
  /// Makes each band's mean 0 and its deviation 1.
  func scaleInput(by clips: [SpeechFeatures]) {
    let bands = mean.value.count
    var (sums, squares, count) = ([Double](repeating: 0, count: bands), [Double](repeating: 0, count: bands), 0)
    for clip in clips {
      for (i, value) in clip.values.enumerated() {
        sums[i % bands] += Double(value)
        squares[i % bands] += Double(value) * Double(value)
      }
      count += clip.frames
    }
    let means = sums.map { $0 / Double(max(count, 1)) }
    mean.assign(means.map { Float($0) })
    deviation.assign(zip(squares, means).map { Float(max($0 / Double(max(count, 1)) - $1 * $1, 1e-4).squareRoot()) })
  }
}

extension Trainer where Problem == SpeechProblem {
  /// A run on recordings; `model` has its first weights.
  public convenience init(
    _ model: SpeechModel, _ configuration: SpeechConfiguration, data: SpeechDataset, run: RunFolder, on device: Device,
    isResumed: Bool = false
  ) throws {
    let options = configuration.options
    let problem = try SpeechProblem(model, configuration, data: data, on: device)
    var settings = TrainerSettings(epochs: options.epochs)
    settings.clipNorm = 5
    var schedule = OneCycle(steps: options.epochs * problem.batchesPerEpoch)
    schedule.warmUp = 0.15
    let weighting = StaticWeighting([options.textWeight] + data.questions.map { _ in 1 })
    try self.init(
      problem, MultiTaskObjective(tasks: problem.tasks, weighting: weighting, seed: options.seed),
      AdamW(
        ParameterGroup.decaying(model.parameters(), learningRate: options.learningRate, weightDecay: options.weightDecay)),
      schedule: schedule, settings, configuration: configuration,
      fingerprint: data.fingerprint, dataPath: data.paths.joined(separator: ", "), run: run, isResumed: isResumed)
  }
}
