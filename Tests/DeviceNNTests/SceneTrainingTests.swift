import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

@Suite struct SceneTrainingTests {
  func streets(_ folder: TemporaryFolder) throws -> SceneDataset {
    try drawStreets(to: folder.path(of: "streets"), train: 10, val: 3, size: 96, seed: 2)
    return try SceneDataset(opening: folder.path(of: "streets"))
  }

  func configuration(_ data: SceneDataset, epochs: Int = 2) throws -> SceneConfiguration {
    var training = FineTuningOptions.scenes(epochs: epochs, imageSize: 64, seed: 3)
    training.batchSize = 4
    return try SceneConfiguration(
      PretrainedModel(weights: nil, backbone: nil), data.tasks, training: training, data: data.path)
  }

  func trainer(_ configuration: SceneConfiguration, _ data: SceneDataset, _ run: String, isResumed: Bool = false) throws -> Trainer<SceneProblem> {
    let device = TestDevice.cpu
    return try Trainer(
      configuration.makeModel(on: device), configuration, data: data, run: RunFolder(run), on: device, isResumed: isResumed)
  }

  @Test func drawnStreetsAreReadAsTheyWereDrawn() throws {
    let folder = try TemporaryFolder()
    let data = try streets(folder)
    #expect(data.tasks.names == ["objects", "poses", "regions"] && data.skipped.isEmpty)
    #expect(data.tasks.classes.allSatisfy(StreetScene.classes.contains) && data.tasks.regions == StreetScene.regions)
    var generator = Philox(seed: 2, stream: 2)
    let drawn = drawStreet(size: 96, using: &generator)
    #expect(data.train.annotations[2].objects.map(\.box) == drawn.objects.map(\.box))
    #expect(drawn.objects.allSatisfy { ($0.pose != nil) == ($0.label == 2) })
    let mask = try Image(contentsOf: try #require(data.train.annotations[2].regions))
    #expect(mask == drawn.mask)
    // More pictures leave the first ones as they were.
    try drawStreets(to: folder.path(of: "more"), train: 11, val: 0, size: 96, seed: 2)
    let file = "JPEGImages/train_0005.jpg"
    #expect(try Image(contentsOf: folder.path(of: "streets/" + file)) == Image(contentsOf: folder.path(of: "more/" + file)))
  }

  @Test func aRunThatIsResumedHasTheSameBits() throws {
    let folder = try TemporaryFolder()
    let data = try streets(folder)
    let configuration = try configuration(data)
    let (whole, parts) = (folder.path(of: "whole"), folder.path(of: "parts"))
    try trainer(configuration, data, whole).train()
    struct Killed: Error {}
    #expect(throws: Killed.self) { try trainer(configuration, data, parts).train { _ in } onEpoch: { _ in throw Killed() } }
    let again = try RunFolder(parts).sceneConfiguration()
    #expect(again == configuration)
    try trainer(again, data, parts, isResumed: true).train()
    #expect(FileManager.default.contents(atPath: whole + "/model.safetensors") == FileManager.default.contents(atPath: parts + "/model.safetensors"))

    let (model, stored) = try RunFolder(whole).sceneModel(on: TestDevice.cpu)
    let picture = try Image(contentsOf: data.validation.pictures.path(at: 0))
    let answer = try model.answers(to: stored.transform.batch(of: picture), leastScore: 0.05, on: TestDevice.cpu)[0]
    #expect(answer.regions.count == 16 * 16 && answer.answers.isEmpty)
    let shown = picture.showing(answer, of: stored.scene)
    #expect(shown.width == 672 && shown.height == 672 && shown != picture.resized(width: 672, height: 672))
    let other = data.only("regions")
    #expect(throws: ModelError.self) { try trainer(configuration, other, whole, isResumed: true) }
  }

  @Test func lossesOfMapsFallAndMissingLabelsCostNothing() throws {
    let folder = try TemporaryFolder()
    let data = try streets(folder)
    let device = TestDevice.cpu
    let configuration = try configuration(data)
    let model = configuration.makeModel(on: device)
    let batch = try #require(try BatchLoader(data.train, transform: configuration.transform, batchSize: 6).epoch(0).next())
    let targets = try SceneTargets(batch, of: data.train, data.tasks, on: device)
    var optimizer = AdamW([ParameterGroup(model.parameters().filter(\.isTrainable), learningRate: 3e-3)])
    var sums: [Float] = []
    for _ in 0..<12 {
      let losses = model.losses(of: model(batch.images(on: device)), targets).compactMap { $0 }
      let sum = losses.dropFirst().reduce(losses[0], +)
      sums.append(try sum.scalar())
      optimizer.step(sum.gradients())
    }
    #expect(sums.last! < 0.6 * sums[0])

    let bare = AnnotatedPictures(data.train.pictures, data.train.annotations.map { _ in SceneAnnotation() })
    let nothing = try SceneTargets(batch, of: bare, data.tasks, on: device)
    let losses = model.losses(of: model(batch.images(on: device)), nothing)
    #expect(losses.map { $0 == nil } == [false, true, true])
    #expect(try losses[0]!.scalar().isFinite)
  }

  @Test func overlapsAreLostAtMostOnce() throws {
    let device = TestDevice.cpu
    // Ten places of the first region, three of the second, two that nobody marked.
    let labels = [Int](repeating: 0, count: 10) + [1, 1, 1] + [-1, -1]
    let shares = Tensor(labels.flatMap { [$0 == 0 ? 1 : 0, $0 == 1 ? 1 : 0] as [Float] }, shape: [15, 2], on: device)
    func loss(_ said: [Int]) throws -> Float {
      let logits = said.flatMap { [$0 == 0 ? 60 : 0, $0 == 1 ? 60 : 0] as [Float] }
      return try Tensor(logits, shape: [15, 2], on: device).overlapLoss(shares).scalar()
    }
    // What is said of places without a mark does not count.
    #expect(try abs(loss(labels.map { max($0, 0) })) < 1e-5 && abs(loss(labels.map { abs($0) })) < 1e-5)
    // One of three missed: the overlaps are 10 of 11 and 2 of 3, each with a place more.
    let missed = Array(repeating: 0, count: 11) + [1, 1, 0, 0]
    #expect(try abs(loss(missed) - (1 - (11.0 / 12 + 3.0 / 4) / 2)) < 1e-5)
    let logits = Tensor(GoldenNumbers.signed("overlap", count: 30), shape: [15, 2], on: device).tracked
    let gradient = try #require(logits.overlapLoss(shares).gradients()[logits]).scalars()
    let numbers = try logits.scalars()
    for i in [0, 1, 21, 24, 28] {
      let ends = try [Float(0.01), -0.01].map { step in
        var moved = numbers
        moved[i] += step
        return try Tensor(moved, shape: [15, 2], on: device).overlapLoss(shares).scalar()
      }
      #expect(abs((ends[0] - ends[1]) / 0.02 - gradient[i]) < 1e-4, "\(i)")
    }
  }

  @Test func reportsShowWhatIsSeen() throws {
    let folder = try TemporaryFolder()
    let data = try streets(folder)
    var configuration = try configuration(data, epochs: 1)
    configuration.command = "devicenn <b>"
    let trainer = try trainer(configuration, data, folder.path(of: "run"))
    try trainer.train()
    let report = try SceneReport(trainer, configuration)
    let html = report.html()
    #expect(report.pictures.count == 3 && html.components(separatedBy: "data:image/jpeg;base64,").count == 4)
    for text in ["IoU of free road", "direction: what was taken for what", "regions: right", "objects: loss", "devicenn &lt;b&gt;"] {
      #expect(html.contains(text), "\(text)")
    }
    try report.write(to: trainer.run)
    let json = try #require(FileManager.default.contents(atPath: trainer.run.numbersPath))
    #expect(try JSONSerialization.jsonObject(with: json) is [String: Any])
  }

  @Test func signsHaveTheShapesOfTheirClasses() throws {
    let folder = try TemporaryFolder()
    for part in ["train", "test"] {
      for name in ["00", "13", "14"] {
        try folder.write(Image(width: 20, height: 20).ppmData(), "\(part)/\(name)/a.ppm")
        try folder.write(Image(width: 20, height: 20).ppmData(), "\(part)/\(name)/b.ppm")
      }
    }
    let data = try SceneDataset(opening: folder.path)
    #expect(data.tasks.names == ["sign", "shape"] && data.tasks.questions[0].answers == ["20 km/h", "give way", "stop"])
    #expect(data.train.annotations.map(\.answers) == [[0, 0], [0, 0], [1, 2], [1, 2], [2, 4], [2, 4]])
    #expect(data.only("shape").train.annotations[2].answers == [2])
    try folder.write(Image(width: 20, height: 20).ppmData(), "train/99/a.ppm")
    #expect(throws: DataError.self) { try SceneDataset(opening: folder.path) }
  }
}
