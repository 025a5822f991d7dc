/// Some neighbouring channels of a map (N,P,Q,channels): where a convolution writes beside others whose results are
/// concatenated, and what each of them then takes of the gradient; or the queries, keys or values of an attention.
public struct MapPart: Sendable {
  public let map: Buffer
  /// Of the whole map.
  public let channels: Int
  /// The part's first channel.
  public let first: Int

  /// - Parameter first: the part's first channel; with 0 and as many channels as the part has, it is the whole map.
  public init(_ map: Buffer, channels: Int, first: Int = 0) {
    (self.map, self.channels, self.first) = (map, channels, first)
  }

  func isWhole(_ count: Int) -> Bool { first == 0 && channels == count }

  /// The kernels' arguments `…Pitch` and `…First`.
  var place: [Launch.Argument] { [.int(channels), .int(first)] }
}
