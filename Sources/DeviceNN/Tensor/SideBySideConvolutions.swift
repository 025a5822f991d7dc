internal import Kernels

/// One of several convolutions of the same map.
struct ConvolutionBranch {
  /// (R,S,C,K)
  let weight: Tensor
  /// (K)
  let bias: Tensor
  let stride: Int
  let padding: Padding
}

extension Tensor {
  /// What several convolutions make of this map (N,H,W,C), concatenated: activation([self * w + b, …]) of (N,P,Q,ΣK). Each
  /// writes into its part of the result, and takes its part of the gradient from where it is, so that nothing is copied.
  func convolvedSideBySide(_ branches: [ConvolutionBranch], activation: Activation) -> Tensor {
    let geometries = branches.map {
      ConvolutionShape(
        of: shape, with: $0.weight.shape, bias: $0.bias.shape, stride: $0.stride, dilation: 1, padding: $0.padding, groups: 1)
    }
    let outputs = geometries.map(\.outputChannels)
    let firsts = outputs.indices.map { outputs[..<$0].reduce(0, +) }
    let channels = outputs.reduce(0, +)
    let (height, width) = (geometries[0].outputHeight, geometries[0].outputWidth)
    precondition(
      geometries.allSatisfy { $0.outputHeight == height && $0.outputWidth == width },
      "maps of the sizes \(geometries.map { [$0.outputHeight, $0.outputWidth] }) can't stand side by side")
    let newShape = [shape[0], height, width, channels]
    let y = Tensor(shape: newShape, buffer: device.makeBuffer(byteCount: newShape.reduce(4, *)))
    for ((branch, geometry), first) in zip(zip(branches, geometries), firsts) {
      device.convolution(
        buffer, branch.weight.buffer, geometry, bias: branch.bias.buffer, activation: activation,
        into: MapPart(y.buffer, channels: channels, first: first))
    }
    let x = self
    let inputs = [self] + branches.map(\.weight) + branches.map(\.bias)
    if Self.isRecorded(from: inputs) { letGo() }
    return .result(newShape, y.buffer, from: inputs) { dy in
      defer { x.letGo() }
      let g = y.activationGradient(dy, activation)
      let parts = firsts.map { MapPart(g.buffer, channels: channels, first: $0) }
      var dx: Tensor?
      if x.isTracked {
        for ((branch, geometry), part) in zip(zip(branches, geometries), parts) {
          let gradient = Tensor(
            shape: x.shape, buffer: g.device.convolutionBackwardInput(part, branch.weight.buffer, geometry))
          dx = dx.map { $0 + gradient } ?? gradient
        }
      }
      let dw = zip(zip(branches, geometries), parts).map { pair, part in
        pair.0.weight.isTracked
          ? Tensor(
            shape: pair.0.weight.shape, buffer: g.device.convolutionBackwardWeight(x.buffer, dy: part, pair.1)) : nil
      }
      let sums = branches.contains { $0.bias.isTracked } ? g.columnSums() : nil
      let db = zip(branches, zip(firsts, outputs)).map { branch, range in
        branch.bias.isTracked ? sums?.sliced(axis: 0, range: range.0..<range.0 + range.1) : nil
      }
      return [dx] + dw + db
    }
  }
}
