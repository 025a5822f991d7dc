public import Kernels

extension Tensor {
  /// y(…,M,N) = activation(self(…,M,K) · w(K,N) + bias(N)), all leading dimensions being rows of one matrix.
  public func linear(_ w: Tensor, bias: Tensor? = nil, activation: Activation = .none) -> Tensor {
    requireLinear(shape, w.shape, bias: bias?.shape)
    let (k, n) = (w.shape[0], w.shape[1])
    let m = count / k
    let y = Tensor(
      shape: shape.dropLast() + [n],
      buffer: device.matmul(buffer, w.buffer, MatmulShape(m: m, n: n, k: k), bias: bias?.buffer, activation: activation))
    let x = self
    return .result(y.shape, y.buffer, from: [self, w] + (bias.map { [$0] } ?? [])) { dy in
      let (g, dbias) = y.activationGradient(dy, activation, withSums: bias?.isTracked == true)
      let dx = x.isTracked
        ? Tensor(shape: x.shape, buffer: g.device.matmul(g.buffer, w.buffer, MatmulShape(m: m, n: k, k: n, transposesB: true)))
        : nil
      let dw = w.isTracked
        ? Tensor(shape: w.shape, buffer: g.device.matmul(x.buffer, g.buffer, MatmulShape(m: k, n: n, k: m, transposesA: true)))
        : nil
      return [dx, dw] + (bias == nil ? [] : [dbias])
    }
  }

  /// y(N,P,Q,K) = activation(self(N,H,W,C) * w(R,S,C/groups,K) + bias(K)).
  public func convolved(
    with w: Tensor, bias: Tensor? = nil, stride: Int = 1, dilation: Int = 1, padding: Padding = .none, groups: Int = 1,
    activation: Activation = .none
  ) -> Tensor {
    let geometry = ConvolutionShape(
      of: shape, with: w.shape, bias: bias?.shape, stride: stride, dilation: dilation, padding: padding, groups: groups)
    let y = Tensor(
      shape: [shape[0], geometry.outputHeight, geometry.outputWidth, w.shape[3]],
      buffer: device.convolution(buffer, w.buffer, geometry, bias: bias?.buffer, activation: activation))
    let x = self
    // A depthwise convolution costs hardly more than computing its input again would.
    if Self.isRecorded(from: [self, w]), !geometry.isDepthwise { letGo() }
    return .result(y.shape, y.buffer, from: [self, w] + (bias.map { [$0] } ?? [])) { dy in
      defer { x.letGo() }
      let (g, dbias) = y.activationGradient(dy, activation, withSums: bias?.isTracked == true)
      let (dx, dw) = x.convolutionGradients(w, dy: MapPart(g.buffer, channels: geometry.outputChannels), geometry)
      return [dx, dw] + (bias == nil ? [] : [dbias])
    }
  }

  /// The gradients of this map and of w, where they are tracked, from that of their convolution.
  func convolutionGradients(_ w: Tensor, dy: MapPart, _ geometry: ConvolutionShape) -> (dx: Tensor?, dw: Tensor?) {
    (
      isTracked ? Tensor(shape: shape, buffer: device.convolutionBackwardInput(dy, w.buffer, geometry)) : nil,
      w.isTracked ? Tensor(shape: w.shape, buffer: device.convolutionBackwardWeight(buffer, dy: dy, geometry)) : nil
    )
  }
}

extension ConvolutionShape {
  /// That of a convolution of x(N,H,W,C) with w(R,S,C/groups,K) and bias(K).
  init(
    of x: [Int], with w: [Int], bias: [Int]?, stride: Int, dilation: Int, padding: Padding, groups: Int
  ) {
    precondition(
      x.count == 4 && w.count == 4 && x[3] == w[2] * groups,
      "a convolution needs x(N,H,W,C) and w(R,S,C/\(groups),K), but x is \(x) and w is \(w)")
    precondition(bias == nil || bias == [w[3]], "a bias of shape \(bias ?? []) does not fit w of \(w)")
    self.init(
      batch: x[0], height: x[1], width: x[2], inputChannels: x[3], outputChannels: w[3], kernel: (w[0], w[1]),
      stride: (stride, stride), dilation: (dilation, dilation), padding: padding, groups: groups)
  }
}

/// Traps unless x(…,K), w(K,N) and bias(N) fit each other.
func requireLinear(_ x: [Int], _ w: [Int], bias: [Int]?) {
  precondition(w.count == 2 && x.last == w[0], "linear needs x(…,K) and w(K,N), but x is \(x) and w is \(w)")
  precondition(bias == nil || bias == [w[1]], "a bias of shape \(bias ?? []) does not fit w of \(w)")
}
