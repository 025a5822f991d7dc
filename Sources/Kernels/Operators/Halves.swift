/// Buffers of halves: numbers of 16 bits that are stored, while all arithmetic is in floats.
extension Device {
  func makeHalves(_ count: Int) -> Buffer { makeBuffer(byteCount: count * 2) }

  /// The nearest half of each float, the even one from the middle; ∞ from 65520 on.
  public func halves(of x: Buffer, count: Int) -> Buffer {
    let y = makeHalves(count)
    launch(Launch("float_to_half", groups: Self.flatGroups(count), [.int(count), .buffer(x), .buffer(y)]))
    return y
  }

  public func floats(of x: Buffer, count: Int) -> Buffer {
    let y = makeFloats(count)
    launch(Launch("half_to_float", groups: Self.flatGroups(count), [.int(count), .buffer(x), .buffer(y)]))
    return y
  }

  public func activateHalves(_ x: Buffer, _ activation: Activation, count: Int) -> Buffer {
    let y = makeHalves(count)
    launch(
      Launch(
        "activation_half", groups: Self.flatGroups(count),
        [.int(count), .int(activation.rawValue), .buffer(x), .buffer(y)]))
    return y
  }

  public func addHalves(_ a: Buffer, _ b: Buffer, count: Int) -> Buffer { arithmetic(0, a, b, count) }
  public func subtractHalves(_ a: Buffer, _ b: Buffer, count: Int) -> Buffer { arithmetic(1, a, b, count) }
  public func multiplyHalves(_ a: Buffer, _ b: Buffer, count: Int) -> Buffer { arithmetic(2, a, b, count) }

  /// By `kind` as arithmetic_half has it.
  private func arithmetic(_ kind: Int, _ a: Buffer, _ b: Buffer, _ count: Int) -> Buffer {
    let y = makeHalves(count)
    launch(
      Launch(
        "arithmetic_half", groups: Self.flatGroups(count),
        [.int(count), .int(kind), .buffer(a), .buffer(b), .buffer(y)]))
    return y
  }

  /// c(M,N) = activation(a(M,K) · b(K,N) + bias(N)); a, b and c are halves, the bias and the sums floats.
  public func matmulOfHalves(
    _ a: Buffer, _ b: Buffer, m: Int, n: Int, k: Int, bias: Buffer? = nil, activation: Activation = .none
  ) -> Buffer {
    let rows = ConvolutionShape(batch: 1, height: 1, width: m, inputChannels: k, outputChannels: n, kernel: (1, 1))
    return convolutionOfHalves(a, b, rows, bias: bias, activation: activation)
  }

  /// As `convolution`; x, w and y are halves, the bias and the sums floats.
  public func convolutionOfHalves(
    _ x: Buffer, _ w: Buffer, _ shape: ConvolutionShape, bias: Buffer? = nil, activation: Activation = .none
  ) -> Buffer {
    let y = makeHalves(shape.outputCount)
    let (pixels, outputs) = (shape.batch * shape.outputHeight * shape.outputWidth, shape.outputChannels / shape.groups)
    launch(
      Launch(
        "conv2d_half",
        groups: [
          (pixels + profile.groupRows - 1) / profile.groupRows,
          (outputs + profile.panelColumns - 1) / profile.panelColumns, shape.groups,
        ],
        sizes(shape, isBackward: false) + [
          .int(bias == nil ? 0 : 1), .int(activation.rawValue), .buffer(x), .buffer(w), .buffer(bias ?? x),
          .buffer(fill(0, count: shape.inputChannels / shape.groups)), .buffer(y),
        ], flops: shape.flops))
    return y
  }
}
