public import Kernels

extension Tensor {
  /// The transpose of a convolution as a linear map: y(N,P,Q,C) = activation(x(N,H,W,K) *ᵀ w(R,S,C/groups,K) + bias(C)),
  /// where a convolution with w makes an image of x's shape from one of y's.
  ///
  /// P = (H - 1) · stride - 2 · padding + dilation · (R - 1) + outputPadding + 1: of the sizes whose convolution has H rows,
  /// `outputPadding` picks a larger one.
  public func transposedConvolved(
    with w: Tensor, bias: Tensor? = nil, stride: Int = 1, dilation: Int = 1, padding: Padding = .none,
    outputPadding: Int = 0, groups: Int = 1, activation: Activation = .none
  ) -> Tensor {
    precondition(
      shape.count == 4 && w.shape.count == 4 && shape[3] == w.shape[3] && w.shape[3] % groups == 0,
      "a transposed convolution in \(groups) groups needs x(N,H,W,K) and w(R,S,C/groups,K), but x is \(shape) and w is \(w.shape)")
    let outputs = w.shape[2] * groups
    precondition(
      bias == nil || bias?.shape == [outputs],
      "a bias of shape \(bias?.shape ?? []) does not fit w of \(w.shape) in \(groups) groups")
    precondition(
      (0..<stride).contains(outputPadding), "an output padding is in 0 ..< the stride of \(stride), not \(outputPadding)")
    func size(_ input: Int, _ kernel: Int, _ zeros: Int) -> Int {
      (input - 1) * stride - zeros + dilation * (kernel - 1) + outputPadding + 1
    }
    // The convolution that this transposes: its input is our result.
    let geometry = ConvolutionShape(
      batch: shape[0], height: size(shape[1], w.shape[0], padding.top + padding.bottom),
      width: size(shape[2], w.shape[1], padding.left + padding.right), inputChannels: outputs,
      outputChannels: w.shape[3], kernel: (w.shape[0], w.shape[1]), stride: (stride, stride),
      dilation: (dilation, dilation), padding: padding, groups: groups)
    let y = Tensor(
      shape: [shape[0], geometry.height, geometry.width, outputs],
      buffer: device.transposedConvolution(buffer, w.buffer, geometry, bias: bias?.buffer, activation: activation))
    let x = self
    return .result(y.shape, y.buffer, from: [self, w] + (bias.map { [$0] } ?? [])) { dy in
      let (g, dbias) = y.activationGradient(dy, activation, withSums: bias?.isTracked == true)
      let dx = x.isTracked
        ? Tensor(shape: x.shape, buffer: g.device.convolution(g.buffer, w.buffer, geometry)) : nil
      let dw = w.isTracked
        ? Tensor(shape: w.shape, buffer: g.device.convolutionBackwardWeight(g.buffer, dy: x.buffer, geometry)) : nil
      return [dx, dw] + (bias == nil ? [] : [dbias])
    }
  }
}
