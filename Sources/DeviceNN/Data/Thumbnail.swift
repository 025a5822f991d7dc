// Which pictures look the same: normalised correlation of what they look like, small.

/// What a picture looks like, small: 16x16 grey areas, without the picture's brightness and contrast.
public struct Thumbnail: Hashable, Sendable {
  private static let side = 16
  /// Of mean 0 and norm 1; zeros where all areas are the same.
  private let areas: [Float]

  /// Pictures that correlate more are taken for the same. Measured (`thresholdOnRealPictures`, 1250 photos of flowers224 and
  /// 1214 chest X-rays, which are all alike): saved again at quality 40, 1250 and 1214 are found, mirrored as well 1250 and
  /// 1208, flowers at half the size 1250 and cropped to 95 % 496; of all pairs of different pictures 0 and 2, and those two
  /// are the same X-ray.
  public static let threshold: Float = 0.97

  public init(_ image: Image) {
    let small = image.resized(width: Self.side, height: Self.side)
    let grey = (0..<Self.side * Self.side).map { i in
      let at = i * 3
      return 299 * Int(small.pixels[at]) + 587 * Int(small.pixels[at + 1]) + 114 * Int(small.pixels[at + 2])
    }
    let sum = grey.reduce(0, +)
    let centred = grey.map { Float($0 * grey.count - sum) }
    let norm = centred.reduce(0) { $0 + $1 * $1 }.squareRoot()
    areas = centred.map { norm > 0 ? $0 / norm : 0 }
  }

  private init(areas: [Float]) { self.areas = areas }

  public var mirrored: Thumbnail {
    Thumbnail(areas: stride(from: 0, to: areas.count, by: Self.side).flatMap { areas[$0..<$0 + Self.side].reversed() })
  }

  /// 1 for the same picture, whatever its brightness and contrast, 0 for one that has nothing to do with it.
  public func correlation(with other: Thumbnail) -> Float {
    areas.withUnsafeBytes { these in
      other.areas.withUnsafeBytes { those in
        let (these, those) = (these.assumingMemoryBound(to: SIMD8<Float>.self), those.assumingMemoryBound(to: SIMD8<Float>.self))
        var sums = SIMD8<Float>.zero
        // Not addProduct: without an instruction for it, each is a call.
        for i in these.indices { sums += these[i] * those[i] }
        return sums.sum()
      }
    }
  }
}
