import Foundation
import Kernels
import Testing

@testable import DeviceNN

/// Fine-tuning as a program would use it.
@Suite struct FineTunerTests {
  let runs = try! SmallRuns()
  private var folder: TemporaryFolder { runs.folder }

  /// The README's lines.
  @Test func tenLinesTrainAndAnswer() throws {
    let photos = try runs.photos().path
    let run = RunFolder(folder.path(of: "run"))
    let device = try Device()
    let data = try ImageDataset(path: photos)
    let pretrained = try PretrainedModel(weights: nil, backbone: "mobilenet_v2_035")
    let tuner = try FineTuner(pretrained, data: data, run: run, on: device)
    let evaluation = try tuner.train()
    print(evaluation.accuracy, tuner.configuration.reason)
    #expect((0...1).contains(evaluation.accuracy))

    // Later, elsewhere: the run's folder is enough.
    let (model, configuration) = try run.model(on: device)
    let image = try Image(contentsOf: photos + "/val/tulip/tulip_000.jpg")
    let probabilities = try model.probabilities(of: image, configuration, on: device)
    print(zip(configuration.classes, probabilities).max { $0.1 < $1.1 }!)
    #expect(probabilities.count == 3 && abs(probabilities.reduce(0, +) - 1) < 1e-9)
    #expect(configuration.classes == data.classes)
  }

  @Test func theREADMEShowsLinesThatCompile() throws {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardizedFileURL
    let readme = try String(contentsOf: package.appendingPathComponent("README.md"), encoding: .utf8)
    let test = try String(contentsOfFile: #filePath, encoding: .utf8)
    let block = try #require(readme.components(separatedBy: "```swift\n").first { $0.hasPrefix("import DeviceNN") })
    let lines = block.components(separatedBy: "```")[0].split(separator: "\n").map {
      $0.components(separatedBy: "  //")[0].trimmingCharacters(in: .whitespaces)
    }
    let shown = lines.filter { $0.hasPrefix("let ") && !$0.contains("\"photos\"") || $0.hasPrefix("print") }
    #expect(shown.count >= 9)
    for line in shown { #expect(test.contains(line), "\(line)") }
  }

  @Test func frozenBackbonesKeepEveryBit() throws {
    let tuner = try runs.tuner("run", runs.photos()) { $0.recipe = .head }
    func bits(_ parameters: [Parameter]) throws -> [[UInt32]] { try parameters.map { try $0.value.scalars().map(\.bitPattern) } }
    let (backbone, head) = (try bits(tuner.model.backboneParameters), try bits(tuner.model.head.parameters()))
    _ = try tuner.train()
    // Statistics are among the parameters.
    #expect(tuner.model.backboneParameters.contains { $0.isStatistic })
    #expect(try bits(tuner.model.backboneParameters) == backbone)
    for (before, after) in zip(head, try bits(tuner.model.head.parameters())) { #expect(before != after) }
  }

  @Test func everythingElseMoves() throws {
    let tuner = try runs.tuner("run", try runs.photos())
    let before = try tuner.model.namedParameters().map { ($0.name, try $0.parameter.value.scalars()) }
    _ = try tuner.train()
    for ((name, old), (_, parameter)) in zip(before, tuner.model.namedParameters()) {
      #expect(try parameter.value.scalars() != old, "\(name) did not move")
    }
  }

  /// Red, green and blue, which any network learns to tell apart.
  private func colours() throws -> ImageDataset {
    for (label, name) in ["blue", "green", "red"].enumerated() {
      for number in 0..<8 {
        let shade = UInt8(120 + 15 * number)
        let image = Image(
          width: 32, height: 32, red: label == 2 ? shade : 30, green: label == 1 ? shade : 30, blue: label == 0 ? shade : 30)
        try folder.write(image.jpegData(), "colours/\(name)/\(number).jpg")
      }
    }
    return try ImageDataset(path: folder.path(of: "colours"))
  }

  @Test func theLossFalls() throws {
    var losses: [Double] = []
    let tuner = try runs.tuner("run", try colours()) { ($0.epochs, $0.learningRate) = (10, 2e-3) }
    _ = try tuner.train(onEpoch: { losses.append($0.trainLoss) })
    #expect(losses.count == 10 && losses.last! < losses.first! * 0.8, "\(losses)")
    #expect(try tuner.epochs.map(\.trainLoss) == losses)
  }

  @Test func labelsAndPicturesKeepTheirOrder() throws {
    let data = try runs.photos()
    #expect(data.classes == ["daisy", "pansy", "tulip"])
    let tuner = try runs.tuner("run", data)
    let evaluation = try tuner.train()
    #expect(evaluation.predictions.map(\.index) == Array(0..<9))
    #expect(evaluation.predictions.map(\.label) == [0, 0, 0, 1, 1, 1, 2, 2, 2])
    // A picture alone gets the answer that it got among others.
    let (model, configuration) = try tuner.run.model(on: tuner.device)
    for prediction in evaluation.predictions {
      #expect(data.validation.name(at: prediction.index).hasPrefix(data.classes[prediction.label]))
      let image = try data.validation.image(at: prediction.index, atLeast: configuration.imageSize)
      let alone = try model.probabilities(of: image, configuration, on: tuner.device)
      for (a, b) in zip(alone, prediction.probabilities) { #expect(abs(a - b) < 1e-5) }
    }
  }

  @Test func aRunThatFailsAtOnceLeavesNothing() throws {
    let data = try runs.photos()
    #expect(throws: ModelError.self) { _ = try runs.tuner("run", data) { $0.learningRate = 1e30 }.train() }
    #expect(folder.contents == ["flowers"])
  }

  @Test func aRunIsNotOverwritten() throws {
    let data = try runs.photos()
    _ = try runs.tuner("run", data)
    #expect(throws: ModelError.alreadyARun(path: folder.path(of: "run"))) { _ = try runs.tuner("run", data) }
  }
}
