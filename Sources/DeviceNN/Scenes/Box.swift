/// A rectangle with edges along the axes, in pixels from the picture's top left corner: the pixel (x,y) covers
/// x … x + 1 and y … y + 1.
public struct Box: Sendable, Equatable, Codable {
  public var left, top, right, bottom: Float

  public init(left: Float, top: Float, right: Float, bottom: Float) {
    (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
  }

  public var width: Float { right - left }
  public var height: Float { bottom - top }
  public var centre: SIMD2<Float> { SIMD2(left + right, top + bottom) / 2 }
  /// Also 0 where left and right, or top and bottom, are not in this order.
  public var area: Float { max(width, 0) * max(height, 0) }

  /// What lies in both; its area is 0 where nothing does.
  public func intersection(_ other: Box) -> Box {
    Box(
      left: max(left, other.left), top: max(top, other.top), right: min(right, other.right),
      bottom: min(bottom, other.bottom))
  }

  /// The part of what either covers that both cover: 0 … 1; 0 where both are empty.
  public func intersectionOverUnion(_ other: Box) -> Double {
    let (a, b, both) = (Double(area), Double(other.area), Double(intersection(other).area))
    let union = a + b - both
    return union > 0 ? both / union : 0
  }

  /// The box around both.
  func union(_ other: Box) -> Box {
    Box(
      left: min(left, other.left), top: min(top, other.top), right: max(right, other.right),
      bottom: max(bottom, other.bottom))
  }
}
