import Testing

@testable import DeviceNN

@Suite struct ProgressTests {
  private let progress = TrainingProgress(
    epoch: 3, epochs: 12, batch: 38, batches: 110, imagesPerSecond: 412.4, loss: 0.4821, secondsLeft: 83)

  @Test func aWideTerminalShowsEverything() {
    #expect(
      progress.line(width: 100)
        == "epoch  3/12  ━━━━━━━━━━━━━╸┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   38/110  loss 0.482  1:23 left  412 images/s")
    #expect(progress.line(width: 80).contains("412 images/s"))
    #expect(progress.line(width: 80, isUnicode: false).contains("[####"))
  }

  @Test func noLineIsWiderThanItsTerminal() {
    for width in 0...200 {
      for isUnicode in [true, false] { #expect(progress.line(width: width, isUnicode: isUnicode).count <= width) }
    }
  }

  @Test func aNarrowTerminalLosesWordsThenTheBar() {
    #expect(progress.line(width: 60) == "epoch  3/12  ━━━━━┈┈┈┈┈┈┈┈┈┈   38/110  loss 0.482  1:23 left")
    #expect(progress.line(width: 20) == "epoch  3/12   38/110")
    #expect(progress.line(width: 12) == "epoch  3/12")
  }

  @Test func theBarIsEmptyAtFirstAndFullAtLast() {
    let first = TrainingProgress(epoch: 1, epochs: 1, batch: 0, batches: 4)
    let last = TrainingProgress(epoch: 1, epochs: 1, batch: 4, batches: 4)
    let none = TrainingProgress(epoch: 1, epochs: 1, batch: 0, batches: 0)
    #expect(first.line(width: 27) == "epoch 1/1  ┈┈┈┈┈┈┈┈┈┈┈  0/4")
    #expect(last.line(width: 27) == "epoch 1/1  ━━━━━━━━━━━  4/4")
    #expect(none.line(width: 27) == "epoch 1/1  ┈┈┈┈┈┈┈┈┈┈┈  0/0")
  }

  @Test func anEpochLeavesALine() {
    let metrics = EpochMetrics(
      epoch: 3, trainLoss: 0.48213, validationLoss: 0.3914, validationAccuracy: 0.8725, learningRate: 0.00025,
      seconds: 83, imagesPerSecond: 41.25)
    let line = metrics.line(epochs: 10)
    #expect(line == "epoch  3/10  loss 0.482  validation 0.391  accuracy 87.25 %  41.2 images/s  1:23")
  }

  @Test func numbersReadWell() {
    #expect([0.519, 5.19, 51.9, 519, 99.96, 9.996].map(threeDigits) == ["0.52", "5.19", "51.9", "519", "100", "10.0"])
    #expect([0, 59.6, 3599.4, 3723].map { clock(seconds: $0) } == ["0:00", "1:00", "59:59", "1:02:03"])
    #expect([4.21, 59.96, 7500].map { duration(seconds: $0) } == ["4.2 s", "1 min 0 s", "2 h 5 min"])
    #expect(clock(seconds: .nan) == "–:––")
    #expect(decimal(.nan, places: 3) == "NaN")
    #expect(grouped(12345) == "12\u{2009}345")
    #expect(grouped(-123) == "-123")
  }
}
