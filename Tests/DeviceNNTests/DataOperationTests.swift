import Testing

@testable import DeviceNN

@Suite struct DataOperationTests {
  let image = hashedImage(8, 6)

  /// A picture of one row of greys.
  func row(_ bytes: [UInt8]) -> Image { Image(width: bytes.count, height: 1, pixels: bytes.flatMap { [$0, $0, $0] }) }
  func greys(_ image: Image) -> [UInt8] { stride(from: 0, to: image.pixels.count, by: 3).map { image.pixels[$0] } }

  // MARK: Tones, against Pillow's ImageOps and ImageEnhance

  @Test func tonesAreTheirDefinitions() {
    let bytes: [UInt8] = [0, 1, 17, 127, 128, 200, 255]
    #expect(greys(row(bytes).applying([.posterise(bits: 4)])) == [0, 0, 16, 112, 128, 192, 240])
    #expect(row(bytes).applying([.posterise(bits: 8)]) == row(bytes))
    #expect(greys(row(bytes).applying([.solarise(from: 128)])) == [0, 1, 17, 127, 127, 55, 0])
    #expect(row(bytes).applying([.solarise(from: 256)]) == row(bytes))
    #expect(greys(row([50, 100, 150]).applying([.autocontrast])) == [0, 128, 255])
    #expect(greys(row([7, 7]).applying([.autocontrast])) == [7, 7])
    #expect(greys(row([7, 7]).applying([.equalise])) == [7, 7])
  }

  @Test func pillowsResultsAreMet() {
    let image = smoothImage(40, 30)
    #expect(fingerprint(image.applying([.equalise]).pixels) == 0xa30f_fad8_0a8a_72b9)
    let sharp = image.applying([.sharpness(1.7)])
    #expect(largestDifference(sharp, image) > 0)
    #expect(fingerprint(hashedImage(9, 7).applying([.sharpness(0)]).pixels) == 0x3e3f_00e7_8052_a346)
    #expect(image.applying([.sharpness(1)]) == image)
  }

  // MARK: Places

  @Test func movesAreExactWhereTheyMeetPixels() {
    #expect(image.applying([]) == image)
    #expect(image.applying([.turn(0), .shearX(0), .shiftY(0)]) == image)
    // A shift of whole pixels takes them from the right; beyond the border lies the mirror image.
    let shifted = image.applying([.shiftX(0.25)])
    for y in 0..<6 {
      for x in 0..<8 {
        let from = x + 2 < 8 ? x + 2 : 14 - (x + 2)
        #expect(shifted[x, y] == image[from, y])
      }
    }
    let square = hashedImage(5, 5)
    let turned = square.applying([.turn(.pi / 2)])
    // Fixed point may lose a step of brightness.
    for y in 0..<5 {
      for x in 0..<5 { #expect(abs(Int(turned[x, y].green) - Int(square[y, 4 - x].green)) <= 1) }
    }
    #expect(largestDifference(square.applying([.turn(.pi)]).applying([.turn(.pi)]), square) <= 2)
    let sheared = square.applying([.shearX(1)])
    for x in 2..<3 { #expect(sheared[x, 4] == square[4, 4] && sheared[x, 0] == square[0, 0]) }
  }

  @Test func severalMovesAreOneMap() {
    let smooth = smoothImage(40, 40)
    let together = smooth.applying([.shiftX(0.1), .turn(0.3)])
    let apart = smooth.applying([.shiftX(0.1)]).applying([.turn(0.3)])
    var close = 0
    for y in 10..<30 {
      for x in 10..<30 where abs(Int(together[x, y].red) - Int(apart[x, y].red)) <= 2 { close += 1 }
    }
    #expect(close == 400)
    #expect(image.applying([.shearX(9), .shiftY(-30), .turn(2)]).pixels.count == image.pixels.count)
    for (width, height) in [(1, 1), (1, 5), (2, 1), (3, 2)] {
      let small = hashedImage(width, height)
      for operation: RandomOperation in [.turn(1), .shearY(2), .shiftX(-3), .sharpness(0), .equalise, .autocontrast] {
        #expect(small.applying([operation]).pixels.count == small.pixels.count)
      }
    }
  }

  // MARK: Draws

  @Test func drawsKeepToTheirMagnitude() {
    var kinds = Set<String>()
    for stream in 0..<2000 {
      var generator = Philox(seed: 2, stream: UInt64(stream))
      let operation = RandomOperation(magnitude: 0.5, using: &generator)
      kinds.insert("\(operation)".prefix { $0 != "(" }.description)
      switch operation {
      case .turn(let angle): #expect(abs(angle) <= .pi / 12)
      case .shearX(let amount), .shearY(let amount): #expect(abs(amount) <= 0.15)
      case .shiftX(let part), .shiftY(let part): #expect(abs(part) <= 0.225)
      case .posterise(let bits): #expect((6...8).contains(bits))
      case .solarise(let threshold): #expect((128...256).contains(threshold))
      case .sharpness(let factor): #expect(abs(factor - 1) <= 0.45)
      case .autocontrast, .equalise: break
      }
    }
    #expect(kinds.count == 10)
  }

  @Test func operationsAreDrawnLast() {
    // So whoever draws none is dealt the same crops, flips and colours as one who does.
    for stream in 0..<50 {
      func draw(_ operations: Int) -> AugmentationDraw {
        var generator = Philox(seed: 5, stream: UInt64(stream))
        return AugmentationDraw(
          Augmentation(scale: 0.35...1, brightness: 0.3, operations: operations, magnitude: 0.5), using: &generator)
      }
      let (plain, strong) = (draw(0), draw(2))
      #expect(plain.operations.isEmpty && strong.operations.count == 2)
      #expect(plain.crop(width: 50, height: 40) == strong.crop(width: 50, height: 40) && plain.isFlipped == strong.isFlipped)
      let mean = SIMD3<Float>(0.4, 0.5, 0.6)
      #expect(plain.colours(mean: mean) == strong.colours(mean: mean))
    }
  }

  @Test func seedsDecideStrongPictures() throws {
    let source = ImageArray(images: (0..<4).map { smoothImage(50 + $0, 40, phase: Double($0)) }, labels: [0, 0, 0, 0])
    func pixels(seed: UInt64, threads: Int) throws -> [UInt8] {
      let transform = ImageTransform(size: 24, augmentation: .strong)
      return try BatchLoader(source, transform: transform, batchSize: 4, seed: seed, threads: threads).epoch(3).next()!.pixels
    }
    #expect(try pixels(seed: 5, threads: 1) == pixels(seed: 5, threads: 3))
    #expect(try pixels(seed: 5, threads: 1) != pixels(seed: 6, threads: 1))
  }
}
