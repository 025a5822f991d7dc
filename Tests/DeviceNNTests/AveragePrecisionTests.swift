import Testing

@testable import DeviceNN

@Suite struct AveragePrecisionTests {
  func box(_ left: Float, _ top: Float, _ width: Float, _ height: Float) -> Box {
    Box(left: left, top: top, right: left + width, bottom: top + height)
  }

  func found(_ box: Box, _ score: Double, label: Int = 0) -> Detection { Detection(box: box, label: label, score: score) }

  @Test func overlapsAreTheirDefinition() {
    let a = box(0, 0, 10, 10)
    #expect(a.intersectionOverUnion(a) == 1)
    #expect(a.intersectionOverUnion(box(5, 0, 10, 10)) == 50.0 / 150)
    #expect(a.intersectionOverUnion(box(10, 0, 10, 10)) == 0)
    #expect(a.intersectionOverUnion(box(20, 20, 1, 1)) == 0)
    #expect(a.intersectionOverUnion(box(2, 2, 0, 0)) == 0)
    #expect(box(3, 3, 0, 0).intersectionOverUnion(box(3, 3, 0, 0)) == 0)
    #expect(box(0, 0, -4, -4).area == 0)
  }

  /// Two of two found, with a false one between them: precision 1 up to a recall of 0.5, then 2/3. 51 of 101 recalls are
  /// at most 0.5.
  @Test func aFalseDetectionBetweenTwoRightOnes() throws {
    let truth = [[SceneObject(box: box(0, 0, 10, 10), label: 0), SceneObject(box: box(50, 50, 10, 10), label: 0)]]
    let detections = [[found(box(0, 0, 10, 10), 0.9), found(box(80, 0, 10, 10), 0.8), found(box(50, 50, 10, 10), 0.7)]]
    let precision = AveragePrecision(detections: detections, truth: truth, classes: 2)
    let expected: Double = (51 + 50 * 2.0 / 3) / 101
    #expect(abs(try #require(precision.atHalf) - expected) < 1e-12)
    #expect(precision.byClass[1] == nil)
  }

  @Test func aSecondDetectionOfAnObjectIsFalse() throws {
    let truth = [[SceneObject(box: box(0, 0, 10, 10), label: 0)], []]
    let twice = [[found(box(0, 0, 10, 10), 0.9), found(box(0, 0, 10, 10), 0.8)], []]
    #expect(AveragePrecision(detections: twice, truth: truth, classes: 1).atHalf == 1)
    // The surer one, of too small an overlap at 0.75 and more, comes first.
    let worse = [[found(box(0, 0, 10, 7), 0.9), found(box(0, 0, 10, 10), 0.8)], []]
    let precision = AveragePrecision(detections: worse, truth: truth, classes: 1)
    #expect(precision.atHalf == 1)
    #expect(try #require(precision.byClass[0])[5...] == [0.5, 0.5, 0.5, 0.5, 0.5])
    // In a picture without objects everything is false.
    let elsewhere = [[], [found(box(0, 0, 10, 10), 0.9)]]
    #expect(AveragePrecision(detections: elsewhere, truth: truth, classes: 1).overall == 0)
    #expect(AveragePrecision(detections: [[]], truth: [[]], classes: 1).overall == nil)
  }

  /// pycocotools 2.0.11 on the same boxes: by class, then by threshold.
  static let expected: [[Double]] = [
    [
      0.6095872407753584, 0.5653648698203162, 0.5340937939947848, 0.5036292090747542, 0.30667682152830655,
      0.16323651595928818, 0.138957164947264, 0.062071591774562104, 0.011001100110011004, 0,
    ],
    [
      0.6480357713190686, 0.6007665282657284, 0.4638294474608744, 0.4638294474608744, 0.36516554881294605,
      0.1518151815181519, 0.0764766131785592, 0.009000900090009003, 0.002605523710265763, 0.002605523710265763,
    ],
    [
      0.8929330821280893, 0.8929330821280893, 0.6725348000638577, 0.6725348000638577, 0.5279153691766686,
      0.08982637394174202, 0.08982637394174202, 0.030994403788204915, 0.004400440044004401, 0,
    ],
  ]

  @Test func agreesWithCOCOOnManyBoxes() {
    let (images, perImage) = (8, 7)
    let u = GoldenNumbers.uniform("truth", count: images * perImage * 5)
    let v = GoldenNumbers.uniform("found", count: images * perImage * 12)
    func drawn(_ p: ArraySlice<Double>) -> Box {
      let i = p.startIndex
      return box(
        Float((p[i] * 64).rounded(.down)), Float((p[i + 1] * 64).rounded(.down)),
        Float((8 + p[i + 2] * 40).rounded(.down)), Float((8 + p[i + 3] * 40).rounded(.down)))
    }
    var truth = [[SceneObject]](repeating: [], count: images)
    var detections = [[Detection]](repeating: [], count: images)
    for i in 0..<images * perImage {
      let object = SceneObject(box: drawn(u[i * 5..<i * 5 + 4]), label: Int(u[i * 5 + 4] * 3))
      truth[i / perImage].append(object)
      let (p, q) = (Array(v[i * 12..<i * 12 + 6]), Array(v[i * 12 + 6..<i * 12 + 12]))
      let (right, down) = (Float((p[0] * 9).rounded(.down) - 4), Float((p[1] * 9).rounded(.down) - 4))
      var moved = object.box
      moved.left += right
      moved.top += down
      moved.right += down
      moved.bottom += right
      detections[i / perImage].append(
        found(moved, (p[5] * 50).rounded(.down) / 50, label: p[4] < 0.9 ? object.label : (object.label + 1) % 3))
      if q[4] < 0.6 {
        detections[i / perImage].append(found(drawn(q[0..<4]), (q[4] * 50).rounded(.down) / 50, label: Int(q[5] * 3)))
      }
    }
    let precision = AveragePrecision(detections: detections, truth: truth, classes: 3)
    for (label, expected) in Self.expected.enumerated() {
      for (value, wanted) in zip(precision.byClass[label]!, expected) { #expect(abs(value - wanted) < 1e-9) }
    }
    #expect(abs(precision.atHalf! - 0.71685203) < 1e-8 && abs(precision.overall! - 0.31842158) < 1e-8)
  }

  @Test func suppressionKeepsTheSurestOfAClass() {
    let (a, b, c) = (found(box(0, 0, 10, 10), 0.6), found(box(1, 0, 10, 10), 0.9), found(box(30, 0, 10, 10), 0.1))
    let other = found(box(0, 0, 10, 10), 0.5, label: 1)
    #expect([a, b, c, other].suppressingOverlaps(above: 0.5) == [b, other, c])
    #expect([a, b].suppressingOverlaps(above: 0.9) == [b, a])
    // Of equals the first stays.
    let twin = Detection(box: a.box, label: 0, score: 0.6, pose: 1)
    #expect([a, twin].suppressingOverlaps() == [a] && [twin, a].suppressingOverlaps() == [twin])
  }

  @Test func regionsOverlapByTheirPixels() {
    var matrix = ConfusionMatrix(labels: ["else", "road", "sea"])
    matrix.record(actual: [0, 0, 1, 1, 1, 1], predicted: [0, 1, 1, 1, 1, 0])
    #expect(matrix.intersectionOverUnion(of: 1) == 3.0 / 5)
    #expect(matrix.intersectionOverUnion(of: 0) == 1.0 / 3)
    #expect(matrix.intersectionOverUnion(of: 2) == nil)
  }
}
