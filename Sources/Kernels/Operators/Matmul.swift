/// The sizes of C(batch,M,N) = A · B.
public struct MatmulShape: Sendable, Hashable, Codable {
  public var batch: Int
  public var m: Int
  public var n: Int
  public var k: Int
  /// Whether A is stored as (batch,K,M), and B as (batch,N,K).
  public var transposesA: Bool
  public var transposesB: Bool

  public init(batch: Int = 1, m: Int, n: Int, k: Int, transposesA: Bool = false, transposesB: Bool = false) {
    self.batch = batch
    self.m = m
    self.n = n
    self.k = k
    self.transposesA = transposesA
    self.transposesB = transposesB
  }

  public var flops: Double { 2 * Double(batch) * Double(m) * Double(n) * Double(k) }
}

/// How a right operand lies: panel p's row k starts at p · panelStride + k · stride.
struct Panels {
  var buffer: Buffer
  var stride: Int
  var panelStride: Int
  /// Floats from one batch, or group of a convolution, to the next.
  var batchStride: Int
}

extension Device {
  /// C(batch,M,N) = activation(A · B + bias(N)).
  public func matmul(
    _ a: Buffer, _ b: Buffer, _ shape: MatmulShape, bias: Buffer? = nil, activation: Activation = .none
  ) -> Buffer {
    matmul(a, b, shape, Offset(bias: bias, normalization: nil), activation)
  }

  func matmul(_ a: Buffer, _ b: Buffer, _ shape: MatmulShape, _ offset: Offset, _ activation: Activation) -> Buffer {
    if shape.transposesA {
      if !shape.transposesB && shape.batch == 1 && offset.kind == 0 && activation == .none {
        return matmulOfTransposed(a, b, shape)
      }
      var plain = shape
      plain.transposesA = false
      let copy = transpose(a, batch: shape.batch, rows: shape.k, columns: shape.m)
      return matmul(copy, b, plain, offset, activation)
    }
    let c = makeFloats(shape.batch * shape.m * shape.n)
    matmul(MapPart(a, channels: shape.k), b, shape, offset, activation, into: MapPart(c, channels: shape.n))
    return c
  }

  /// The product of rows and into rows that are some of the channels of maps' pixels; A is not transposed.
  func matmul(
    _ a: MapPart, _ b: Buffer, _ shape: MatmulShape, _ offset: Offset, _ activation: Activation, into c: MapPart
  ) {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    precondition(
      shape.batch == 1 || (a.isWhole(shape.k) && c.isWhole(shape.n)), "parts of maps are not multiplied in batches")
    if isSkinny(shape) {
      if !shape.transposesB { return skinnyMatmul(a, b, shape, offset, activation, into: c) }
      if offset.kind == 0 && activation == .none { return skinnyMatmulTransposed(a, b, shape, into: c) }
    }
    let panels = rightOperand(b, shape)
    let panelCount = (n + profile.panelColumns - 1) / profile.panelColumns
    let perGroup = panelsPerGroup(panelCount, rows: m)
    launch(
      Launch(
        "matmul",
        groups: [(m + profile.groupRows - 1) / profile.groupRows, (panelCount + perGroup - 1) / perGroup, shape.batch],
        [
          .int(m), .int(n), .int(k), .int(panels.stride), .int(panels.panelStride), .int(perGroup), .int(m * k),
          .int(panels.batchStride),
        ] + a.place + c.place + [
          .int(offset.kind), .int(activation.rawValue), .buffer(a.map), .buffer(panels.buffer),
          .buffer(offset.buffer ?? a.map), .buffer(offset.residual ?? a.map), .buffer(c.map),
        ], flops: shape.flops))
  }

  /// `SKINNY_COLUMNS` and `SKINNY_ROWS` of kernels.cl.
  private static var skinnyColumns: Int { 1024 }
  private static var skinnyRows: Int { 32 }

  /// With few rows a large right operand is read once, as it lies.
  private func isSkinny(_ shape: MatmulShape) -> Bool {
    shape.m <= 8 && shape.k * shape.n >= 65536 && choice(for: .matmul(shape)) != .packed
  }

  /// The depth is cut into chunks (split-K), by the shape alone.
  private func skinnyMatmul(
    _ a: MapPart, _ b: Buffer, _ shape: MatmulShape, _ offset: Offset, _ activation: Activation, into c: MapPart
  ) {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let blocks = (n + Self.skinnyColumns - 1) / Self.skinnyColumns
    let chunks = max(1, min(k / 64, 64, 256 / (blocks * shape.batch)))
    let partial = makeFloats(chunks * shape.batch * m * n)
    launch(
      Launch(
        "matmul_skinny", groups: [blocks, chunks, shape.batch],
        [.int(m), .int(n), .int(k), .int(m * k)] + a.place + [.buffer(a.map), .buffer(b), .buffer(partial)],
        flops: shape.flops))
    launch(
      Launch(
        "matmul_skinny_finish", groups: [m, blocks, shape.batch],
        [.int(n), .int(chunks)] + c.place + [
          .int(offset.kind), .int(activation.rawValue), .buffer(partial), .buffer(offset.buffer ?? partial),
          .buffer(offset.residual ?? partial), .buffer(c.map),
        ]))
  }

  private func skinnyMatmulTransposed(_ a: MapPart, _ b: Buffer, _ shape: MatmulShape, into c: MapPart) {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    launch(
      Launch(
        "matmul_skinny_transposed", groups: [(n + Self.skinnyRows - 1) / Self.skinnyRows, shape.batch, 1],
        [.int(m), .int(n), .int(k), .int(m * k)] + a.place + c.place + [.buffer(a.map), .buffer(b), .buffer(c.map)],
        flops: shape.flops))
  }

  /// y(batch,columns,rows) of x(batch,rows,columns).
  public func transpose(_ x: Buffer, batch: Int = 1, rows: Int, columns: Int) -> Buffer {
    let y = makeFloats(batch * rows * columns)
    launch(
      Launch(
        "transpose", groups: [(rows + 15) / 16, (columns + 15) / 16, batch],
        [.int(rows), .int(columns), .buffer(x), .buffer(y)]))
    return y
  }

  /// Panels that a group passes over: as many as repay reading its rows, where enough groups are left for all cores.
  func panelsPerGroup(_ count: Int, rows: Int) -> Int {
    guard !profile.staged else { return 1 }
    let rowGroups = (rows + profile.groupRows - 1) / profile.groupRows
    let most = max(1, min(8, rowGroups * count / (8 * max(1, description.computeUnits))))
    let groups = (count + most - 1) / most
    return (count + groups - 1) / groups
  }

  /// A right operand of more than half a first-level cache, whose rows are apart, falls on few sets of it: all the fewer
  /// where they are a multiple of 1 KiB apart. It is packed if it is used often enough to repay that.
  func shouldPack(rows: Int, columns: Int, uses: Int) -> Bool {
    !profile.staged && columns > profile.panelColumns && rows * columns > 4096 && uses >= (columns % 256 == 0 ? 64 : 256)
  }

  private func rightOperand(_ b: Buffer, _ shape: MatmulShape) -> Panels {
    let (n, k) = (shape.n, shape.k)
    let isPacked = choice(for: .matmul(shape)).map { $0 == .packed } ?? shouldPack(rows: k, columns: n, uses: shape.m)
    if !shape.transposesB && !isPacked {
      return Panels(buffer: b, stride: n, panelStride: profile.panelColumns, batchStride: k * n)
    }
    return packPanels(
      b, rows: k, columns: n, taps: 1, groups: shape.batch, groupStride: k * n, tapStride: 0,
      rowStride: shape.transposesB ? 1 : n, columnStride: shape.transposesB ? k : 1)
  }

  /// Copies right operands into panels: see `pack_panels`.
  func packPanels(
    _ from: Buffer, first: Int = 0, rows: Int, columns: Int, taps: Int, groups: Int, groupStride: Int, tapStride: Int,
    rowStride: Int, columnStride: Int
  ) -> Panels {
    let width = profile.panelColumns
    let panels = (columns + width - 1) / width
    let sizes = [first, rows, columns, groupStride, tapStride, rowStride, columnStride]
    let to = from.packed.copy("pack_panels", sizes + [taps, groups]) {
      let to = makeFloats(groups * panels * taps * rows * width)
      launch(
        Launch("pack_panels", groups: [panels, taps, groups], sizes.map { .int($0) } + [.buffer(from), .buffer(to)]))
      return to
    }
    return Panels(
      buffer: to, stride: width, panelStride: taps * rows * width, batchStride: panels * taps * rows * width)
  }

  /// Aᵀ · B is the weight gradient of a 1x1 convolution over K pixels from M to N channels.
  private func matmulOfTransposed(_ a: Buffer, _ b: Buffer, _ shape: MatmulShape) -> Buffer {
    let pixels = ConvolutionShape(
      batch: 1, height: 1, width: shape.k, inputChannels: shape.m, outputChannels: shape.n, kernel: (1, 1))
    return convolutionBackwardWeight(a, dy: b, pixels)
  }
}
