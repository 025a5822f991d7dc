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
    if shape.transposesA {
      if !shape.transposesB && shape.batch == 1 && bias == nil && activation == .none {
        return matmulOfTransposed(a, b, shape)
      }
      var plain = shape
      plain.transposesA = false
      let copy = transpose(a, batch: shape.batch, rows: shape.k, columns: shape.m)
      return matmul(copy, b, plain, bias: bias, activation: activation)
    }
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let panels = rightOperand(b, shape)
    let c = makeFloats(shape.batch * m * n)
    let panelCount = (n + profile.panelColumns - 1) / profile.panelColumns
    let perGroup = panelsPerGroup(panelCount, depth: k)
    launch(
      Launch(
        "matmul",
        groups: [(m + profile.groupRows - 1) / profile.groupRows, (panelCount + perGroup - 1) / perGroup, shape.batch],
        [
          .int(m), .int(n), .int(k), .int(panels.stride), .int(panels.panelStride), .int(perGroup), .int(m * k),
          .int(panels.batchStride), .int(bias == nil ? 0 : 1), .int(activation.rawValue), .buffer(a),
          .buffer(panels.buffer), .buffer(bias ?? a), .buffer(c),
        ], flops: shape.flops))
    return c
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

  /// Panels that a group passes over for each tile of rows: as many as stay in a core's second-level cache.
  func panelsPerGroup(_ count: Int, depth: Int) -> Int {
    guard !profile.staged else { return 1 }
    let bytes = depth * profile.panelColumns * MemoryLayout<Float>.stride
    return min(count, max(1, 262_144 / bytes))
  }

  /// Rows at a distance of 1 KiB or more fall on few sets of a cache, so large operands are packed.
  func shouldPack(rows: Int, columns: Int, uses: Int) -> Bool {
    !profile.staged && columns >= 256 && rows >= 256 && uses >= 128
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
    _ from: Buffer, rows: Int, columns: Int, taps: Int, groups: Int, groupStride: Int, tapStride: Int, rowStride: Int,
    columnStride: Int
  ) -> Panels {
    let width = profile.panelColumns
    let panels = (columns + width - 1) / width
    let to = makeFloats(groups * panels * taps * rows * width)
    launch(
      Launch(
        "pack_panels", groups: [panels, taps, groups],
        [
          .int(rows), .int(columns), .int(groupStride), .int(tapStride), .int(rowStride), .int(columnStride),
          .buffer(from), .buffer(to),
        ]))
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
