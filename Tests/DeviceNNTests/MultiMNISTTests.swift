import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// The benchmark's set against its protocol, worked pixel by pixel, and its network.
@Suite struct MultiMNISTTests {
  /// Digits whose every pixel tells its place.
  private func digits(_ count: Int) -> MNIST {
    MNIST(
      pixels: (0..<count * 784).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 11) },
      labels: (0..<count).map { UInt8($0 % 10) })
  }

  @Test func picturesFollowTheProtocol() {
    let digits = digits(40)
    let set = MultiMNIST(digits, seed: 3)
    #expect(set.count == 40 && set.labels[0] == digits.labels && set.pixels.count == 40 * 784)
    for i in [0, 7, 39] {
      // The partner is the digit of the right label that makes this picture; the canvas is 36 x 36.
      let matches = (0..<40).filter { partner in
        guard set.labels[1][i] == digits.labels[partner] else { return false }
        var canvas = [UInt8](repeating: 0, count: 36 * 36)
        for y in 0..<28 { for x in 0..<28 { canvas[y * 36 + x] = digits.pixels[i * 784 + y * 28 + x] } }
        for y in 0..<28 {
          for x in 0..<28 {
            let place = (y + 6) * 36 + x + 6
            canvas[place] = max(canvas[place], digits.pixels[partner * 784 + y * 28 + x])
          }
        }
        return (0..<784).allSatisfy { at in
          let (y, x) = (Int((Double(at / 28) + 0.5) * 36 / 28), Int((Double(at % 28) + 0.5) * 36 / 28))
          return set.pixels[i * 784 + at] == canvas[y * 36 + x]
        }
      }
      #expect(matches.count == 1)
    }
    #expect(MultiMNIST(digits, seed: 3).checksum == set.checksum && MultiMNIST(digits, seed: 4).checksum != set.checksum)
    #expect(set.checksum.count == 64)
  }

  @Test func theNetworkHasItsPublishedSize() {
    #expect(MultiLeNet(tasks: 2, on: .meta(), seed: 0).parameterCount == 27_450)
  }

  @Test(arguments: ["equal", "mgda", "uncertainty"]) func methodsTrainIt(_ name: String) throws {
    let set = MultiMNIST(digits(64), seed: 0)
    var epochs: [Int] = []
    let accuracies = try MultiMNIST.train(
      set, test: set, tasks: [0, 1], balance: TaskBalance(name: name)!, epochs: 2, seed: 1, on: TestDevice.cpu
    ) { epoch, _ in epochs.append(epoch) }
    #expect(epochs == [1, 2] && accuracies.count == 2 && accuracies.allSatisfy { (0...1).contains($0) })
    let again = try MultiMNIST.train(
      set, test: set, tasks: [0, 1], balance: TaskBalance(name: name)!, epochs: 2, seed: 1, on: TestDevice.cpu)
    #expect(again == accuracies)
  }

  // MARK: Files

  @Test func filesAreReadOrRefused() throws {
    let folder = try TemporaryFolder()
    func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
      [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [UInt8($0 >> 24), UInt8($0 >> 16 & 255), UInt8($0 >> 8 & 255), UInt8($0 & 255)] } + bytes
    }
    let (images, labels) = ("mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte")
    func read() throws -> MNIST { try MNIST(directory: folder.path(of: "mnist"), .train) }
    func refused(_ word: String, sourceLocation: SourceLocation = #_sourceLocation) {
      do {
        _ = try read()
        Issue.record("nothing was refused", sourceLocation: sourceLocation)
      } catch { #expect("\(error)".contains(word), "\(error)", sourceLocation: sourceLocation) }
    }
    let pixels = (0..<2 * 784).map { UInt8(truncatingIfNeeded: $0) }
    refused("train-images-idx3-ubyte.gz")
    try folder.write(idx([2, 28, 28], pixels), images)
    try folder.write(idx([2], [3, 9]), labels)
    #expect(try read().pixels == pixels && read().labels == [3, 9])
    try folder.write(idx([2], [3, 10]), labels)
    refused("mnist")
    try folder.write(idx([3], [3, 9]), labels)
    refused("truncated")
    try folder.write([1, 2, 3], labels)
    refused("does not begin as an idx file")
    try FileManager.default.removeItem(atPath: folder.path(of: labels))
    try folder.write([1, 2, 3], labels + ".gz")
    refused("no gzip file")
  }

  @Test(.enabled(if: sharedData != nil, "../shared/data is not here")) func theRealSetIsTheSameEverywhere() throws {
    let test = try MNIST(directory: #require(sharedData) + "/mnist", .test)
    #expect(test.count == 10_000 && test.labels.prefix(5) == [7, 2, 1, 0, 4])
  }

  @Test func meansOfFewHaveWideIntervals() {
    let mean = SampleMean([1, 2, 3])
    // 4.303 · 1 / √3
    #expect(mean.mean == 2 && abs(mean.halfWidth - 2.48434) < 1e-4)
    #expect(SampleMean([5]).halfWidth.isNaN)
  }
}
