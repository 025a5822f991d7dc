// Convolutions of many groups, each of few channels: see `grouped convolution` in kernels.cl.

/// A convolution of 3 taps a row whose groups have as many inputs as outputs, and so few that tiles of a product would be
/// nearly empty, as in ResNeXt and RegNet.
struct GroupedShape {
  let convolution: ConvolutionShape
  /// Of a group.
  private let channels: Int

  /// Nil where a product is faster, or where vectors of so many floats are not whole groups, nor groups whole vectors.
  init?(_ shape: ConvolutionShape, vector: Int) {
    (convolution, channels) = (shape, shape.inputChannels / shape.groups)
    guard shape.groups > 1, shape.outputChannels == shape.inputChannels, channels % 4 == 0, channels <= 16,
      vector % channels == 0 || channels % vector == 0, shape.kernelWidth == 3, shape.dilationWidth == 1,
      shape.strideWidth <= 2
    else { return nil }
  }

  /// The convolution of dy that makes dx: taps are turned by half a turn. Nil where dy would have to be spread.
  var backwardInput: GroupedShape? {
    let shape = convolution
    let (down, right) = ((shape.kernelHeight - 1) * shape.dilationHeight, 2)
    let padding = Padding(
      top: down - shape.padding.top, left: right - shape.padding.left, bottom: down - shape.padding.bottom,
      right: right - shape.padding.right)
    guard shape.strideHeight == 1, shape.strideWidth == 1,
      [padding.top, padding.left, padding.bottom, padding.right].allSatisfy({ $0 >= 0 })
    else { return nil }
    return GroupedShape(
      ConvolutionShape(
        batch: shape.batch, height: shape.outputHeight, width: shape.outputWidth, inputChannels: shape.outputChannels,
        outputChannels: shape.inputChannels, kernel: (shape.kernelHeight, shape.kernelWidth),
        dilation: (shape.dilationHeight, 1), padding: padding, groups: shape.groups), channels)
  }

  private init(_ convolution: ConvolutionShape, _ channels: Int) { (self.convolution, self.channels) = (convolution, channels) }

  /// w(R,S,inputs,groups,outputs) with inputs and outputs exchanged, the last tap first.
  func turnedWeights(_ w: Buffer, on device: Device) -> Buffer {
    let (taps, row) = (convolution.kernelHeight * 3, convolution.outputChannels)
    let turned = device.makeFloats(convolution.weightCount)
    device.copy(
      w, at: Strides([-channels * row, 1, channels, row], offset: (taps - 1) * channels * row), to: turned,
      at: Strides([channels * row, row, channels, 1]), shape: [taps, channels, convolution.groups, channels])
    return turned
  }
}

extension Device {
  /// Work-groups take a row each, and so many channels: `GROUPED_CHANNELS` of kernels.cl.
  private static var groupedChannels: Int { 256 }

  func groupedConvolution(
    _ x: MapPart, _ w: Buffer, _ grouped: GroupedShape, _ offset: Offset, _ activation: Activation, into y: MapPart
  ) {
    let shape = grouped.convolution
    let panels = packPanels(
      w, rows: shape.weightCount / shape.outputChannels, columns: shape.outputChannels, taps: 1, groups: 1, groupStride: 0,
      tapStride: 0, rowStride: shape.outputChannels, columnStride: 1)
    launch(
      Launch(
        "grouped_conv2d",
        groups: [shape.batch * shape.outputHeight, groupedBlocks(shape), 1],
        sizes(shape, isBackward: false) + x.place + y.place + [
          .int(offset.kind), .int(activation.rawValue), .buffer(x.map), .buffer(panels.buffer), .buffer(offset.buffer ?? w),
          .buffer(offset.residual ?? w), .buffer(y.map),
        ], flops: shape.flops))
  }

  /// The splits are of rows, by the shape alone, and few where the sums are large.
  func groupedBackwardWeight(_ x: Buffer, dy: MapPart, _ grouped: GroupedShape) -> Buffer {
    let shape = grouped.convolution
    let splits = max(1, min(shape.batch * shape.outputHeight, 16, 2_097_152 / shape.weightCount))
    let partial = makeFloats(splits * shape.weightCount)
    launch(
      Launch(
        "grouped_conv2d_backward_weight", groups: [splits, groupedBlocks(shape), 1],
        sizes(shape, isBackward: false) + dy.place + [.buffer(x), .buffer(dy.map), .buffer(partial)], flops: shape.flops))
    return sumSplits(partial, splits, shape.weightCount)
  }

  private func groupedBlocks(_ shape: ConvolutionShape) -> Int {
    (shape.outputChannels + Self.groupedChannels - 1) / Self.groupedChannels
  }
}
