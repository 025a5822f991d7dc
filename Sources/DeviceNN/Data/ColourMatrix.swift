// Changes of colour as one affine map per picture, which costs a device nine multiplications a pixel however many
// changes it holds.
internal import Foundation

/// An affine map of colours: red, green, blue and 1 → red, green, blue.
///
/// Nothing is clipped between or after the steps, where Pillow clips each: what a bright picture would lose to white it
/// keeps as a value above 1. Networks don't mind, and the whole chain stays one matrix.
public struct ColourMatrix: Sendable, Equatable {
  /// One row an output channel; the last component is added.
  public var red, green, blue: SIMD4<Float>

  public static let identity = ColourMatrix(red: [1, 0, 0, 0], green: [0, 1, 0, 0], blue: [0, 0, 1, 0])

  /// The weights of the three channels in a grey picture, as JPEG, Pillow and television have them.
  static let luma = SIMD3<Float>(0.299, 0.587, 0.114)

  public init(red: SIMD4<Float>, green: SIMD4<Float>, blue: SIMD4<Float>) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  public func callAsFunction(_ colour: SIMD3<Float>) -> SIMD3<Float> {
    let extended = SIMD4(colour, 1)
    return SIMD3((red * extended).sum(), (green * extended).sum(), (blue * extended).sum())
  }

  /// The map that does this one first, then `next`.
  public func followed(by next: ColourMatrix) -> ColourMatrix {
    func row(_ r: SIMD4<Float>) -> SIMD4<Float> {
      r.x * red + r.y * green + r.z * blue + SIMD4(0, 0, 0, r.w)
    }
    return ColourMatrix(red: row(next.red), green: row(next.green), blue: row(next.blue))
  }

  /// Row-major, 3 x 4.
  public var elements: [Float] { [red, green, blue].flatMap { [$0.x, $0.y, $0.z, $0.w] } }
}

// MARK: The changes

extension ColourMatrix {
  /// colour · factor
  static func brightness(_ factor: Float) -> ColourMatrix {
    ColourMatrix(red: [factor, 0, 0, 0], green: [0, factor, 0, 0], blue: [0, 0, factor, 0])
  }

  /// Distance from one grey, the picture's mean, times `factor`.
  static func contrast(_ factor: Float, about grey: Float) -> ColourMatrix {
    var map = brightness(factor)
    map.red.w = (1 - factor) * grey
    map.green.w = map.red.w
    map.blue.w = map.red.w
    return map
  }

  /// Distance from each pixel's own grey times `factor`.
  static func saturation(_ factor: Float) -> ColourMatrix {
    let grey = SIMD4(luma * (1 - factor), 0)
    let plain = brightness(factor)
    return ColourMatrix(red: plain.red + grey, green: plain.green + grey, blue: plain.blue + grey)
  }

  /// Hues turned by `turns` of the circle: a rotation of the YIQ space's colour plane, which leaves luma as it is.
  static func hue(_ turns: Float) -> ColourMatrix {
    let (c, s) = (cos(2 * Float.pi * turns), sin(2 * Float.pi * turns))
    let toYIQ = ColourMatrix(
      red: SIMD4(luma, 0), green: [0.595716, -0.274453, -0.321263, 0], blue: [0.211456, -0.522591, 0.311135, 0])
    let rotation = ColourMatrix(red: [1, 0, 0, 0], green: [0, c, -s, 0], blue: [0, s, c, 0])
    let toRGB = ColourMatrix(
      red: [1, 0.9563, 0.6210, 0], green: [1, -0.2721, -0.6474, 0], blue: [1, -1.1070, 1.7046, 0])
    return toYIQ.followed(by: rotation).followed(by: toRGB)
  }
}

/// What a network expects of its input: (colour - mean) / deviation, for colours of 0 … 1.
public struct Normalization: Sendable, Equatable {
  public var mean, deviation: SIMD3<Float>

  public init(mean: SIMD3<Float>, deviation: SIMD3<Float>) { (self.mean, self.deviation) = (mean, deviation) }

  /// Of ImageNet's pictures, as nearly all published checkpoints have it.
  public static let imageNet = Normalization(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])
  /// To -1 … 1, as some of Google's checkpoints have it.
  public static let symmetric = Normalization(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])
  /// (byte - 128) / 128, as TensorFlow's model garden has it.
  public static let tensorflow = Normalization(mean: .init(repeating: 128 / 255), deviation: .init(repeating: 128 / 255))
  public static let none = Normalization(mean: [0, 0, 0], deviation: [1, 1, 1])

  /// As a map of colours of 0 … 1.
  var matrix: ColourMatrix {
    let (scale, shift) = (1 / deviation, -mean / deviation)
    return ColourMatrix(
      red: [scale.x, 0, 0, shift.x], green: [0, scale.y, 0, shift.y], blue: [0, 0, scale.z, shift.z])
  }
}
