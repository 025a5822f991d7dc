/// Mean + rest and Σ (x - mean - rest)² of entries that stand for `unit` numbers each.
public struct Moments: Sendable {
  public var mean: Buffer
  /// What rounding left out of the mean. Nil, like the squares, where each entry is one number.
  public var rest: Buffer?
  public var square: Buffer?
  public var unit: Int

  public init(_ numbers: Buffer) {
    mean = numbers
    unit = 1
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
      var result = Moments(makeFloats(outer * chunks * inner))
      let (rest, square) = (makeFloats(outer * chunks * inner), makeFloats(outer * chunks * inner))
      let common: [Launch.Argument] = [
        .int(Self.momentChunk), .int(moments.unit), .int(total), .int(moments.square == nil ? 0 : 1),
        .float(chunks == 1 ? scale : 1), .buffer(moments.mean), .buffer(moments.rest ?? moments.mean),
        .buffer(moments.square ?? moments.mean), .buffer(result.mean), .buffer(rest), .buffer(square),
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
      result.rest = rest
      result.square = square
      result.unit = min(total, moments.unit * Self.momentChunk)
      (moments, axis) = (result, chunks)
    } while axis > 1
    return moments
  }
}
