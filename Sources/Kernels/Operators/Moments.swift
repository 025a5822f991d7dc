/// Mean and Σ (x - mean)² of entries that stand for `unit` numbers each.
public struct Moments: Sendable {
  public var mean: Buffer
  /// Nil where each entry is one number.
  public var square: Buffer?
  public var unit: Int

  public init(mean: Buffer, square: Buffer? = nil, unit: Int = 1) {
    self.mean = mean
    self.square = square
    self.unit = unit
  }
}

extension Device {
  /// Entries that are merged at a time: short enough that their sum is accurate, long enough to be worth a group.
  private static let momentChunk = 256

  /// The moments of (outer,axis,inner) along the axis: (outer,inner), its squares multiplied by `scale`.
  public func merge(_ moments: Moments, outer: Int, axis: Int, inner: Int, scale: Float = 1) -> Moments {
    let total = axis * moments.unit
    var (moments, axis) = (moments, axis)
    repeat {
      let chunks = (axis + Self.momentChunk - 1) / Self.momentChunk
      let result = (mean: makeFloats(outer * chunks * inner), square: makeFloats(outer * chunks * inner))
      let common: [Launch.Argument] = [
        .int(Self.momentChunk), .int(moments.unit), .int(total), .int(moments.square == nil ? 0 : 1),
        .float(chunks == 1 ? scale : 1), .buffer(moments.mean), .buffer(moments.square ?? moments.mean),
        .buffer(result.mean), .buffer(result.square),
      ]
      if inner == 1 {
        launch(Launch("row_moments", groups: [chunks, outer, 1], [.int(axis)] + common))
      } else {
        let perGroup = profile.local * profile.vector
        launch(
          Launch(
            "column_moments", groups: [(inner + perGroup - 1) / perGroup, chunks, outer],
            [.int(axis), .int(inner)] + common))
      }
      moments = Moments(
        mean: result.mean, square: result.square, unit: min(total, moments.unit * Self.momentChunk))
      axis = chunks
    } while axis > 1
    return moments
  }
}
