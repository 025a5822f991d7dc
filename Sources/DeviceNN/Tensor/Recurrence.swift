internal import Kernels

extension Tensor {
  /// The hidden values (N,T,H) of each step over self(N,T,C), from zeros on.
  func recurrent(
    _ cell: RecurrentCell, inputWeight: Tensor, hiddenWeight: Tensor, inputBias: Tensor, hiddenBias: Tensor
  ) -> Tensor {
    precondition(
      shape.count == 3 && shape[2] == inputWeight.shape[0],
      "a recurrent layer needs x(N,T,C) and weight(C,gates), but x is \(shape) and the weight \(inputWeight.shape)")
    let sizes = RecurrentShape(
      cell, batch: shape[0], steps: shape[1], inputs: shape[2], units: hiddenWeight.shape[0])
    let weights = RecurrentWeights(
      input: inputWeight.buffer, hidden: hiddenWeight.buffer, inputBias: inputBias.buffer, hiddenBias: hiddenBias.buffer)
    let pass = device.recurrence(buffer, weights, sizes)
    let x = self
    let inputs = [self, inputWeight, hiddenWeight, inputBias, hiddenBias]
    return .result([sizes.batch, sizes.steps, sizes.units], pass.y, from: inputs) { dy in
      let gradients = dy.device.recurrenceBackward(x.buffer, weights, sizes, pass, dy: dy.buffer)
      return zip(
        [x, inputWeight, hiddenWeight, inputBias, hiddenBias],
        [gradients.dx, gradients.dinput, gradients.dhidden, gradients.dinputBias, gradients.dhiddenBias]
      ).map { Tensor(shape: $0.shape, buffer: $1) }
    }
  }
}
