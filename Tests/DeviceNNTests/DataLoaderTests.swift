import Foundation
import Synchronization
import Testing

@testable import DeviceNN

/// Counts what a loader does to it.
private final class CountingSource: ImageSource {
  let count: Int
  let failing: Set<Int>
  let decoded = Mutex(0)

  init(count: Int, failing: Set<Int> = []) { (self.count, self.failing) = (count, failing) }

  func label(at index: Int) -> Int32 { Int32(index % 7) }

  func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image {
    decoded.withLock { $0 += 1 }
    if failing.contains(index) { throw .unreadable(file: "\(index).jpg", reason: "it vanished") }
    return Image(width: 20 + index % 5, height: 20, red: UInt8(index % 256), green: 100, blue: 7)
  }
}

@Suite struct DataLoaderTests {
  static let waves = ImageArray(
    images: (0..<37).map { smoothImage(40 + $0, 60 - $0 % 20, phase: Double($0)) }, labels: (0..<37).map { $0 % 4 })
  static let transform = ImageTransform(
    size: 24, augmentation: Augmentation(brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1))

  func batches(_ loader: BatchLoader, _ epoch: Int) throws -> [ImageBatch] {
    var all: [ImageBatch] = []
    let batches = loader.epoch(epoch)
    while let batch = try batches.next() { all.append(batch) }
    #expect(try batches.next() == nil, "the end is final")
    return all
  }

  @Test func batchesDoNotDependOnTheNumberOfThreads() throws {
    func loader(_ threads: Int, ahead: Int = 2, seed: UInt64 = 9) -> BatchLoader {
      BatchLoader(
        Self.waves, transform: Self.transform, batchSize: 8, isShuffled: true, seed: seed, threads: threads,
        ahead: ahead)
    }
    let reference = try batches(loader(1), 3)
    #expect(reference.map(\.count) == [8, 8, 8, 8, 5])
    #expect(reference.flatMap(\.indices).sorted() == Array(0..<37))
    for (threads, ahead) in [(2, 2), (3, 1), (8, 20)] {
      let others = try batches(loader(threads, ahead: ahead), 3)
      #expect(others.map(\.indices) == reference.map(\.indices))
      #expect(others.map(\.labels) == reference.map(\.labels))
      #expect(others.map(\.colour) == reference.map(\.colour))
      #expect(others.map { fingerprint($0.pixels) } == reference.map { fingerprint($0.pixels) })
    }
    #expect(try batches(loader(2), 4).map(\.indices) != reference.map(\.indices), "each epoch has its own order")
    #expect(try batches(loader(2, seed: 10), 3).map(\.indices) != reference.map(\.indices))
  }

  @Test func augmentationDiffersBetweenEpochsAndPictures() throws {
    let same = ImageArray(images: [Image](repeating: smoothImage(60, 60), count: 2), labels: [0, 1])
    let loader = BatchLoader(same, transform: Self.transform, batchSize: 1)
    let prints = try (0..<3).flatMap { try batches(loader, $0) }.map { fingerprint($0.pixels) }
    #expect(Set(prints).count == 6)
  }

  @Test func evaluationIsInOrderAndTheSameInEveryEpoch() throws {
    let loader = BatchLoader(Self.waves, transform: ImageTransform(size: 24), batchSize: 10)
    let first = try batches(loader, 0)
    #expect(first.flatMap(\.indices) == Array(0..<37))
    #expect(first.flatMap(\.labels) == Self.waves.labels)
    #expect(try batches(loader, 1).flatMap(\.pixels) == first.flatMap(\.pixels))
    let (pixels, colour) = ImageTransform(size: 24)(Self.waves.images[11])
    #expect(Array(first[1].pixels[24 * 24 * 3..<2 * 24 * 24 * 3]) == pixels)
    #expect(Array(first[1].colour[12..<24]) == colour)
  }

  @Test func theLastBatchIsKeptOrDropped() throws {
    func counts(_ pictures: Int, _ last: BatchLoader.LastBatch) throws -> [Int] {
      let loader = BatchLoader(
        CountingSource(count: pictures), transform: ImageTransform(size: 8), batchSize: 4, lastBatch: last)
      let counts = try batches(loader, 0).map(\.count)
      #expect(loader.batchCount == counts.count)
      return counts
    }
    #expect(try counts(9, .keep) == [4, 4, 1])
    #expect(try counts(9, .dropSingle) == [4, 4])
    #expect(try counts(10, .dropSingle) == [4, 4, 2])
    #expect(try counts(10, .drop) == [4, 4])
    #expect(try counts(8, .keep) == [4, 4])
    #expect(try counts(3, .drop) == [])
    #expect(try counts(0, .keep) == [])
  }

  /// The number of decoded pictures, once it has reached `atLeast` and had time to go beyond.
  private func settledCount(_ source: CountingSource, atLeast: Int) -> Int {
    let deadline = Date(timeIntervalSinceNow: 10)
    while source.decoded.withLock({ $0 }) < atLeast && Date() < deadline { Thread.sleep(forTimeInterval: 0.005) }
    Thread.sleep(forTimeInterval: 0.05)
    return source.decoded.withLock { $0 }
  }

  @Test func noMoreIsDecodedThanMayLieAhead() throws {
    let source = CountingSource(count: 1000)
    let loader = BatchLoader(source, transform: ImageTransform(size: 8), batchSize: 5, threads: 3, ahead: 2)
    let batches = loader.epoch(0)
    #expect(settledCount(source, atLeast: 10) == 10)
    _ = try batches.next()
    #expect(settledCount(source, atLeast: 15) == 15)
  }

  @Test func anAbandonedEpochEndsItsThreads() throws {
    weak var released: CountingSource?
    do {
      let source = CountingSource(count: 100_000)
      released = source
      for epoch in 0..<20 {
        let batches = BatchLoader(source, transform: ImageTransform(size: 8), batchSize: 4, threads: 4).epoch(epoch)
        if epoch % 2 == 0 { _ = try batches.next() }
      }
    }
    // Threads keep the source alive, so it goes only when the last of them has ended.
    let deadline = Date(timeIntervalSinceNow: 10)
    while released != nil && Date() < deadline { Thread.sleep(forTimeInterval: 0.01) }
    #expect(released == nil)
  }

  @Test func anErrorReachesTheConsumerInItsPlace() throws {
    let source = CountingSource(count: 40, failing: [13, 12, 30])
    let loader = BatchLoader(source, transform: ImageTransform(size: 8), batchSize: 5, threads: 3)
    let batches = loader.epoch(0)
    #expect(try batches.next()?.indices == Array(0..<5))
    #expect(try batches.next()?.indices == Array(5..<10))
    #expect(throws: ImageError.unreadable(file: "12.jpg", reason: "it vanished")) { try batches.next() }
    #expect(try batches.next() == nil)
  }

  @Test func aFileThatVanishedIsNamed() throws {
    let folder = try TemporaryFolder()
    let files = ["a.jpg", "b.jpg"]
    for file in files { try folder.write(smoothImage(30, 30).jpegData(), file) }
    let source = ImageFiles(root: folder.path, files: files, labels: [0, 1])
    try FileManager.default.removeItem(atPath: source.path(at: 1))
    let batches = BatchLoader(source, transform: ImageTransform(size: 8), batchSize: 2).epoch(0)
    let error = #expect(throws: ImageError.self) { try batches.next() }
    #expect(error.map { "\($0)".contains(folder.path + "/b.jpg") } == true)
  }
}
