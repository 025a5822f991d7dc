/// A 3x3 convolution of stride 1 by Winograd's method F(4x4,3x3), which takes 36 products of channels for 4 x 4 pixels
/// where the direct way takes 144: the forward pass, or the input gradient, which is a convolution of dy with the filters
/// turned by half a turn. The weight gradient has the shape of the forward pass. See docs/winograd.md.
struct WinogradShape {
  private let convolution: ConvolutionShape
  private let isBackward: Bool

  /// Nil where the kernel is not 3x3, or has strides, dilation or groups.
  init?(_ convolution: ConvolutionShape, isBackward: Bool) {
    guard
      convolution.kernelHeight == 3, convolution.kernelWidth == 3, convolution.strideHeight == 1,
      convolution.strideWidth == 1, convolution.dilationHeight == 1, convolution.dilationWidth == 1,
      convolution.groups == 1
    else { return nil }
    self.convolution = convolution
    self.isBackward = isBackward
  }

  var inputChannels: Int { isBackward ? convolution.outputChannels : convolution.inputChannels }
  var outputChannels: Int { isBackward ? convolution.inputChannels : convolution.outputChannels }
  private var inputSize: [Int] {
    isBackward ? [convolution.outputHeight, convolution.outputWidth] : [convolution.height, convolution.width]
  }
  private var outputSize: [Int] {
    isBackward ? [convolution.height, convolution.width] : [convolution.outputHeight, convolution.outputWidth]
  }
  var flops: Double { convolution.flops }

  /// Tiles of 4 x 4 pixels of all images.
  var tiles: Int { convolution.batch * ((outputSize[0] + 3) / 4) * ((outputSize[1] + 3) / 4) }

  /// Whether the method is the faster one on a CPU, as measured: with enough channels, with tiles that are at least half
  /// full (4 and 6 to 8 pixels are, 5 are not), and with enough of them to repay the transformation of the filters and
  /// the coarser rounding.
  var pays: Bool {
    min(inputChannels, outputChannels) >= 16 && tiles >= 48
      && tiles * 16 <= 2 * convolution.batch * outputSize[0] * outputSize[1]
  }

  /// The arguments N … offsetX of the kernels. A tile's first pixel reads at its own place plus the offsets.
  var sizes: [Launch.Argument] {
    let (top, left) = (convolution.padding.top, convolution.padding.left)
    let offsets = isBackward ? [top - 2, left - 2] : [-top, -left]
    return ([convolution.batch] + inputSize + [inputChannels] + outputSize + [outputChannels] + offsets).map { .int($0) }
  }

  /// Tiles that a group transforms at a time, a multiple of a register tile's rows: some 24, which use what is read of the
  /// filters often enough, and whose transforms stay in a core's second-level cache with up to 256 channels.
  fileprivate func tilesPerBlock(_ profile: TileProfile) -> Int {
    let wanted = 24
    let blocks = (tiles + wanted - 1) / wanted
    return ((tiles + blocks - 1) / blocks + profile.tileM - 1) / profile.tileM * profile.tileM
  }

  /// The filters as they are, or for the input gradient with the roles of the channels exchanged and the taps in reverse.
  fileprivate func filters(_ w: Buffer, on device: Device) -> Buffer {
    let (rows, columns, width) = (inputChannels, outputChannels, device.profile.panelColumns)
    let panels = (columns + width - 1) / width
    var (from, first, panelStride, tapStride, rowStride) = (w, 0, width, rows * columns, columns)
    if isBackward {
      let packed = device.packPanels(
        w, rows: rows, columns: columns, taps: 9, groups: 1, groupStride: 0, tapStride: rows * columns, rowStride: 1,
        columnStride: rows)
      (from, panelStride, rowStride) = (packed.buffer, packed.panelStride, width)
      (first, tapStride) = (8 * rows * width, -rows * width)
    }
    let sizes = [rows, columns, first, panelStride, tapStride, rowStride]
    return from.packed.copy("winograd_filter", sizes) {
      let u = device.makeFloats(panels * 36 * rows * width)
      device.launch(
        Launch(
          "winograd_filter", groups: [panels, (rows + 15) / 16, 1], sizes.map { .int($0) } + [.buffer(from), .buffer(u)]))
      return u
    }
  }
}

extension Device {
  /// activation(x * w + offset) for the forward pass; x is dy for the input gradient.
  func winogradConvolution(
    _ x: MapPart, _ w: Buffer, _ shape: WinogradShape, _ offset: Offset, _ activation: Activation, into y: MapPart
  ) {
    let u = shape.filters(w, on: self)
    let tiles = shape.tilesPerBlock(profile)
    let panels = (shape.outputChannels + profile.panelColumns - 1) / profile.panelColumns
    // Some eight groups a core, so that none waits for long in the end: ranges of blocks and, where there are too few of
    // these, of panels. Which ones changes no result.
    let wanted = 8 * max(1, description.computeUnits)
    let across = min((shape.tiles + tiles - 1) / tiles, wanted)
    let down = min((panels + 3) / 4, (wanted + across - 1) / across)
    let pitch = (shape.inputChannels + profile.vector - 1) / profile.vector * profile.vector
    let scratch = makeFloats(across * down * 36 * (tiles * (pitch + profile.panelColumns) + 32))
    launch(
      Launch(
        "winograd_conv2d", groups: [across, down, 1],
        shape.sizes + x.place + y.place + [
          .int(tiles), .int(offset.kind), .int(activation.rawValue), .buffer(x.map), .buffer(u),
          .buffer(offset.buffer ?? w), .buffer(offset.residual ?? w), .buffer(fill(0, count: shape.inputChannels)),
          .buffer(scratch), .buffer(y.map),
        ], flops: shape.flops))
  }
}
