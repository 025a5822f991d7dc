// Random changes of training pictures: what may vary, and what was drawn for one picture.
internal import Foundation

/// How training pictures vary from epoch to epoch. Defaults are torchvision's for ImageNet: crops and flips, no colours.
public struct Augmentation: Sendable, Equatable {
  /// The part of the picture's area that is shown.
  public var scale: ClosedRange<Float> = 0.08...1
  /// The shown part's width : height, before it is scaled to a square.
  public var ratio: ClosedRange<Float> = 3 / 4...4 / 3
  public var flipProbability: Float = 0.5
  /// Factors are drawn from 1 - x … 1 + x.
  public var brightness: Float = 0
  public var contrast: Float = 0
  public var saturation: Float = 0
  /// Turns are drawn from -x … x, in parts of the colour circle; at most 0.5.
  public var hue: Float = 0
  /// How many of RandAugment's operations (turns, shears, shifts, tones, sharpness) are done to each picture.
  public var operations = 0
  /// How strong they are at most, 0 … 1.
  public var magnitude: Float = 0

  public init(
    scale: ClosedRange<Float> = 0.08...1, ratio: ClosedRange<Float> = 3 / 4...4 / 3, flipProbability: Float = 0.5,
    brightness: Float = 0, contrast: Float = 0, saturation: Float = 0, hue: Float = 0, operations: Int = 0,
    magnitude: Float = 0
  ) {
    precondition(
      scale.lowerBound > 0 && ratio.lowerBound > 0,
      "crops need scales and ratios above 0, but \(scale) and \(ratio) were given")
    precondition((0...0.5).contains(hue), "a hue range of \(hue) turns is not within 0 … 0.5")
    precondition(
      operations >= 0 && (0...1).contains(magnitude),
      "\(operations) operations of magnitude \(magnitude) were given; 0 or more of 0 … 1 were wanted")
    (self.scale, self.ratio, self.flipProbability) = (scale, ratio, flipProbability)
    (self.brightness, self.contrast, self.saturation, self.hue) = (brightness, contrast, saturation, hue)
    (self.operations, self.magnitude) = (operations, magnitude)
  }

  /// For fine-tuning on few pictures of one object each: crops that keep most of it, flips, mild colours.
  public static let mild = Augmentation(
    scale: 0.35...1, brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02)

  /// For longer training: more of everything.
  public static let strong = Augmentation(
    scale: 0.25...1, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.05, operations: 2, magnitude: 0.5)
}

/// What was drawn for one picture. Everything is drawn beforehand, in a fixed order, so that how many numbers are taken
/// depends neither on the picture's size nor on the outcome of tries.
struct AugmentationDraw {
  /// The part of the area and the ratio, for each of ten tries.
  private var tries: [(area: Float, ratio: Float)] = []
  /// Where the crop lies between the borders: 0 … 1.
  private let left, top: Float
  let isFlipped: Bool
  private let brightness, contrast, saturation, hue: Float
  private let order: [Int]
  let operations: [RandomOperation]
  private let ratioRange: ClosedRange<Float>

  init(_ augmentation: Augmentation, using generator: inout Philox) {
    let (low, high) = (log(augmentation.ratio.lowerBound), log(augmentation.ratio.upperBound))
    for _ in 0..<10 {
      let area = generator.uniform(augmentation.scale.lowerBound, augmentation.scale.upperBound)
      tries.append((area, exp(generator.uniform(low, high))))
    }
    left = generator.uniform()
    top = generator.uniform()
    isFlipped = generator.uniform() < augmentation.flipProbability
    brightness = generator.uniform(max(0, 1 - augmentation.brightness), 1 + augmentation.brightness)
    contrast = generator.uniform(max(0, 1 - augmentation.contrast), 1 + augmentation.contrast)
    saturation = generator.uniform(max(0, 1 - augmentation.saturation), 1 + augmentation.saturation)
    hue = generator.uniform(-augmentation.hue, augmentation.hue)
    order = generator.permutation(of: 4)
    operations = (0..<augmentation.operations).map { _ in
      RandomOperation(magnitude: augmentation.magnitude, using: &generator)
    }
    ratioRange = augmentation.ratio
  }

  /// How long a picture's shorter side must be for the crop to have `size` pixels a side: √(area · W · H · ratio) is
  /// at least shorter · √(area · ratio).
  func leastSide(for size: Int) -> Int {
    Int((Float(size) / (tries[0].area * min(tries[0].ratio, 1 / tries[0].ratio)).squareRoot()).rounded(.up))
  }

  /// As torchvision's RandomResizedCrop: the first try that fits, or else a centre crop of the nearest allowed ratio.
  ///
  /// - Parameter isRelative: ratios are those of a crop after the whole picture was stretched to a square.
  func crop(width: Int, height: Int, isRelative: Bool = false) -> PixelRectangle {
    if isRelative, width != height {
      let side = max(width, height)
      let square = crop(width: side, height: side)
      func scaled(_ value: Int, to length: Int) -> Int { value * length / side }
      return PixelRectangle(
        x: scaled(square.x, to: width), y: scaled(square.y, to: height), width: max(scaled(square.width, to: width), 1),
        height: max(scaled(square.height, to: height), 1))
    }
    for (area, ratio) in tries {
      let pixels = area * Float(width) * Float(height)
      let w = Int((pixels * ratio).squareRoot().rounded())
      let h = Int((pixels / ratio).squareRoot().rounded())
      if w > 0 && h > 0 && w <= width && h <= height {
        return PixelRectangle(
          x: min(Int(left * Float(width - w + 1)), width - w), y: min(Int(top * Float(height - h + 1)), height - h),
          width: w, height: h)
      }
    }
    let ratio = Float(width) / Float(height)
    let w = ratio > ratioRange.upperBound ? max(1, Int((Float(height) * ratioRange.upperBound).rounded())) : width
    let h = ratio < ratioRange.lowerBound ? max(1, Int((Float(width) / ratioRange.lowerBound).rounded())) : height
    return PixelRectangle(x: (width - w) / 2, y: (height - h) / 2, width: w, height: h)
  }

  /// The four changes of colour in the order drawn. `mean` is the picture's mean colour (0 … 1), which contrast turns
  /// about; since the maps are affine, the mean after a step is the step of the mean.
  func colours(mean: SIMD3<Float>) -> ColourMatrix {
    var map = ColourMatrix.identity
    for change in order {
      switch change {
      case 0: map = map.followed(by: .brightness(brightness))
      case 1: map = map.followed(by: .contrast(contrast, about: (map(mean) * ColourMatrix.luma).sum()))
      case 2: map = map.followed(by: .saturation(saturation))
      default: if hue != 0 { map = map.followed(by: .hue(hue)) }
      }
    }
    return map
  }
}
