// Decoding ahead of training: threads fill batches while the device computes.
internal import Foundation

/// Pictures as a device takes them.
public struct ImageBatch: Sendable {
  /// Width and height of each picture.
  public let size: Int
  /// (N, size, size, 3)
  public let pixels: [UInt8]
  /// (N, 3, 4): input(n, y, x, c) = Σ colour(n, c, k) · pixels(n, y, x, k) + colour(n, c, 3), the bytes being 0 … 255.
  public let colour: [Float]
  public let labels: [Int32]
  /// Each picture's number in its source.
  public let indices: [Int]
  /// For each picture, from places in it as its source decoded it to places in the input.
  public var places: [PixelMap] = []

  public var count: Int { labels.count }

  /// (N, size, size, 3): what the device makes of `pixels` and `colour`, computed here.
  public func normalized() -> [Float] {
    (0..<count * size * size * 3).map { i in
      let (picture, channel, pixel) = (i / (size * size * 3), i % 3, i / 3 * 3)
      let row = colour[(picture * 3 + channel) * 4..<(picture * 3 + channel) * 4 + 4]
      return (0..<3).reduce(row[row.startIndex + 3]) { $0 + row[row.startIndex + $1] * Float(pixels[pixel + $1]) }
    }
  }
}

/// Makes the batches of an epoch. What is in them depends on the seed and the epoch's number only, not on `threads`.
public struct BatchLoader: Sendable {
  public enum LastBatch: Sendable {
    /// A last batch with fewer pictures is kept.
    case keep
    /// It is left out if it holds a single picture, whose variance batch normalisation could not take.
    case dropSingle
    /// It is left out.
    case drop
  }

  public let source: any ImageSource
  public var transform: ImageTransform
  public let batchSize: Int
  public let isShuffled: Bool
  /// How often each class is drawn, by its number; nil shows each picture once an epoch.
  public let classShares: [Double]?
  public let lastBatch: LastBatch
  public let seed: UInt64
  public let threads: Int
  /// No more batches than these are in memory besides those that were handed over.
  public let ahead: Int

  public init(
    _ source: any ImageSource, transform: ImageTransform, batchSize: Int, isShuffled: Bool = false,
    classShares: [Double]? = nil, lastBatch: LastBatch = .keep, seed: UInt64 = 0, threads: Int? = nil, ahead: Int = 3
  ) {
    let threads = threads ?? min(8, ProcessInfo.processInfo.activeProcessorCount)
    precondition(
      batchSize > 0 && threads > 0 && ahead > 0,
      "a batch of \(batchSize), \(threads) threads and \(ahead) batches ahead were given; each must be 1 or more")
    (self.source, self.transform, self.batchSize, self.isShuffled) = (source, transform, batchSize, isShuffled)
    (self.lastBatch, self.seed, self.threads, self.ahead) = (lastBatch, seed, threads, ahead)
    self.classShares = classShares
  }

  /// How many batches an epoch has.
  public var batchCount: Int {
    let (whole, rest) = source.count.quotientAndRemainder(dividingBy: batchSize)
    let isRestKept =
      switch lastBatch {
      case .keep: rest > 0
      case .dropSingle: rest > 1
      case .drop: false
      }
    return whole + (isRestKept ? 1 : 0)
  }

  /// The order in which an epoch shows the pictures.
  public func order(ofEpoch epoch: Int) -> [Int] {
    guard isShuffled else { return Array(0..<source.count) }
    if let classShares { return drawnOrder(ofEpoch: epoch, classShares) }
    // Streams count up for pictures, so orders count down from the end.
    var generator = Philox(seed: seed, stream: .max - UInt64(epoch))
    return generator.permutation(of: source.count)
  }

  /// As many pictures as there are, drawn with replacement so that each class comes as often as its share says.
  private func drawnOrder(ofEpoch epoch: Int, _ shares: [Double]) -> [Int] {
    var generator = Philox(seed: seed, stream: .max - UInt64(epoch))
    let members = Dictionary(grouping: 0..<source.count) { Int(source.label(at: $0)) }
    let classes = members.keys.sorted()
    let total = classes.reduce(0) { $0 + shares[$1] }
    return (0..<source.count).map { _ in
      var left = Double(generator.uniform()) * total
      let drawn = classes.first { label in
        left -= shares[label]
        return left < 0
      } ?? classes.last!
      return members[drawn]![generator.integer(below: members[drawn]!.count)]
    }
  }

  /// Starts decoding an epoch. Dropping the returned value stops it.
  public func epoch(_ epoch: Int) -> EpochBatches { EpochBatches(EpochPipeline(self, epoch: epoch)) }

  /// One picture, with random numbers of its own in each epoch.
  func input(_ index: Int, epoch: Int) throws(ImageError) -> ImageTransform.Input {
    var generator = Philox(seed: seed, stream: UInt64(epoch) &* UInt64(source.count) &+ UInt64(index))
    return try transform(source, index, using: &generator)
  }
}

/// The batches of one epoch, in order: `while let batch = try batches.next() { … }`.
///
/// Belongs to one consumer. When it goes, its threads end after the picture they are at.
public final class EpochBatches {
  private let pipeline: EpochPipeline

  fileprivate init(_ pipeline: EpochPipeline) { self.pipeline = pipeline }
  deinit { pipeline.cancel() }

  /// The next batch, as soon as it is complete; nil at the end. Throws what decoding one of its pictures threw, naming
  /// the file; after that there are no more batches.
  public func next() throws(ImageError) -> ImageBatch? { try pipeline.next() }
}

/// What the threads and the consumer of an epoch share.
///
/// The unit of work is a picture, so that one batch too is decoded by all threads. Pictures are dealt in order; a thread
/// waits when the next one belongs to a batch too far ahead of the consumer. Whoever finishes a batch's last picture
/// joins its pictures.
///
/// Unchecked: every `var` is read and written with `condition` locked; what is `let` is Sendable.
private final class EpochPipeline: @unchecked Sendable {
  private let loader: BatchLoader
  private let epoch: Int
  private let order: [Int]
  private let batchCount: Int

  private let condition = NSCondition()
  private var nextPosition = 0
  private var takenBatches = 0
  private var inProgress: [Int: PartialBatch] = [:]
  private var finished: [Int: Result<ImageBatch, ImageError>] = [:]
  private var isCancelled = false

  private typealias Picture = Result<ImageTransform.Input, ImageError>

  private struct PartialBatch {
    var pictures: [Picture?]
    var missing: Int
  }

  init(_ loader: BatchLoader, epoch: Int) {
    (self.loader, self.epoch) = (loader, epoch)
    order = loader.order(ofEpoch: epoch)
    batchCount = loader.batchCount
    for number in 0..<min(loader.threads, positions(ofBatch: 0).count * max(batchCount, 1)) {
      let thread = Thread { [self] in work() }
      thread.name = "devicenn.decode.\(number)"
      thread.start()
    }
  }

  func cancel() {
    condition.withLock {
      isCancelled = true
      condition.broadcast()
    }
  }

  func next() throws(ImageError) -> ImageBatch? {
    let result: Result<ImageBatch, ImageError>? = condition.withLock {
      guard takenBatches < batchCount, !isCancelled else { return nil }
      while finished[takenBatches] == nil { condition.wait() }
      let result = finished.removeValue(forKey: takenBatches)
      takenBatches += 1
      if case .failure = result { isCancelled = true }
      condition.broadcast()
      return result
    }
    return try result?.get()
  }

  // MARK: Threads

  private func work() {
    while let position = takePosition() {
      let picture: Picture
      do throws(ImageError) {
        picture = .success(try loader.input(order[position], epoch: epoch))
      } catch {
        picture = .failure(error)
      }
      let batch = position / loader.batchSize
      guard let pictures = put(picture, at: position, of: batch) else { continue }
      let joined = joined(pictures, positions(ofBatch: batch))
      condition.withLock {
        finished[batch] = joined
        condition.broadcast()
      }
    }
  }

  /// The position in the epoch's order that this thread is to decode; nil when there is no more to do.
  private func takePosition() -> Int? {
    condition.withLock {
      while true {
        let batch = nextPosition / loader.batchSize
        if isCancelled || batch >= batchCount || nextPosition >= order.count { return nil }
        if batch < takenBatches + loader.ahead {
          nextPosition += 1
          return nextPosition - 1
        }
        condition.wait()
      }
    }
  }

  /// Stores a picture; returns the whole batch if this was the last one missing.
  private func put(_ picture: Picture, at position: Int, of batch: Int) -> [Picture]? {
    condition.withLock {
      let positions = positions(ofBatch: batch)
      var partial =
        inProgress.removeValue(forKey: batch)
        ?? PartialBatch(pictures: Array(repeating: nil, count: positions.count), missing: positions.count)
      partial.pictures[position - positions.lowerBound] = picture
      partial.missing -= 1
      if partial.missing == 0 { return partial.pictures.map { $0! } }
      inProgress[batch] = partial
      return nil
    }
  }

  private func positions(ofBatch batch: Int) -> Range<Int> {
    batch * loader.batchSize..<min((batch + 1) * loader.batchSize, order.count)
  }

  private func joined(_ pictures: [Picture], _ positions: Range<Int>) -> Result<ImageBatch, ImageError> {
    let size = loader.transform.size
    var pixels: [UInt8] = []
    var colour: [Float] = []
    var places: [PixelMap] = []
    pixels.reserveCapacity(pictures.count * size * size * 3)
    for picture in pictures {
      switch picture {
      case .success(let input):
        pixels += input.pixels
        colour += input.colour.elements
        places.append(input.places)
      case .failure(let error): return .failure(error)
      }
    }
    let indices = Array(order[positions])
    return .success(
      ImageBatch(
        size: size, pixels: pixels, colour: colour, labels: indices.map { loader.source.label(at: $0) },
        indices: indices, places: places))
  }
}
