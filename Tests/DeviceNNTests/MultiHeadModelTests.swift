import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// Networks of several tasks: what they share, and that everything in them learns.
@Suite struct MultiHeadModelTests {
  let device = TestDevice.cpu
  let tasks = [
    LearningTask("age", .regression(mean: [30], deviation: [10], isUncertain: true)), LearningTask("hat", .classes(["no", "yes"])),
    LearningTask("size", .ordinal(["s", "m", "l"])),
  ]

  private func model(_ sharing: Sharing, _ name: String = "mobilenet_v2_035") throws -> MultiHeadModel {
    MultiHeadModel(try Backbone(named: name), tasks: tasks, sharing: sharing, imageSize: 32, on: device)
  }

  private func images(_ count: Int = 2) -> Tensor {
    Tensor(GoldenNumbers.signed("images", count: count * 32 * 32 * 3), shape: [count, 32, 32, 3], on: device)
  }

  @Test(arguments: Sharing.allCases) func everyParameterLearns(_ sharing: Sharing) throws {
    let model = try model(sharing)
    model.train()
    let outputs = model(images())
    #expect(outputs.map(\.shape) == [[2, 2], [2, 2], [2, 2]])
    let loss = outputs.dropFirst().reduce(outputs[0].square().sum()) { $0 + $1.square().sum() }
    let gradients = loss.gradients()
    let names = model.namedParameters()
    #expect(Set(names.map(\.name)).count == names.count)
    for (name, parameter) in names where !parameter.isStatistic {
      #expect(gradients[parameter] != nil, "\(sharing): \(name) has no gradient")
    }
    #expect(model.hasCommonFeatures == (sharing != .crossStitch))
  }

  @Test(arguments: Sharing.allCases) func modelsAreStoredAndRead(_ sharing: Sharing) throws {
    let folder = try TemporaryFolder()
    let first = try model(sharing)
    for parameter in first.parameters() where !parameter.isStatistic {
      parameter.assign(try parameter.value.scalars().map { $0 * 1.5 + 0.01 })
    }
    try writeSafetensors(first.records(), to: folder.path(of: "model"))
    let second = try model(sharing)
    try second.load(SafetensorsFile(path: folder.path(of: "model")))
    first.evaluate()
    second.evaluate()
    for (a, b) in zip(withoutGradients { first(images()) }, withoutGradients { second(images()) }) {
      #expect(try a.scalars() == b.scalars())
    }
  }

  @Test func hardSharingCostsNoMoreThanItsHeads() throws {
    let backbone = try Backbone(named: "resnet18").makeModel(ClassifierOptions(classes: 1, imageSize: 32), on: .meta())
    let model = MultiHeadModel(try Backbone(named: "resnet18"), tasks: tasks, imageSize: 32, on: .meta())
    let own = backbone.parameterCount - backbone.head.parameters().reduce(0) { $0 + $1.value.count }
    // Two numbers for the age and two classes with biases; one direction and two thresholds.
    #expect(model.parameterCount == own + 2 * (512 * 2 + 2) + 512 + 2)
    let last = MultiHeadModel(try Backbone(named: "resnet18"), tasks: tasks, sharing: .lastStage, imageSize: 32, on: .meta())
    let stage = backbone.stages.last!.reduce(0) { $0 + $1.parameterCount }
    #expect(last.parameterCount == model.parameterCount + 2 * stage)
    let columns = MultiHeadModel(try Backbone(named: "resnet18"), tasks: tasks, sharing: .crossStitch, imageSize: 32, on: .meta())
    #expect(columns.parameterCount == model.parameterCount + 2 * own + 5 * 9)
  }

  /// Stitches that mix nothing leave each column alone.
  @Test func crossStitchesMix() throws {
    let model = try model(.crossStitch)
    model.evaluate()
    let stitches = model.namedParameters().filter { $0.name.contains("stitches") }
    #expect(stitches.count > 3)
    for (_, stitch) in stitches { stitch.assign([1, 0, 0, 0, 1, 0, 0, 0, 1]) }
    let network = model.networks[1]
    network.evaluate()
    let alone = try withoutGradients { network.vector(ofMap: network.trunk(images())) }.scalars()
    expectClose(try withoutGradients { model.shared(of: images()) }[1].scalars(), alone)
    // The second task takes the first's column alone in the end.
    stitches.last!.parameter.assign([1, 0, 0, 1, 0, 0, 0, 0, 1])
    let shared = withoutGradients { model.shared(of: images()) }
    #expect(try shared[1].scalars() == shared[0].scalars())
  }

  @Test func levelsShareADirection() throws {
    let model = try model(.hard)
    let head = Dictionary(uniqueKeysWithValues: model.namedParameters().filter { $0.name.hasPrefix("heads.size") })
    #expect(head["heads.size.weight"]?.value.shape == [1280, 1] && head["heads.size.bias"]?.value.shape == [2])
    // A new head begins with thresholds in order.
    let bias = try head["heads.size.bias"]!.value.scalars()
    #expect(bias[0] > bias[1])
  }

  @Test(arguments: ["squeezenet1_1", "vgg11", "vit_tiny_patch16_224", "convnext_tiny"]) func networksOfAllFamilies(_ name: String) throws {
    let model = MultiHeadModel(try Backbone(named: name), tasks: tasks, imageSize: 64, on: .meta())
    let outputs = model(Tensor(repeating: 0, shape: [2, 64, 64, 3], on: .meta()))
    #expect(outputs.map(\.shape) == [[2, 2], [2, 2], [2, 2]])
  }
}
