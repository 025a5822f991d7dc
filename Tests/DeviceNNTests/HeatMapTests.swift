import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

@Suite struct HeatMapTests {
  @Test func channelsWeighTheirMeanGradient() {
    // Two places of two channels: weights (1 + 1) / 2 and (0 - 1) / 2, so that the places have 2 - 1 and 3 - 1.
    let heat = HeatMap(map: [2, 2, 3, 2], gradient: [1, 0, 1, -1], height: 1, width: 2)
    #expect(heat == HeatMap(width: 2, height: 1, values: [0.5, 1]))
    // What speaks against the class is no heat.
    #expect(HeatMap(map: [1, 2], gradient: [-1, -1], height: 2, width: 1).values == [0, 0])
    #expect(HeatMap(map: [1, -2], gradient: [1, 1], height: 2, width: 1).values == [1, 0])
  }

  @Test func placesBlendBetweenTheirCentres() {
    let heat = HeatMap(width: 2, height: 2, values: [0, 1, 0, 0])
    for (x, y, value) in [(0.25, 0.25, 0), (0.75, 0.25, 1), (0.5, 0.25, 0.5), (1, 0, 1), (0.5, 0.5, 0.25), (0, 1, 0)] as [(Float, Float, Float)] {
      #expect(abs(heat.value(x: x, y: y) - value) < 1e-6, "\(x) \(y)")
    }
  }

  @Test func coldPlacesLoseTheirColourAndHotOnesGlow() {
    let picture = Image(width: 4, height: 4, red: 20, green: 120, blue: 220)
    let drawn = HeatMap(width: 2, height: 2, values: [1, 0, 0, 0]).drawn(over: picture)
    #expect(drawn[3, 3] == (86, 86, 86))
    #expect(drawn[0, 0].red > 180 && drawn[0, 0].red > drawn[0, 0].green && drawn[0, 0].green > drawn[0, 0].blue)
  }

  /// Sees one corner only: its map is the image there, and nothing elsewhere.
  private final class CornerNetwork: ImageClassifier {
    let stages: [[any Layer]]
    let head: any Layer
    let featureCount = 1
    var isTraining = true

    init(on device: Device) {
      stages = [[Corner(on: device)]]
      var random = Philox(seed: 0)
      let linear = Linear(1, 2, on: device, random: &random)
      linear.weight.assign([-1, 1])
      head = linear
    }

    var parts: [(name: String, part: Part)] { [("head", .module(head))] }
  }

  private final class Corner: Layer {
    let mask: Tensor
    var isTraining = true
    var parts: [(name: String, part: Part)] { [] }

    init(on device: Device) {
      mask = Tensor((0..<16).map { $0 == 3 ? 1 : 0 }, shape: [1, 4, 4, 1], on: device)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x * mask }
  }

  @Test(arguments: TestDevice.all) func theHeatIsWhereTheAnswerComesFrom(_ target: TestDevice) throws {
    let network = CornerNetwork(on: target.device)
    let image = Tensor(repeating: 1, shape: [1, 4, 4, 1], on: target.device)
    let heat = try #require(try network.heatMap(of: image, label: 1))
    #expect(heat == HeatMap(width: 4, height: 4, values: (0..<16).map { $0 == 3 ? 1 : 0 }))
    // The corner speaks against the other class.
    #expect(try network.heatMap(of: image, label: 0)?.values == Array(repeating: 0, count: 16))
  }

  /// Grad-CAM goes on from the last map; that has to be where the network's features come from, in every family.
  @Test func featuresComeFromTheLastMap() throws {
    var smallest: [ObjectIdentifier: (backbone: Backbone, parameters: Int)] = [:]
    for backbone in Backbone.all {
      let model = backbone.makeModel(ClassifierOptions(classes: 3, imageSize: 64), on: .meta())
      let (family, parameters) = (ObjectIdentifier(type(of: model)), model.parameterCount)
      if parameters < min(smallest[family]?.parameters ?? .max, 50_000_000) { smallest[family] = (backbone, parameters) }
    }
    #expect(smallest.count > 3)
    for (backbone, _) in smallest.values {
      let model = backbone.makeModel(ClassifierOptions(classes: 3, imageSize: 64), on: TestDevice.cpu)
      model.evaluate()
      let x = Tensor.normal(shape: [1, 64, 64, 3], seed: 1, on: TestDevice.cpu)
      let map = withoutGradients { model.trunk(x) }
      let heat = try model.heatMap(of: x, label: 2)
      #expect((heat == nil) == (map.shape.count != 4), "\(backbone.name)")
      guard let heat else { continue }
      #expect([heat.height, heat.width] == Array(map.shape[1...2]), "\(backbone.name)")
      let features = withoutGradients { (model.features(of: x), model.features(ofMap: map)) }
      #expect(try features.0.scalars() == features.1.scalars(), "\(backbone.name)")
    }
  }
}
