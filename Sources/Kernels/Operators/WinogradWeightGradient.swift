/// How the tiles of `winograd_backward_weight` are dealt: by the shape alone, so that the order of their sums is the same on
/// every device.
private struct WinogradWeightGradientBlocks {
  /// Ranges of tiles with sums of their own, enough for many cores.
  let splits: Int
  /// Tiles that are transformed at a time, at most: some 30, whose products' sums are then added to the total.
  let tiles: Int
  /// Of splits, channels and outputs.
  let items: Int

  init(_ shape: WinogradShape) {
    func blocks(_ channels: Int) -> Int { (channels + 63) / 64 }
    let pairs = blocks(shape.inputChannels) * blocks(shape.outputChannels)
    splits = max(1, min(shape.tiles / 64, (15 + pairs) / pairs))
    let longest = (shape.tiles + splits - 1) / splits
    tiles = (longest + (longest + 31) / 32 - 1) / ((longest + 31) / 32)
    items = splits * pairs
  }

  /// Floats for both transformed operands and the products' sums, of blocks of 64 channels: see WINOGRAD_BLOCK.
  func scratch(_ profile: TileProfile) -> Int { 36 * (2 * (tiles * 80 + 16) + (64 + profile.tileM) * 64 + 16) }
}

extension Device {
  /// dw(3,3,C,K).
  func winogradBackwardWeight(_ x: Buffer, dy: MapPart, _ shape: WinogradShape) -> Buffer {
    let blocks = WinogradWeightGradientBlocks(shape)
    let count = 9 * shape.inputChannels * shape.outputChannels
    // Some four groups a core take the items in turn, so that their scratch memory is small.
    let groups = min(blocks.items, 4 * max(1, description.computeUnits))
    let partial = makeFloats(blocks.splits * count)
    launch(
      Launch(
        "winograd_backward_weight", groups: [groups, 1, 1],
        shape.sizes + dy.place + [
          .int(blocks.tiles), .int(blocks.splits), .buffer(x), .buffer(dy.map),
          .buffer(fill(0, count: max(shape.inputChannels, shape.outputChannels))),
          .buffer(makeFloats(groups * blocks.scratch(profile))), .buffer(partial),
        ], flops: shape.flops))
    return sumSplits(partial, blocks.splits, count)
  }
}
