/// Rows and columns of zeros around an image. TensorFlow's `SAME` is asymmetric, PyTorch's padding is not.
public struct Padding: Sendable, Hashable, Codable {
  public var top: Int
  public var left: Int
  public var bottom: Int
  public var right: Int

  public init(top: Int, left: Int, bottom: Int, right: Int) {
    (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
  }

  public init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

  public static let none = Padding(0)
}

/// The sizes of y(N,P,Q,K) = x(N,H,W,C) * w(R,S,C/groups,K).
public struct ConvolutionShape: Sendable, Hashable, Codable {
  public var batch: Int
  public var height: Int
  public var width: Int
  public var inputChannels: Int
  public var outputChannels: Int
  public var kernelHeight: Int
  public var kernelWidth: Int
  public var strideHeight: Int
  public var strideWidth: Int
  public var dilationHeight: Int
  public var dilationWidth: Int
  public var padding: Padding
  public var groups: Int

  public init(
    batch: Int, height: Int, width: Int, inputChannels: Int, outputChannels: Int, kernel: (Int, Int),
    stride: (Int, Int) = (1, 1), dilation: (Int, Int) = (1, 1), padding: Padding = .none, groups: Int = 1
  ) {
    self.batch = batch
    self.height = height
    self.width = width
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    (kernelHeight, kernelWidth) = kernel
    (strideHeight, strideWidth) = stride
    (dilationHeight, dilationWidth) = dilation
    self.padding = padding
    self.groups = groups
    precondition(
      inputChannels % groups == 0 && outputChannels % groups == 0,
      "\(inputChannels) and \(outputChannels) channels don't divide into \(groups) groups")
    precondition(
      outputHeight > 0 && outputWidth > 0,
      "a \(kernelHeight)x\(kernelWidth) kernel with dilation \(dilation) does not fit into \(height)x\(width) with \(padding)")
  }

  public var outputHeight: Int {
    places(height + padding.top + padding.bottom, (kernelHeight - 1) * dilationHeight + 1, strideHeight)
  }
  public var outputWidth: Int {
    places(width + padding.left + padding.right, (kernelWidth - 1) * dilationWidth + 1, strideWidth)
  }

  private func places(_ size: Int, _ window: Int, _ stride: Int) -> Int {
    size < window ? 0 : (size - window) / stride + 1
  }

  public var inputCount: Int { batch * height * width * inputChannels }
  public var outputCount: Int { batch * outputHeight * outputWidth * outputChannels }
  public var weightCount: Int { kernelHeight * kernelWidth * (inputChannels / groups) * outputChannels }
  public var flops: Double { 2 * Double(outputCount) * Double(kernelHeight * kernelWidth * (inputChannels / groups)) }

  /// One filter a channel, which has kernels of its own.
  public var isDepthwise: Bool { groups > 1 && groups == inputChannels && groups == outputChannels }

  /// So few channels, at most `COL2IM_CHANNELS` of kernels.cl, that products whose depth they are, and tiles whose rows or columns
  /// they are, would be nearly empty.
  var isThin: Bool { groups == 1 && inputChannels <= 4 && kernelWidth > 1 && dilationWidth == 1 }

  /// A plain matrix product of pixels and channels.
  var isPointwise: Bool {
    kernelHeight == 1 && kernelWidth == 1 && strideHeight == 1 && strideWidth == 1 && padding == .none && groups == 1
  }
}

extension Device {
  /// y(N,P,Q,K) = activation(x(N,H,W,C) * w(R,S,C/groups,K) + bias(K)).
  ///
  /// - Parameters:
  ///   - normalization: in place of a bias, a batch normalisation of the sums.
  ///   - residual: (N,P,Q,K), added to what was normalised; not to one filter a channel.
  ///   - part: where y belongs, beside what others write: only a bias is added then. nil makes a map of its own.
  /// - Returns: y, or the map that has it in it.
  @discardableResult
  public func convolution(
    _ x: Buffer, _ w: Buffer, _ shape: ConvolutionShape, bias: Buffer? = nil, normalization: BatchNormStatistics? = nil,
    residual: Buffer? = nil, activation: Activation = .none, into part: MapPart? = nil
  ) -> Buffer {
    precondition(part == nil || normalization == nil, "a convolution into a part of a map can't normalise its sums")
    let offset = Offset(bias: bias, normalization: normalization, residual: residual)
    let y = part ?? MapPart(makeFloats(shape.outputCount), channels: shape.outputChannels)
    if shape.isPointwise {
      matmul(MapPart(x, channels: shape.inputChannels), w, pointwise(shape), offset, activation, into: y)
      return y.map
    }
    let measured = choice(for: .convolution(shape))
    if let winograd = winogradShape(shape, isBackward: false, measured) {
      winogradConvolution(MapPart(x, channels: shape.inputChannels), w, winograd, offset, activation, into: y)
      return y.map
    }
    if shape.isDepthwise {
      precondition(residual == nil && part == nil, "a depthwise convolution adds no residual and fills no part of a map")
      launch(
        Launch(
          "depthwise_conv2d", groups: depthwiseGroups(shape, rows: shape.outputHeight),
          depthwiseSizes(shape, isBackward: false) + [
            .int(offset.kind), .int(activation.rawValue), .buffer(x), .buffer(w), .buffer(offset.buffer ?? w), .buffer(y.map),
          ], flops: shape.flops))
      return y.map
    }
    if let grouped = GroupedShape(shape, vector: profile.vector) {
      groupedConvolution(MapPart(x, channels: shape.inputChannels), w, grouped, offset, activation, into: y)
      return y.map
    }
    let (source, sizes) = shape.isThin ? mergedTaps(x, shape) : (x, shape)
    productConvolution(source, w, sizes, pitch: shape.inputChannels, measured, offset, activation, into: y)
    return y.map
  }

  /// - Parameter pitch: floats from one pixel of x to the next.
  private func productConvolution(
    _ x: Buffer, _ w: Buffer, _ shape: ConvolutionShape, pitch: Int, _ measured: Algorithm?, _ offset: Offset,
    _ activation: Activation, into y: MapPart
  ) {
    let (channels, outputs) = (shape.inputChannels / shape.groups, shape.outputChannels / shape.groups)
    let taps = shape.kernelHeight * shape.kernelWidth
    let pixels = shape.batch * shape.outputHeight * shape.outputWidth
    var panels = Panels(
      buffer: w, stride: shape.outputChannels, panelStride: profile.panelColumns, batchStride: outputs)
    var tapStride = channels * shape.outputChannels
    if measured.map({ $0 == .packed }) ?? shouldPack(rows: taps * channels, columns: shape.outputChannels, uses: pixels) {
      panels = packPanels(
        w, rows: taps * channels, columns: outputs, taps: 1, groups: shape.groups, groupStride: outputs, tapStride: 0,
        rowStride: shape.outputChannels, columnStride: 1)
      tapStride = channels * panels.stride
    }
    let (groups, panelArguments) = productGeometry(
      rows: pixels, columns: outputs, depth: taps * channels, groups: shape.groups, panels, tapStride)
    launch(
      Launch(
        "conv2d", groups: groups,
        sizes(shape, isBackward: false) + [.int(pitch)] + y.place + panelArguments + [
          .int(offset.kind), .int(activation.rawValue), .buffer(x), .buffer(panels.buffer),
          .buffer(offset.buffer ?? w), .buffer(offset.residual ?? w), .buffer(fill(0, count: channels)), .buffer(y.map),
        ], flops: shape.flops))
  }

  /// dx(N,H,W,C).
  public func convolutionBackwardInput(_ dy: Buffer, _ w: Buffer, _ shape: ConvolutionShape) -> Buffer {
    transposedConvolution(dy, w, shape)
  }

  /// dx(N,H,W,C) of a convolution whose result is a part of a map.
  public func convolutionBackwardInput(_ dy: MapPart, _ w: Buffer, _ shape: ConvolutionShape) -> Buffer {
    transposedConvolution(dy, w, shape, bias: nil, activation: .none)
  }

  /// activation(dx(N,H,W,C) + bias(C)) for the input gradient of the convolution `shape`, whose result has `dy`'s shape.
  public func transposedConvolution(
    _ dy: Buffer, _ w: Buffer, _ shape: ConvolutionShape, bias: Buffer? = nil, activation: Activation = .none
  ) -> Buffer {
    transposedConvolution(MapPart(dy, channels: shape.outputChannels), w, shape, bias: bias, activation: activation)
  }

  private func transposedConvolution(
    _ dy: MapPart, _ w: Buffer, _ shape: ConvolutionShape, bias: Buffer?, activation: Activation
  ) -> Buffer {
    let offset = Offset(bias: bias, normalization: nil)
    let dx = makeFloats(shape.inputCount)
    if shape.isPointwise {
      let forward = pointwise(shape)
      matmul(
        dy, w, MatmulShape(m: forward.m, n: forward.k, k: forward.n, transposesB: true), offset, activation,
        into: MapPart(dx, channels: shape.inputChannels))
      return dx
    }
    if shape.isThin, let images = imagesOfThinGradient(shape) {
      thinTransposedConvolution(dy, w, shape, images, offset, activation, into: dx)
      return dx
    }
    if let winograd = winogradShape(shape, isBackward: true, choice(for: .inputGradient(shape))) {
      winogradConvolution(dy, w, winograd, offset, activation, into: MapPart(dx, channels: shape.inputChannels))
      return dx
    }
    let epilogue: [Launch.Argument] = [.int(offset.kind), .int(activation.rawValue)]
    if shape.isDepthwise {
      precondition(dy.isWhole(shape.outputChannels), "a depthwise convolution fills no part of a map")
      launch(
        Launch(
          "depthwise_conv2d_backward_input", groups: depthwiseGroups(shape, rows: shape.height),
          depthwiseSizes(shape, isBackward: true) + epilogue + [
            .buffer(dy.map), .buffer(w), .buffer(bias ?? w), .buffer(dx),
          ], flops: shape.flops))
      return dx
    }
    if let grouped = GroupedShape(shape, vector: profile.vector), let backward = grouped.backwardInput {
      groupedConvolution(
        dy, grouped.turnedWeights(w, on: self), backward, offset, activation,
        into: MapPart(dx, channels: shape.inputChannels))
      return dx
    }
    let (channels, outputs) = (shape.inputChannels / shape.groups, shape.outputChannels / shape.groups)
    let taps = shape.kernelHeight * shape.kernelWidth
    let panels = packPanels(
      w, rows: outputs, columns: channels, taps: taps, groups: shape.groups, groupStride: outputs,
      tapStride: channels * shape.outputChannels, rowStride: 1, columnStride: shape.outputChannels)
    let (groups, panelArguments) = productGeometry(
      rows: shape.batch * shape.height * shape.width, columns: channels, depth: taps * outputs, groups: shape.groups,
      panels, outputs * panels.stride)
    launch(
      Launch(
        "conv2d_backward_input", groups: groups,
        sizes(shape, isBackward: true) + dy.place + panelArguments + epilogue + [
          .buffer(dy.map), .buffer(panels.buffer), .buffer(bias ?? w), .buffer(fill(0, count: outputs)), .buffer(dx),
        ], flops: shape.flops))
    return dx
  }

  /// The images whose taps are multiplied at a time: as many as stay in the caches (2 Mi floats) or one; nil where even one takes
  /// too much memory.
  private func imagesOfThinGradient(_ s: ConvolutionShape) -> Int? {
    let floats = s.outputHeight * s.outputWidth * s.kernelHeight * s.kernelWidth * s.inputChannels
    return floats <= 16 << 20 && s.outputCount <= Int32.max ? max(1, (2 << 20) / floats) : nil
  }

  /// dx of few channels: what each pixel of dy brings to its taps is one product, which `col2im` adds up.
  private func thinTransposedConvolution(
    _ dy: MapPart, _ w: Buffer, _ s: ConvolutionShape, _ most: Int, _ offset: Offset, _ activation: Activation, into dx: Buffer
  ) {
    let (pixels, width) = (s.outputHeight * s.outputWidth, s.kernelHeight * s.kernelWidth * s.inputChannels)
    for first in stride(from: 0, to: s.batch, by: most) {
      let images = min(most, s.batch - first)
      // Pixels of earlier images are passed over as the part's earlier channels are.
      let part = MapPart(dy.map, channels: dy.channels, first: dy.first + first * pixels * dy.channels)
      let columns = makeFloats(images * pixels * width)
      matmul(
        part, w, MatmulShape(m: images * pixels, n: width, k: s.outputChannels, transposesB: true),
        Offset(bias: nil, normalization: nil), .none, into: MapPart(columns, channels: width))
      launch(
        Launch(
          "col2im", groups: [images * s.height, 1, 1],
          [
            s.height, s.width, s.inputChannels, s.outputHeight, s.outputWidth, s.kernelHeight, s.kernelWidth,
            s.strideHeight, s.strideWidth, s.dilationHeight, s.padding.top, s.padding.left, first * s.height, offset.kind,
            activation.rawValue,
          ].map { .int($0) } + [.buffer(columns), .buffer(offset.buffer ?? columns), .buffer(dx)]))
    }
  }

  /// Where Winograd's method is the faster one: as measured here, or by a rule for CPUs' tiles.
  func winogradShape(_ shape: ConvolutionShape, isBackward: Bool, _ measured: Algorithm?) -> WinogradShape? {
    guard let winograd = WinogradShape(shape, isBackward: isBackward) else { return nil }
    return measured.map { $0 == .winograd } ?? (!profile.staged && winograd.pays) ? winograd : nil
  }

  private func pointwise(_ shape: ConvolutionShape) -> MatmulShape {
    MatmulShape(m: shape.batch * shape.height * shape.width, n: shape.outputChannels, k: shape.inputChannels)
  }

  /// The groups of a product kernel, and its arguments bStride … panels.
  private func productGeometry(
    rows: Int, columns: Int, depth: Int, groups: Int, _ panels: Panels, _ tapStride: Int
  ) -> (SIMD3<Int>, [Launch.Argument]) {
    let panelCount = (columns + profile.panelColumns - 1) / profile.panelColumns
    let bytes = depth * profile.panelColumns * MemoryLayout<Float>.stride
    let perGroup = profile.staged ? 1 : min(panelCount, max(1, 262_144 / bytes))
    return (
      [(rows + profile.groupRows - 1) / profile.groupRows, (panelCount + perGroup - 1) / perGroup, groups],
      [
        .int(panels.stride), .int(tapStride), .int(panels.panelStride), .int(panels.batchStride), .int(perGroup),
      ]
    )
  }

  /// CONVOLUTION_SIZES of kernels.cl; for the input gradient, the roles of x and y are exchanged.
  func sizes(_ s: ConvolutionShape, isBackward: Bool) -> [Launch.Argument] {
    let (c, k) = (s.inputChannels / s.groups, s.outputChannels / s.groups)
    let from = isBackward ? [s.batch, s.outputHeight, s.outputWidth, k] : [s.batch, s.height, s.width, c]
    let to = isBackward ? [s.height, s.width, c] : [s.outputHeight, s.outputWidth, k]
    return (from + to + [s.kernelHeight, s.kernelWidth, s.groups] + steps(s, isBackward: isBackward)).map { .int($0) }
  }

  /// Two rows of results a group: `DEPTHWISE_ROWS` of kernels.cl.
  private func depthwiseGroups(_ s: ConvolutionShape, rows: Int) -> SIMD3<Int> { [s.batch * ((rows + 1) / 2), 1, 1] }

  func depthwiseSizes(_ s: ConvolutionShape, isBackward: Bool) -> [Launch.Argument] {
    let (input, output) = ([s.height, s.width], [s.outputHeight, s.outputWidth])
    let (from, to) = isBackward ? (output, input) : (input, output)
    return ([s.batch] + from + [s.inputChannels] + to + [s.kernelHeight, s.kernelWidth] + steps(s, isBackward: isBackward))
      .map { .int($0) }
  }

  /// strideY … offsetX: the input gradient's taps step the other way.
  private func steps(_ s: ConvolutionShape, isBackward: Bool) -> [Int] {
    let sign = isBackward ? -1 : 1
    return [
      s.strideHeight, s.strideWidth, sign * s.dilationHeight, sign * s.dilationWidth, -sign * s.padding.top,
      -sign * s.padding.left,
    ]
  }
}
