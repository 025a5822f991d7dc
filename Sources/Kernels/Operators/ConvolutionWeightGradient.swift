extension Device {
  /// dw(R,S,C/groups,K).
  public func convolutionBackwardWeight(_ x: Buffer, dy: Buffer, _ shape: ConvolutionShape) -> Buffer {
    convolutionBackwardWeight(x, dy: MapPart(dy, channels: shape.outputChannels), shape)
  }

  /// dw(R,S,C/groups,K) of a convolution whose result is a part of a map.
  public func convolutionBackwardWeight(_ x: Buffer, dy: MapPart, _ shape: ConvolutionShape) -> Buffer {
    let measured = choice(for: .weightGradient(shape))
    if shape.isDepthwise {
      precondition(dy.isWhole(shape.outputChannels), "a depthwise convolution fills no part of a map")
      let rows = shape.batch * shape.outputHeight
      let splits = max(1, min(rows, 16))
      // The more channels a group takes, the longer the stretches of memory that it reads.
      let channels = shape.inputChannels, enough = (4 * description.computeUnits + splits - 1) / splits
      let parts = min((channels + 255) / 256, max((channels + 1023) / 1024, enough))
      let partial = makeFloats(splits * shape.weightCount)
      launch(
        Launch(
          "depthwise_conv2d_backward_weight", groups: [splits, parts, 1],
          depthwiseSizes(shape, isBackward: false) + [.buffer(x), .buffer(dy.map), .buffer(partial)], flops: shape.flops))
      return sumSplits(partial, splits, shape.weightCount)
    }
    if let winograd = winogradShape(shape, isBackward: false, measured) {
      return winogradBackwardWeight(x, dy: dy, winograd)
    }
    if let grouped = GroupedShape(shape, vector: profile.vector) { return groupedBackwardWeight(x, dy: dy, grouped) }
    let (source, sizes) = shape.isThin ? mergedTaps(x, shape) : (x, shape)
    return productBackwardWeight(source, dy: dy, sizes, pitch: shape.inputChannels, measured)
  }

  /// A first layer's few channels fill neither a tile's rows nor its depth. One tap's channels and the next one's are
  /// neighbours in memory, so a row of taps is taken as one tap with the channels of all, on a copy of x that has its padding
  /// on the left and right in it.
  func mergedTaps(_ x: Buffer, _ shape: ConvolutionShape) -> (padded: Buffer, shape: ConvolutionShape) {
    let (channels, left) = (shape.inputChannels, shape.padding.left)
    let width = (shape.outputWidth - 1) * shape.strideWidth + shape.kernelWidth
    let copied = min(shape.width, width - left)
    let rows = shape.batch * shape.height
    let padded = fill(0, count: rows * width * channels)
    if copied > 0 {
      copy(
        x, at: Strides([shape.width * channels, 1]), to: padded,
        at: Strides([width * channels, 1], offset: left * channels), shape: [rows, copied * channels])
    }
    var merged = shape
    merged.width = width
    merged.inputChannels = channels * shape.kernelWidth
    merged.kernelWidth = 1
    // A row of taps ends inside, so that many pixels at the right begin none.
    (merged.padding.left, merged.padding.right) = (0, 1 - shape.kernelWidth)
    return (padded, merged)
  }

  private func productBackwardWeight(
    _ x: Buffer, dy: MapPart, _ shape: ConvolutionShape, pitch: Int, _ measured: Algorithm?
  ) -> Buffer {
    let blocks = WeightGradientBlocks(shape)
    let partial = makeFloats(blocks.splits * shape.weightCount)
    let channels = shape.inputChannels / shape.groups
    // Some eight groups a core take the items in turn, so that their scratch memory is small. Staged, there is none.
    let groups = min(blocks.items, 8 * max(1, description.computeUnits))
    let scratch = profile.staged ? partial : makeFloats(groups * blocks.scratch(profile))
    let (taken, packsGradient) = takesPixels(of: shape, pitch: dy.channels, measured)
    launch(
      Launch(
        "conv2d_backward_weight",
        groups: profile.staged
          ? [blocks.splits, blocks.taps * ((channels + profile.groupRows - 1) / profile.groupRows), shape.groups]
          : [groups, 1, 1],
        sizes(shape, isBackward: false) + [.int(pitch)] + dy.place
          + [blocks.splits, blocks.channelBlocks, blocks.outputBlocks, taken.rawValue, packsGradient ? 1 : 0].map { .int($0) }
          + [.buffer(x), .buffer(dy.map), .buffer(scratch), .buffer(partial)], flops: shape.flops))
    return sumSplits(partial, blocks.splits, shape.weightCount)
  }

  /// How a weight gradient takes x, and whether it packs dy: both are read across their rows. AMD's processors read rows in
  /// place faster, unless they are a multiple of 4 KiB apart and fall on the same few lines of a cache; others' do where the
  /// tiles are wide and both rows short or the result small, or where packing is hardly repaid (docs/products.md).
  ///
  /// - Parameter pitch: floats from one pixel of dy to the next.
  private func takesPixels(of shape: ConvolutionShape, pitch: Int, _ measured: Algorithm?) -> (TakenPixels, packsGradient: Bool) {
    // Of other convolutions, only whether Winograd's method is faster was measured.
    let measured = shape.isPointwise ? measured : nil
    let isSlight = max(shape.inputChannels, pitch) < 512 || shape.inputChannels * pitch <= 96 << 10
    func isInPlace(_ pitch: Int) -> Bool {
      if let measured { return measured == .inPlace }
      if description.vendor.contains("AMD") { return pitch % 1024 != 0 }
      return shape.isPointwise && profile.panelColumns >= 64 && isSlight
    }
    if shape.gathersTaps { return (.gathered, !isInPlace(pitch)) }
    guard shape.isPointwise else { return (.packed, !isInPlace(pitch)) }
    let isSmall = measured == nil && min(shape.inputChannels, shape.outputChannels) <= 48
    return (isSmall || isInPlace(shape.inputChannels) ? .inPlace : .packed, !isInPlace(pitch))
  }

  /// The sum of partial(splits,count) over its splits.
  func sumSplits(_ partial: Buffer, _ splits: Int, _ count: Int) -> Buffer {
    splits == 1 ? partial : sum(partial, outer: 1, axis: splits, inner: count)
  }
}

/// How a weight gradient's product takes x: see conv2d_backward_weight.
private enum TakenPixels: Int {
  /// Of a pointwise convolution.
  case inPlace
  /// A tap's channels in tiles.
  case packed
  /// The channels of all taps in a row for each pixel.
  case gathered
}

extension ConvolutionShape {
  /// A weight gradient whose taps have few channels gathers them.
  fileprivate var gathersTaps: Bool {
    let taps = kernelHeight * kernelWidth
    return taps > 1 && taps * (inputChannels / groups) <= 256
  }
}

/// How the weight gradient's product is cut. The pixels are cut by the shape alone, so that the order of their sums is the
/// same on every device.
private struct WeightGradientBlocks {
  let taps: Int
  /// Ranges of pixels with sums of their own: enough for many cores, while the partial sums stay small against the work.
  let splits: Int
  let channelBlocks: Int
  let outputBlocks: Int
  /// Channels and outputs of a group of the convolution.
  private let channels: Int
  private let outputs: Int
  private let groups: Int
  private let gathersTaps: Bool

  init(_ shape: ConvolutionShape) {
    taps = shape.kernelHeight * shape.kernelWidth
    groups = shape.groups
    (channels, outputs) = (shape.inputChannels / groups, shape.outputChannels / groups)
    // dy is packed for each block of channels: blocks may be small where many taps use it.
    let rows = taps > 1 ? 64 : 256
    gathersTaps = shape.gathersTaps
    channelBlocks = gathersTaps ? 1 : (channels + rows - 1) / rows
    outputBlocks = (outputs + 255) / 256
    let pixels = shape.batch * shape.outputHeight * shape.outputWidth
    let tiles = channelBlocks * outputBlocks * groups
    splits = max(1, min(pixels / 1024, (31 + tiles) / tiles, 33_554_432 / shape.weightCount))
  }

  var items: Int { splits * groups * channelBlocks * outputBlocks }

  /// Floats for a block of BLOCK_PIXELS pixels of both operands, in tiles and panels that are padded by 16.
  func scratch(_ profile: TileProfile) -> Int {
    let rows = gathersTaps ? taps * channels : channels
    let (tiles, panels) = (
      (rows + profile.tileM - 1) / profile.tileM, (outputs + profile.panelColumns - 1) / profile.panelColumns
    )
    let pixels = profile.panelColumns < 64 ? 256 : 128
    return (tiles + channelBlocks - 1) / channelBlocks * (pixels * profile.tileM + 16)
      + (panels + outputBlocks - 1) / outputBlocks * (pixels * profile.panelColumns + 16)
  }
}
