import Foundation
import Testing

@testable import DeviceNN

@Suite struct MetricsLogTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path(of: "metrics.jsonl")
  }

  private func metrics(_ epoch: Int) -> EpochMetrics {
    EpochMetrics(
      epoch: epoch, trainLoss: 1 / Double(epoch), validationLoss: 0.5, validationAccuracy: 0.875,
      learningRate: 1e-5, seconds: 2, imagesPerSecond: 100)
  }

  @Test func aLineIsJSONInTheOrderOfTheFields() {
    #expect(
      metrics(1).jsonLine == #"{"epoch":1,"trainLoss":1.0,"validationLoss":0.5,"validationAccuracy":0.875,"#
        + #""learningRate":1e-05,"seconds":2.0,"imagesPerSecond":100.0}"#)
  }

  @Test func whatIsAppendedIsRead() throws {
    let log = try MetricsLog(startingAt: path)
    #expect(try MetricsLog.read(path) == [])
    var second = metrics(2)
    second.trainAccuracy = 0.7
    try log.append(metrics(1))
    try log.append(second)
    #expect(try MetricsLog.read(path) == [metrics(1), second])
  }

  @Test func aLossThatDivergedIsNullAndReadsAsNaN() throws {
    var diverged = metrics(1)
    diverged.trainLoss = .nan
    diverged.validationLoss = .infinity
    let log = try MetricsLog(startingAt: path)
    try log.append(diverged)
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains(#""trainLoss":null,"validationLoss":null"#))
    #expect(try MetricsLog.read(path)[0].trainLoss.isNaN)
    let copy = try JSONDecoder().decode(EpochMetrics.self, from: JSONEncoder().encode(diverged))
    #expect(copy.trainLoss.isNaN && copy.validationLoss.isNaN && copy.seconds == 2 && copy.trainAccuracy == nil)
  }

  @Test func resumingDropsTheEpochsThatAreTrainedAgain() throws {
    let log = try MetricsLog(startingAt: path)
    for epoch in 1...4 { try log.append(metrics(epoch)) }
    let resumed = try MetricsLog(resuming: path, after: 2)
    try resumed.append(metrics(3))
    #expect(try MetricsLog.read(path).map(\.epoch) == [1, 2, 3])
  }

  @Test func aHalfWrittenLastLineIsDropped() throws {
    try (metrics(1).jsonLine + "\n" + metrics(2).jsonLine.prefix(20)).write(
      toFile: path, atomically: false, encoding: .utf8)
    let log = try MetricsLog(resuming: path, after: 2)
    try log.append(metrics(2))
    #expect(try MetricsLog.read(path) == [metrics(1), metrics(2)])
  }

  @Test func badLogsAreNamed() throws {
    #expect(throws: FileError.unreadable(path: path, reason: "there is no such file")) {
      try MetricsLog(resuming: path, after: 1)
    }
    try (metrics(1).jsonLine + "\n{\"epoch\":2}\n").write(toFile: path, atomically: false, encoding: .utf8)
    #expect(throws: FileError.unreadable(path: path, reason: "line 2 is not the metrics of an epoch")) {
      try MetricsLog(resuming: path, after: 1)
    }
    let missing = folder.path(of: "no/metrics.jsonl")
    #expect(throws: FileError.unwritable(path: missing, reason: "No such file or directory")) {
      try MetricsLog(startingAt: missing)
    }
  }
}

@Suite struct ConfusionMatrixTests {
  private var matrix: ConfusionMatrix {
    var matrix = ConfusionMatrix(labels: ["daisy", "rose", "tulip"])
    matrix.record(actual: [0, 0, 0, 0, 1, 1, 1], predicted: [0, 0, 0, 1, 1, 1, 0])
    return matrix
  }

  @Test func scoresAreWhatTheirFormulasSay() {
    #expect(matrix.total == 7)
    #expect(matrix.accuracy == 5 / 7.0)
    #expect(matrix.precision(of: 0) == 3 / 4.0)
    #expect(matrix.recall(of: 1) == 2 / 3.0)
    #expect(matrix.f1(of: 1) == 2 / 3.0)
    #expect(matrix.macroF1 == (3 / 4.0 + 2 / 3.0) / 2)
    #expect(matrix.confusions.map(\.actual) == [0, 1])
  }

  @Test func aClassThatNeverOccurredHasNoScores() {
    #expect(matrix.precision(of: 2) == nil)
    #expect(matrix.recall(of: 2) == nil)
    #expect(matrix.f1(of: 2) == nil)
    #expect(ConfusionMatrix(labels: ["a"]).accuracy == nil)
    #expect(ConfusionMatrix(labels: ["a"]).text() == "nothing was classified\n")
  }

  @Test func theTextIsATable() {
    #expect(
      matrix.text() == """
        5 of 7 right: accuracy 71.4 %, macro F1 70.8 %

        class  images  precision  recall      F1
        daisy       4     75.0 %  75.0 %  75.0 %
        rose        3     66.7 %  66.7 %  66.7 %
        tulip       0          –       –       –

        actual classes in rows, predicted ones in columns
        actual     1  2  3
        daisy   1  3  1  ·
        rose    2  1  2  ·
        tulip   3  ·  ·  ·

        """)
  }

  @Test func whereTheMatrixIsTooWideItsMistakesAreListed() {
    var matrix = ConfusionMatrix(labels: (1...40).map { "class \($0)" })
    for actual in 0..<40 { matrix.record(actual: actual, predicted: actual / 2) }
    let text = matrix.text(width: 80)
    #expect(text.hasSuffix("1 × class 11 taken for class 6\nand 29 other kinds\n"))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func itSurvivesJSON() throws {
    let data = try JSONEncoder().encode(matrix)
    #expect(try JSONDecoder().decode(ConfusionMatrix.self, from: data) == matrix)
  }
}
