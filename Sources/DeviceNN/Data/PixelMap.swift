// Where the places of a picture went: what moves with the pixels (boxes, masks) asks it.

/// An affine map of places, in pixels from the top left corner: (xx·x + xy·y + x0, yx·x + yy·y + y0).
public struct PixelMap: Sendable, Equatable {
  public var xx: Float = 1
  public var xy: Float = 0
  public var x: Float = 0
  public var yx: Float = 0
  public var yy: Float = 1
  public var y: Float = 0

  public static let identity = PixelMap()

  public func callAsFunction(_ p: SIMD2<Float>) -> SIMD2<Float> {
    SIMD2(xx * p.x + xy * p.y + x, yx * p.x + yy * p.y + y)
  }

  /// The map that does this one first, then `next`.
  public func followed(by next: PixelMap) -> PixelMap {
    PixelMap(
      xx: next.xx * xx + next.xy * yx, xy: next.xx * xy + next.xy * yy, x: next.xx * x + next.xy * y + next.x,
      yx: next.yx * xx + next.yy * yx, yy: next.yx * xy + next.yy * yy, y: next.yx * x + next.yy * y + next.y)
  }

  /// The way back. No change of a picture makes it flat, so there is one.
  public var inverse: PixelMap {
    let scale = 1 / (xx * yy - xy * yx)
    let (a, b, c, d) = (yy * scale, -xy * scale, -yx * scale, xx * scale)
    return PixelMap(xx: a, xy: b, x: -(a * x + b * y), yx: c, yy: d, y: -(c * x + d * y))
  }

  /// The box around what the map makes of a box.
  public func callAsFunction(_ box: Box) -> Box {
    let corners = [box.left, box.right].flatMap { x in [box.top, box.bottom].map { self(SIMD2(x, $0)) } }
    return corners.map { Box(left: $0.x, top: $0.y, right: $0.x, bottom: $0.y) }.reduce(nil) { box, corner in
      box?.union(corner) ?? corner
    }!
  }

  /// Of a crop that is scaled to `width` x `height` pixels, and mirrored if `flipped`.
  init(crop: PixelRectangle, width: Int, height: Int, flipped: Bool = false) {
    let (scaleX, scaleY) = (Float(width) / Float(crop.width), Float(height) / Float(crop.height))
    self.init(xx: scaleX, x: -Float(crop.x) * scaleX, yy: scaleY, y: -Float(crop.y) * scaleY)
    if flipped { self = followed(by: PixelMap(xx: -1, x: Float(width))) }
  }

  init(xx: Float = 1, xy: Float = 0, x: Float = 0, yx: Float = 0, yy: Float = 1, y: Float = 0) {
    (self.xx, self.xy, self.x, self.yx, self.yy, self.y) = (xx, xy, x, yx, yy, y)
  }
}
