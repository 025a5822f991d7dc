import Testing

@testable import DeviceNN

@Suite struct SceneGeometryTests {
  @Test func mapsFollowEachOtherAndHaveAWayBack() {
    let map = PixelMap(xx: 2, xy: 0.5, x: 3, yx: -0.25, yy: 1.5, y: -7)
    let other = PixelMap(xx: -1, x: 10)
    let p = SIMD2<Float>(4, 9)
    let there = map.followed(by: other)(p)
    #expect(there == other(map(p)))
    let back = map.followed(by: other).inverse(there) - p
    #expect(abs(back.x) < 1e-4 && abs(back.y) < 1e-4)
    #expect(other(Box(left: 1, top: 2, right: 4, bottom: 5)) == Box(left: 6, top: 2, right: 9, bottom: 5))
  }

  /// A white rectangle on black moves through every kind of change, and the box moves with it.
  @Test(arguments: [ImageTransform.Fitting.crop, .stretch])
  func boxesMoveWithThePixels(fitting: ImageTransform.Fitting) throws {
    let (width, height) = (121, 83)
    let box = Box(left: 50, top: 28, right: 76, bottom: 52)
    var image = Image(width: width, height: height)
    for y in 28..<52 { for x in 50..<76 { image[x, y] = (255, 255, 255) } }
    let source = ImageArray(images: [image], labels: [0])
    let annotation = SceneAnnotation(objects: [SceneObject(box: box, label: 0)])
    var compared = 0
    for (stream, augmentation) in [
      nil, Augmentation(scale: 0.3...1), Augmentation(scale: 1...1, operations: 3, magnitude: 0.6),
      Augmentation(scale: 0.5...1, operations: 2, magnitude: 0.4),
    ].enumerated() {
      let transform = ImageTransform(size: 64, fitting: fitting, augmentation: augmentation)
      for round in 0..<60 {
        var generator = Philox(seed: 9, stream: UInt64(stream * 100 + round))
        // Operations on tones may turn white black.
        var copy = generator
        let operations = augmentation.map { AugmentationDraw($0, using: &copy).operations } ?? []
        guard operations.allSatisfy({ !PixelMap([$0], width: 64, height: 64).isIdentity }) else { continue }
        let input = try transform(source, 0, using: &generator)
        // Turned rectangles are compared by their middle; operations on tones leave black and white apart.
        let whole = input.places(box)
        let isWithin = whole.left > 2 && whole.top > 2 && whole.right < 62 && whole.bottom < 62
        guard isWithin else { continue }
        let bright = (0..<64 * 64).filter { input.pixels[$0 * 3] >= 128 }
        guard !bright.isEmpty, bright.count < 2500 else { continue }
        let middle = bright.reduce(SIMD2<Float>()) { $0 + SIMD2(Float($1 % 64) + 0.5, Float($1 / 64) + 0.5) } / Float(bright.count)
        let moved = try #require(annotation.objects(movedBy: input.places, width: 64, height: 64).first).box
        let offset = moved.centre - middle
        #expect(abs(offset.x) < 1 && abs(offset.y) < 1, "\(stream), \(round): \(moved) and \(middle)")
        if augmentation?.operations ?? 0 == 0 {
          let columns = bright.map { $0 % 64 }
          #expect(abs(moved.left - Float(columns.min()!)) <= 1 && abs(moved.right - Float(columns.max()! + 1)) <= 1)
        }
        compared += 1
      }
    }
    #expect(compared > 60)
  }

  @Test func operationsMoveBoxes() {
    var image = Image(width: 64, height: 64)
    for y in 28..<38 { for x in 26..<40 { image[x, y] = (255, 255, 255) } }
    let box = Box(left: 26, top: 28, right: 40, bottom: 38)
    for operations in [
      [.turn(0.4)], [.shearX(0.3)], [.shearY(-0.2)], [.shiftX(0.2)], [.shiftY(-0.1)], [.turn(-0.3), .shiftX(0.1), .shearY(0.2)],
    ] as [[RandomOperation]] {
      let moved = image.applying(operations)
      let bright = (0..<64 * 64).filter { moved.pixels[$0 * 3] >= 128 }
      let middle = bright.reduce(SIMD2<Float>()) { $0 + SIMD2(Float($1 % 64) + 0.5, Float($1 / 64) + 0.5) } / Float(bright.count)
      let offset = PixelMap(operations, width: 64, height: 64)(box).centre - middle
      #expect(abs(offset.x) < 0.5 && abs(offset.y) < 0.5, "\(operations): \(offset)")
    }
  }

  @Test func whatIsMostlyCutOffIsNoObjectAnyMore() {
    let objects = [Box(left: 0, top: 0, right: 10, bottom: 10), Box(left: 20, top: 0, right: 30, bottom: 10)]
      .map { SceneObject(box: $0, label: 0) }
    let annotation = SceneAnnotation(objects: objects)
    let shifted = annotation.objects(movedBy: PixelMap(x: -8), width: 40, height: 40)
    #expect(shifted.map(\.box) == [Box(left: 12, top: 0, right: 22, bottom: 10)])
    #expect(annotation.objects(movedBy: PixelMap(x: -6), width: 40, height: 40)[0].box.left == 0)
    // Smaller than a pixel.
    #expect(annotation.objects(movedBy: PixelMap(xx: 0.05, yy: 0.05), width: 40, height: 40).isEmpty)
  }

  @Test func stretchingShowsThePictureWhole() {
    let (pixels, _) = ImageTransform(size: 32, fitting: .stretch)(hashedImage(50, 20))
    #expect(pixels == hashedImage(50, 20).resized(width: 32, height: 32).pixels)
    var generator = Philox(seed: 1)
    let draw = AugmentationDraw(Augmentation(scale: 1...1, ratio: 1...1), using: &generator)
    #expect(draw.crop(width: 50, height: 20, isRelative: true) == PixelRectangle(x: 0, y: 0, width: 50, height: 20))
  }
}

extension PixelMap {
  fileprivate var isIdentity: Bool { self == .identity }
}
