internal import Kernels

/// One of several convolutions of the same map, not one filter a channel.
struct ConvolutionBranch {
  /// (R,S,C/groups,K)
  let weight: Tensor
  /// (K)
  let bias: Tensor?
  let stride: Int
  let padding: Padding
  let groups: Int

  func geometry(of x: Tensor) -> ConvolutionShape {
    ConvolutionShape(
      of: x.shape, with: weight.shape, bias: bias?.shape, stride: stride, dilation: 1, padding: padding, groups: groups)
  }
}

extension Tensor {
  /// What several convolutions make of this map (N,H,W,C), concatenated: activation([self * w + b, …]) of (N,P,Q,ΣK). Each
  /// writes into its part of the result, and takes its part of the gradient from where it is, so that nothing is copied.
  func convolvedSideBySide(_ branches: [ConvolutionBranch], activation: Activation) -> Tensor {
    let geometries = branches.map { $0.geometry(of: self) }
    let sizes = geometries.map { [$0.outputHeight, $0.outputWidth] }
    precondition(Set(sizes).count == 1, "maps of the sizes \(sizes) can't stand side by side")
    var channels = 0
    let ranges = geometries.map { geometry in
      defer { channels += geometry.outputChannels }
      return channels..<channels + geometry.outputChannels
    }
    let total = channels
    let newShape = [shape[0]] + sizes[0] + [total]
    let y = Tensor(shape: newShape, buffer: device.makeBuffer(byteCount: newShape.reduce(4, *)))
    for (i, branch) in branches.enumerated() {
      device.convolution(
        buffer, branch.weight.buffer, geometries[i], bias: branch.bias?.buffer, activation: activation,
        into: MapPart(y.buffer, channels: total, first: ranges[i].lowerBound))
    }
    let x = self
    // A bias's gradient is a part of the sums over all channels.
    let biases = branches.enumerated().compactMap { i, branch in branch.bias.map { (tensor: $0, range: ranges[i]) } }
    let inputs = [self] + branches.map(\.weight) + biases.map(\.tensor)
    if Self.isRecorded(from: inputs) { letGo() }
    return .result(newShape, y.buffer, from: inputs) { dy in
      defer { x.letGo() }
      let (g, sums) = y.activationGradient(dy, activation, withSums: biases.contains { $0.tensor.isTracked })
      var dx: Tensor?
      var dw: [Tensor?] = []
      for (i, branch) in branches.enumerated() {
        let part = MapPart(g.buffer, channels: total, first: ranges[i].lowerBound)
        let gradients = x.convolutionGradients(branch.weight, dy: part, geometries[i])
        if let gradient = gradients.dx { dx = dx.map { $0 + gradient } ?? gradient }
        dw.append(gradients.dw)
      }
      return [dx] + dw + biases.map { $0.tensor.isTracked ? sums?.sliced(axis: 0, range: $0.range) : nil }
    }
  }
}
