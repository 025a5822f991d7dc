import Testing

@testable import DeviceNN

@Suite struct DataAugmentationTests {
  func near(_ a: SIMD3<Float>, _ b: SIMD3<Float>, _ tolerance: Float = 1e-5) -> Bool {
    let d = a - b
    return max(abs(d.x), abs(d.y), abs(d.z)) < tolerance
  }

  // MARK: Colours

  @Test func colourChangesAreTheirDefinitions() {
    let colour = SIMD3<Float>(0.8, 0.4, 0.1)
    let grey: Float = 0.299 * 0.8 + 0.587 * 0.4 + 0.114 * 0.1
    #expect(near(ColourMatrix.brightness(1.5)(colour), colour * 1.5))
    #expect(near(ColourMatrix.contrast(0.5, about: 0.3)(colour), colour * 0.5 + 0.15))
    #expect(near(ColourMatrix.saturation(0)(colour), SIMD3(repeating: grey)))
    #expect(near(ColourMatrix.saturation(2)(colour), colour * 2 - grey))
    #expect(near(ColourMatrix.hue(0)(colour), colour, 2e-3))
    #expect(near(ColourMatrix.hue(0.5).followed(by: .hue(0.5))(colour), colour, 4e-3))
  }

  @Test func turningHuesKeepsLumaAndGrey() {
    for turns: Float in [-0.5, -0.2, 0.1, 0.3] {
      let colour = SIMD3<Float>(0.2, 0.9, 0.5)
      let turned = ColourMatrix.hue(turns)(colour)
      #expect(abs((turned * ColourMatrix.luma).sum() - (colour * ColourMatrix.luma).sum()) < 2e-3)
      #expect(near(ColourMatrix.hue(turns)([0.4, 0.4, 0.4]), [0.4, 0.4, 0.4], 1e-3))
    }
    // A third of a turn takes red to a colour whose strongest part is another.
    let red = ColourMatrix.hue(1.0 / 3)([1, 0, 0])
    #expect(red.x < max(red.y, red.z))
  }

  @Test func followedByIsApplyingOneAfterTheOther() {
    let colour = SIMD3<Float>(0.3, 0.7, 0.2)
    let first = ColourMatrix.contrast(0.7, about: 0.4)
    let second = ColourMatrix.saturation(1.4)
    #expect(near(first.followed(by: second)(colour), second(first(colour))))
  }

  @Test func contrastTurnsAboutTheMeanAsItIsAfterEarlierSteps() {
    let augmentation = Augmentation(brightness: 0.5, contrast: 0.9)
    for stream in 0..<50 {
      var generator = Philox(seed: 1, stream: UInt64(stream))
      let draw = AugmentationDraw(augmentation, using: &generator)
      let mean = SIMD3<Float>(0.5, 0.5, 0.5)
      // Contrast leaves the mean grey where it is, so only brightness moves it: 0.5 ± 50 %.
      let moved = draw.colours(mean: mean)(mean)
      #expect((0.25...0.75).contains(moved.x) && abs(moved.x - moved.z) < 1e-5)
    }
  }

  @Test func aTransformWithoutAugmentationNormalises() {
    let transform = ImageTransform(size: 2)
    let (pixels, colour) = transform(Image(width: 4, height: 4, red: 255, green: 0, blue: 51))
    let batch = ImageBatch(size: 2, pixels: pixels, colour: colour, labels: [0], indices: [0])
    let expected: [Float] = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    for (i, value) in batch.normalized().enumerated() { #expect(abs(value - expected[i % 3]) < 1e-5) }
  }

  // MARK: Geometry

  @Test func evaluationIsTorchvisionsResizeAndCentreCrop() {
    // FNV-1a of Pillow's and torchvision's result.
    let cases: [(Int, Int, Float, UInt64)] = [
      (97, 131, 1, 0xfa61_f708_262f_4d74), (131, 97, 73 / 64, 0x8057_82b0_c0b0_3a93),
      (64, 64, 1, 0x273a_52d5_044e_b293),
    ]
    for (width, height, ratio, expected) in cases {
      let (pixels, _) = ImageTransform(size: 64, resizeRatio: ratio)(hashedImage(width, height))
      #expect(fingerprint(pixels) == expected)
    }
  }

  @Test func cropsKeepToTheirRanges() {
    let augmentation = Augmentation(scale: 0.2...0.6)
    var lefts = Set<Int>()
    for stream in 0..<500 {
      var generator = Philox(seed: 5, stream: UInt64(stream))
      let draw = AugmentationDraw(augmentation, using: &generator)
      let crop = draw.crop(width: 640, height: 480)
      lefts.insert(crop.x)
      #expect(crop.x >= 0 && crop.y >= 0 && crop.x + crop.width <= 640 && crop.y + crop.height <= 480)
      let area = Float(crop.width * crop.height) / (640 * 480)
      #expect((0.19...0.61).contains(area))
      #expect((0.74...1.35).contains(Float(crop.width) / Float(crop.height)))
      // The crop of a picture decoded no larger than was asked for still has the pixels that are wanted.
      let side = draw.leastSide(for: 100)
      let small = draw.crop(width: side * 4 / 3, height: side)
      #expect(min(small.width, small.height) >= 98)
    }
    #expect(lefts.count > 100)
  }

  @Test func pictureThatNoTryFitsAreCroppedInTheCentre() {
    var generator = Philox(seed: 5)
    let draw = AugmentationDraw(Augmentation(scale: 1...1), using: &generator)
    #expect(draw.crop(width: 1000, height: 10) == PixelRectangle(x: 493, y: 0, width: 13, height: 10))
    #expect(draw.crop(width: 10, height: 1000) == PixelRectangle(x: 0, y: 493, width: 10, height: 13))
    #expect(draw.crop(width: 1, height: 1) == PixelRectangle(x: 0, y: 0, width: 1, height: 1))
  }
}
