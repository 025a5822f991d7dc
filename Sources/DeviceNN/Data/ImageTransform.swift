// From a picture of any size to a network's square input.

/// How a picture becomes input: bytes of a fixed size, and the affine map that makes normalised floats of them.
public struct ImageTransform: Sendable, Equatable {
  /// What becomes of a picture that is no square.
  public enum Fitting: String, Sendable, Codable {
    /// Its middle is shown.
    case crop
    /// All of it is shown, the longer side shortened: for what must not be cut off, such as objects to locate.
    case stretch
  }

  /// The input's width and height.
  public var size: Int
  /// Without augmentation, the shorter side is resized to size · resizeRatio before the centre is cropped; ImageNet's
  /// networks are often measured at 256 / 224.
  public var resizeRatio: Float
  public var normalization: Normalization
  public var fitting: Fitting
  /// Nothing is random where it is nil.
  public var augmentation: Augmentation?

  public init(
    size: Int, resizeRatio: Float = 1, normalization: Normalization = .imageNet, fitting: Fitting = .crop,
    augmentation: Augmentation? = nil
  ) {
    precondition(size > 0 && resizeRatio >= 1, "a size of \(size) and a resize ratio of \(resizeRatio) leave borders")
    (self.size, self.resizeRatio) = (size, resizeRatio)
    (self.normalization, self.fitting, self.augmentation) = (normalization, fitting, augmentation)
  }

  /// What the shorter side is resized to before the centre is cropped.
  private var shorterSide: Int { Int((Float(size) * resizeRatio).rounded()) }

  /// One picture as input.
  struct Input: Sendable {
    var pixels: [UInt8]
    /// Acts on bytes: 0 … 255.
    var colour: ColourMatrix
    /// From the decoded picture's places to the input's.
    var places: PixelMap
  }

  /// Decodes no more than is needed: what to show is drawn before the file is read.
  func callAsFunction(
    _ source: some ImageSource, _ index: Int, using generator: inout Philox
  ) throws(ImageError) -> Input {
    guard let augmentation else {
      return evaluated(try source.image(at: index, atLeast: shorterSide))
    }
    let draw = AugmentationDraw(augmentation, using: &generator)
    let image = try source.image(at: index, atLeast: draw.leastSide(for: size))
    let crop = draw.crop(width: image.width, height: image.height, isRelative: fitting == .stretch)
    let shown = image.resized(width: size, height: size, crop: crop, flipped: draw.isFlipped).applying(draw.operations)
    let mean = augmentation.contrast > 0 ? shown.meanColour : SIMD3()
    let places = PixelMap(crop: crop, width: size, height: size, flipped: draw.isFlipped)
    return Input(
      pixels: shown.pixels, colour: onBytes(draw.colours(mean: mean)),
      places: places.followed(by: PixelMap(draw.operations, width: size, height: size)))
  }

  /// A picture as it is measured: torchvision's Resize(shorterSide) and CenterCrop(size), bit for bit.
  public func callAsFunction(_ image: Image) -> (pixels: [UInt8], colour: [Float]) {
    let input = evaluated(image)
    return (input.pixels, input.colour.elements)
  }

  private func evaluated(_ image: Image) -> Input {
    if fitting == .stretch {
      return Input(
        pixels: image.resized(width: size, height: size).pixels, colour: onBytes(.identity),
        places: PixelMap(crop: image.bounds, width: size, height: size))
    }
    let isPortrait = image.width <= image.height
    let width = isPortrait ? shorterSide : shorterSide * image.width / image.height
    let height = isPortrait ? shorterSide * image.height / image.width : shorterSide
    // Halves go to the even number, as Python rounds them.
    let window = PixelRectangle(
      x: Int((Double(width - size) / 2).rounded(.toNearestOrEven)),
      y: Int((Double(height - size) / 2).rounded(.toNearestOrEven)), width: size, height: size)
    let pixels = [UInt8](unsafeUninitializedCapacity: size * size * 3) { buffer, count in
      image.resample(
        image.bounds, width: width, height: height, window: window, flipped: false, into: buffer.baseAddress!)
      count = size * size * 3
    }
    let places = PixelMap(crop: image.bounds, width: width, height: height)
      .followed(by: PixelMap(x: -Float(window.x), y: -Float(window.y)))
    return Input(pixels: pixels, colour: onBytes(.identity), places: places)
  }

  private func onBytes(_ changes: ColourMatrix) -> ColourMatrix {
    ColourMatrix.brightness(1 / 255).followed(by: changes).followed(by: normalization.matrix)
  }
}

extension Image {
  /// The mean of each channel, 0 … 1.
  var meanColour: SIMD3<Float> {
    var (red, green, blue) = (0, 0, 0)
    pixels.withUnsafeBufferPointer { bytes in
      for i in stride(from: 0, to: bytes.count, by: 3) {
        red &+= Int(bytes[i])
        green &+= Int(bytes[i + 1])
        blue &+= Int(bytes[i + 2])
      }
    }
    return SIMD3(Float(red), Float(green), Float(blue)) / Float(width * height * 255)
  }
}

extension ImageTransform {
  /// One picture as a batch of its own, as it is measured; its label is 0.
  public func batch(of image: Image) -> ImageBatch {
    let input = evaluated(image)
    return ImageBatch(
      size: size, pixels: input.pixels, colour: input.colour.elements, labels: [0], indices: [0], places: [input.places])
  }
}
