import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

@Suite struct CentreHeatmapTests {
  let heatmap = CentreHeatmap(classes: 3, width: 17, height: 13, stride: 4)

  /// The map that a perfect network would make.
  func map(of target: CentreHeatmap.Target) -> [Float] {
    (0..<17 * 13).flatMap { cell -> [Float] in
      let heat = target.heat[cell * 3..<cell * 3 + 3].map { p in log(max(p, 1e-6) / max(1 - p, 1e-6)) }
      return heat + target.geometry[cell * 4..<cell * 4 + 4]
    }
  }

  @Test(arguments: 0..<20)
  func aPerfectMapGivesTheBoxesBack(stream: UInt64) {
    var generator = Philox(seed: 5, stream: stream)
    var objects: [SceneObject] = []
    for _ in 0..<6 {
      let size = SIMD2(generator.uniform(2, 30), generator.uniform(2, 30))
      let corner = SIMD2(generator.uniform(0, 68 - size.x), generator.uniform(0, 52 - size.y))
      let box = Box(left: corner.x, top: corner.y, right: corner.x + size.x, bottom: corner.y + size.y)
      let object = SceneObject(box: box, label: generator.integer(below: 3), pose: generator.integer(below: 2))
      // Centres of one class that touch are one peak, and boxes that overlap much are one object.
      let isApart = objects.allSatisfy { other in
        let d = other.box.centre - box.centre
        return max(abs(d.x), abs(d.y)) > 8 && other.box.intersectionOverUnion(box) < 0.5
      }
      if isApart { objects.append(object) }
    }
    let target = heatmap.target(of: objects)
    #expect(target.centreCount == objects.count)
    var poses = [Float](repeating: 0, count: 17 * 13 * 2)
    for (cell, pose) in target.poses.enumerated() where pose >= 0 { poses[cell * 2 + Int(pose)] = 1 }
    let found = heatmap.detections(map(of: target)[...], poses: poses[...], leastScore: 0.5)
    #expect(found.count == objects.count)
    for object in objects {
      let match = found.max { $0.box.intersectionOverUnion(object.box) < $1.box.intersectionOverUnion(object.box) }!
      #expect(match.label == object.label && match.pose == object.pose && match.score > 0.999)
      #expect(match.box.intersectionOverUnion(object.box) > 0.9999)
    }
  }

  @Test func heatFallsAroundACentre() {
    let object = SceneObject(box: Box(left: 8, top: 4, right: 48, bottom: 44), label: 1)
    let target = heatmap.target(of: [object])
    func heat(_ x: Int, _ y: Int, _ label: Int = 1) -> Float { target.heat[(y * 17 + x) * 3 + label] }
    let radius = Int(CentreHeatmap.radius(width: 10, height: 10))
    let sigma = Float(2 * radius + 1) / 6
    #expect(radius == 2 && heat(7, 6) == 1 && heat(7, 6, 0) == 0)
    #expect(abs(heat(8, 6) - exp(-1 / (2 * sigma * sigma))) < 1e-6 && heat(8, 6) == heat(7, 5) && heat(10, 6) == 0)
    #expect(target.geometry[(6 * 17 + 7) * 4..<(6 * 17 + 7) * 4 + 4] == [log(10), log(10), 0, 0])
    #expect(heatmap.target(of: []).heat.allSatisfy { $0 == 0 })
  }

  /// Both corners off by the radius leave three tenths of the overlap, by the definition of each case.
  @Test func theRadiusIsThatOfTheTightestCase() {
    for (w, h) in [(10, 10), (30, 5), (100, 80), (3, 40)] as [(Float, Float)] {
      let r = CentreHeatmap.radius(width: w, height: h)
      let box = Box(left: 0, top: 0, right: w, bottom: h)
      let shifted = Box(left: r, top: r, right: w + r, bottom: h + r)
      let smaller = Box(left: r, top: r, right: w - r, bottom: h - r)
      let larger = Box(left: -r, top: -r, right: w + r, bottom: h + r)
      let least = [shifted, smaller, larger].map { box.intersectionOverUnion($0) }.min()!
      #expect(abs(least - 0.3) < 1e-4)
    }
  }

  @Test func ofEqualNeighboursTheFirstIsThePeak() {
    var map = [Float](repeating: -9, count: 17 * 13 * 7)
    for x in 5...8 { map[(3 * 17 + x) * 7] = 2 }
    for cell in 0..<17 * 13 { for k in 3..<7 { map[cell * 7 + k] = 0 } }
    let found = heatmap.detections(map[...], leastScore: 0.3)
    #expect(found.count == 1 && found[0].box == Box(left: 18, top: 10, right: 22, bottom: 14) && found[0].pose == nil)
    #expect(heatmap.detections(map[...], leastScore: 0.95).isEmpty)
  }

  @Test func theFocalLossIsItsFormula() throws {
    let logits = GoldenNumbers.signed("focal", count: 42).map { $0 * 5 }
    var target = GoldenNumbers.uniform("heat", count: 42).map { Float($0) }
    target[3] = 1
    target[20] = 1
    let expected = zip(logits, target).reduce(0.0) { sum, pair in
      let (p, y) = (1 / (1 + exp(-Double(pair.0))), Double(pair.1))
      return sum + (y == 1 ? -pow(1 - p, 2) * log(p) : -pow(1 - y, 4) * pow(p, 2) * log(1 - p))
    } / 2
    let device = TestDevice.cpu
    let loss = Tensor(logits, shape: [2, 3, 7], on: device).centreFocalLoss(
      Tensor(target, shape: [2, 3, 7], on: device), centres: 2)
    #expect(abs(Double(try loss.scalar()) - expected) < 1e-4 * expected)
    // Without a centre nothing is divided by zero, and far logits stay finite.
    let far = Tensor([-90, 90, 0], shape: [3], on: device).centreFocalLoss(Tensor([1, 0, 0], shape: [3], on: device), centres: 0)
    #expect(try far.scalar().isFinite)
  }
}

extension GradientTests {
  @Test func focalLossOfCentres() throws {
    var target = (0..<18).map { Float($0) / 20 }
    target[4] = 1
    target[11] = 1
    let wanted = Tensor(target, shape: [2, 3, 3], on: device)
    try expectGradients(of: [tensor("centre logits", [2, 3, 3])], "focal loss") { $0[0].centreFocalLoss(wanted, centres: 2) }
  }
}
