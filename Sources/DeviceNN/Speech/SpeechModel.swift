internal import Foundation
public import Kernels

/// A question about a voice that has one of a few answers: emotion, speaker, gender.
public struct SpeechQuestion: Codable, Sendable, Equatable {
  public var name: String
  public var classes: [String]

  public init(_ name: String, classes: [String]) { (self.name, self.classes) = (name, classes) }
}

/// A small network that hears: two convolutions over time and pitch, gated recurrent units from both ends, a head that
/// says a character or nothing every two frames, and a head for each question about the whole clip.
public final class SpeechModel: Module {
  /// Of each band over the training clips, which the input is scaled with.
  public let mean: Parameter
  public let deviation: Parameter
  let conv1: Convolution2D
  let norm1: LayerNorm
  let conv2: Convolution2D
  let norm2: LayerNorm
  let projection: Linear
  let norm3: LayerNorm
  let encoder: BidirectionalGRU
  let dropout: Dropout
  let transcript: Linear
  let heads: [Linear]
  public var isTraining = true

  /// What the network says of a batch.
  public struct Answer {
    /// (T,N,characters + 1), the first class being the blank.
    public let logProbabilities: Tensor
    /// How many of the T steps belong to each clip.
    public let steps: [Int]
    /// logits(N,classes) of each question.
    public let logits: [Tensor]
  }

  /// - Parameters:
  ///   - bands: of the spectrograms, a multiple of 4.
  ///   - characters: of the alphabet.
  public init(
    bands: Int, characters: Int, questions: [SpeechQuestion], dropout probability: Float = 0.1, seed: UInt64,
    on device: Device
  ) {
    precondition(bands > 0 && bands % 4 == 0, "the network halves the bands twice, but there are \(bands)")
    let (channels, features, units) = (16, 96, 64)
    var random = Philox(seed: seed)
    func linear(_ inputs: Int, _ outputs: Int, _ random: inout Philox) -> Linear {
      Linear(inputs, outputs, deviation: 1 / Float(inputs).squareRoot(), on: device, random: &random)
    }
    mean = Parameter(Tensor(repeating: 0, shape: [bands], on: device), isStatistic: true)
    deviation = Parameter(Tensor(repeating: 1, shape: [bands], on: device), isStatistic: true)
    conv1 = Convolution2D(1, channels, kernel: 3, stride: 2, hasBias: true, on: device, random: &random)
    norm1 = LayerNorm(channels, on: device)
    conv2 = Convolution2D(2 * channels, 2 * channels, kernel: 3, hasBias: true, on: device, random: &random)
    norm2 = LayerNorm(2 * channels, on: device)
    projection = linear(2 * channels * bands / 4, features, &random)
    norm3 = LayerNorm(features, on: device)
    encoder = BidirectionalGRU(features, units, on: device, random: &random)
    dropout = Dropout(probability, seed: random.next())
    transcript = linear(2 * units, characters + 1, &random)
    var heads: [Linear] = []
    for question in questions { heads.append(linear(2 * (features + 2 * units), question.classes.count, &random)) }
    self.heads = heads
  }

  /// - Parameters:
  ///   - x: logarithms of power (N,T,bands), anything behind a clip's end.
  ///   - frames: how many of the T frames belong to each clip.
  ///   - seenFrames: (N,T), 0 where `SpecAugment` hides a frame; nil sees all.
  ///   - seenBands: (N,bands), likewise.
  public func callAsFunction(
    _ x: Tensor, frames: [Int], seenFrames: [Float]? = nil, seenBands: Tensor? = nil
  ) -> Answer {
    precondition(
      x.shape.count == 3 && x.shape[2] == mean.value.count && frames.count == x.shape[0]
        && frames.allSatisfy { (1...x.shape[1]).contains($0) },
      "clips of \(frames) frames do not fit x(N,T,\(mean.value.count)) of \(x.shape)")
    let (n, t, bands) = (x.shape[0], x.shape[1], x.shape[2])
    let steps = frames.map { ($0 + 1) / 2 }
    var visible = Self.mask(frames, of: t)
    if let seenFrames { visible = zip(visible, seenFrames).map { $0 * $1 } }
    // What is hidden, and what is behind the end, is the mean.
    var y = (x - mean.value) / deviation.value * Tensor(visible, shape: [n, t, 1], on: x.device)
    if let seenBands { y = y * seenBands.reshaped([n, 1, bands]) }
    y = norm1(conv1(y.reshaped([n, t, bands, 1]))).relu()
    // Zeros behind the end again: a clip's answer is the same beside a longer one.
    let inside = Self.mask(steps, of: y.shape[1])
    y = y * Tensor(inside, shape: [n, y.shape[1], 1, 1], on: x.device)
    // Pairs of bands become channels.
    y = norm2(conv2(y.reshaped([n, y.shape[1], bands / 4, 2 * y.shape[3]]))).relu()
    let local = dropout(norm3(projection(y.reshaped([n, y.shape[1], bands / 4 * y.shape[3]]))).relu())
    let context = dropout(encoder(local, lengths: steps))
    // Of the whole clip: what it was on average, and how much it changed (Snyder et al. 2018).
    let shares = Tensor(
      zip(inside, 0...).map { $0 / Float(steps[$1 / y.shape[1]]) }, shape: [n, y.shape[1], 1], on: x.device)
    let all = Tensor.concatenated([local, context], axis: 2)
    let average = (all * shares).sum(axes: [1])
    let spread = ((all.square() * shares).sum(axes: [1]) - average.square()).clamped(to: 1e-4...).sqrt()
    let pooled = Tensor.concatenated([average, spread], axis: 1)
    return Answer(
      logProbabilities: transcript(context).logSoftmax().transposed([1, 0, 2]), steps: steps,
      logits: heads.map { $0(pooled) })
  }

  /// 1 for the first `counts` of `length`, else 0.
  private static func mask(_ counts: [Int], of length: Int) -> [Float] {
    counts.flatMap { count in (0..<length).map { $0 < count ? 1 : 0 } }
  }
}
