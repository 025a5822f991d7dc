import Foundation
import Testing

@testable import DeviceNN

/// Not claims but measurements, printed: `DEVICENN_MEASURE=1 swift test -c release … --filter DataSpeed`.
@Suite(
  .serialized,
  .enabled(if: ProcessInfo.processInfo.environment["DEVICENN_MEASURE"] != nil, "DEVICENN_MEASURE is not set"))
struct DataSpeedTests {
  func milliseconds(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    var best = Double.infinity
    for _ in 0..<5 {
      let start = ContinuousClock.now
      for _ in 0..<count { try body() }
      best = min(best, (ContinuousClock.now - start) / .milliseconds(1))
    }
    return best / Double(count)
  }

  @Test func resizing() {
    for (width, height, crop) in [(224, 224, 224), (224, 224, 200), (320, 240, 240), (1000, 800, 700)] {
      let image = hashedImage(width, height)
      let rectangle = PixelRectangle(x: 0, y: 0, width: crop, height: crop)
      let time = milliseconds(50) { _ = image.resized(width: 224, height: 224, crop: rectangle, flipped: true) }
      print("resize \(crop)x\(crop) of \(width)x\(height) to 224x224, flipped: \(time) ms")
    }
  }

  @Test(.enabled(if: sharedData != nil, "../shared/data is not here")) func flowers() throws {
    let data = try ImageFolder(sharedData! + "/flowers224").train
    let bytes = try (0..<100).map { try imageFileBytes(data.path(at: $0 * 10)) }
    print("decode: \(try milliseconds(1) { for b in bytes { _ = try Image(decoding: b, name: "") } } / 100) ms")
    for atLeast in [28, 56, 112] {
      print(
        "decode at \(atLeast): \(try milliseconds(1) { for b in bytes { _ = try Image(decoding: b, name: "", atLeast: atLeast) } } / 100) ms"
      )
    }
    let transforms = [
      ("evaluation", ImageTransform(size: 224)),
      ("crops and flips", ImageTransform(size: 224, augmentation: Augmentation())),
      ("all", ImageTransform(size: 224, augmentation: .mild)),
      ("strong", ImageTransform(size: 224, augmentation: .strong)),
    ]
    for (name, transform) in transforms {
      for threads in [1, 2] {
        let loader = BatchLoader(data, transform: transform, batchSize: 32, isShuffled: true, threads: threads)
        let time = try milliseconds(1) {
          let batches = loader.epoch(1)
          while try batches.next() != nil {}
        }
        print("\(name), \(threads) threads: \(time / Double(data.count)) ms a picture")
      }
    }
  }
}
