/// Which cell a recurrent layer repeats.
public enum RecurrentCell: Sendable, Hashable, CaseIterable {
  /// Hochreiter and Schmidhuber 1997, with gates i, f, g, o.
  case lstm
  /// Cho et al. 2014 in PyTorch's form, with gates r, z, n.
  case gru

  public var gates: Int { self == .lstm ? 4 : 3 }
}

/// The sizes of x(batch,steps,inputs) and of its result y(batch,steps,units).
public struct RecurrentShape: Sendable, Hashable {
  public var cell: RecurrentCell
  public var batch: Int
  public var steps: Int
  public var inputs: Int
  public var units: Int

  public init(_ cell: RecurrentCell, batch: Int, steps: Int, inputs: Int, units: Int) {
    self.cell = cell
    self.batch = batch
    self.steps = steps
    self.inputs = inputs
    self.units = units
  }

  var width: Int { cell.gates * units }
  var results: Int { batch * steps * units }
  func arguments(_ step: Int) -> [Launch.Argument] { [.int(steps), .int(step), .int(units)] }
}

/// weight_ih(inputs,gates·units), weight_hh(units,gates·units) and their biases.
public struct RecurrentWeights: Sendable {
  public var input: Buffer
  public var hidden: Buffer
  public var inputBias: Buffer
  public var hiddenBias: Buffer

  public init(input: Buffer, hidden: Buffer, inputBias: Buffer, hiddenBias: Buffer) {
    self.input = input
    self.hidden = hidden
    self.inputBias = inputBias
    self.hiddenBias = hiddenBias
  }
}

/// What a recurrent pass leaves for its gradient.
public struct RecurrentPass: Sendable {
  public let y: Buffer
  let gates: Buffer
  /// An LSTM's cells, or a GRU's recurrent part of its candidates.
  let inner: Buffer
  /// Each step's hidden values before it.
  let previous: Buffer
}

/// Gradients in the order of the weights.
public struct RecurrentGradients: Sendable {
  public let dx: Buffer
  public let dinput: Buffer
  public let dhidden: Buffer
  public let dinputBias: Buffer
  public let dhiddenBias: Buffer
}

extension Device {
  /// From zeros. The inputs' part of all gates is one product; each step is another and a fused kernel.
  public func recurrence(_ x: Buffer, _ weights: RecurrentWeights, _ shape: RecurrentShape) -> RecurrentPass {
    let gates = matmul(
      x, weights.input, MatmulShape(m: shape.batch * shape.steps, n: shape.width, k: shape.inputs), bias: weights.inputBias)
    let (inner, previous, y) = (makeFloats(shape.results), makeFloats(shape.results), makeFloats(shape.results))
    let hidden = fill(0, count: shape.batch * shape.units)
    for step in 0..<shape.steps {
      let recurrent = matmul(
        hidden, weights.hidden, MatmulShape(m: shape.batch, n: shape.width, k: shape.units), bias: weights.hiddenBias)
      launch(
        Launch(
          shape.cell == .lstm ? "lstm_step" : "gru_step", groups: [shape.batch, 1, 1],
          shape.arguments(step) + [
            .buffer(recurrent), .buffer(gates), .buffer(inner), .buffer(hidden), .buffer(previous), .buffer(y),
          ]))
    }
    return RecurrentPass(y: y, gates: gates, inner: inner, previous: previous)
  }

  /// Back through time, then one product a weight over all steps.
  public func recurrenceBackward(
    _ x: Buffer, _ weights: RecurrentWeights, _ shape: RecurrentShape, _ pass: RecurrentPass, dy: Buffer
  ) -> RecurrentGradients {
    let (rows, width) = (shape.batch * shape.steps, shape.width)
    let dgates = makeFloats(rows * width)
    // Of a GRU, n's recurrent part is multiplied by r first, so that the two parts' gradients differ.
    let drecurrent = shape.cell == .lstm ? dgates : makeFloats(rows * width)
    let transposed = transpose(weights.hidden, rows: shape.units, columns: width)
    let carry = fill(0, count: shape.batch * shape.units)
    var dhidden = fill(0, count: shape.batch * shape.units)
    for step in (0..<shape.steps).reversed() {
      let dstep = makeFloats(shape.batch * width)
      switch shape.cell {
      case .lstm:
        launch(
          Launch(
            "lstm_step_backward", groups: [shape.batch, 1, 1],
            shape.arguments(step) + [
              .buffer(pass.gates), .buffer(pass.inner), .buffer(dy), .buffer(dhidden), .buffer(carry), .buffer(dgates),
              .buffer(dstep),
            ]))
      case .gru:
        launch(
          Launch(
            "gru_step_backward", groups: [shape.batch, 1, 1],
            shape.arguments(step) + [
              .buffer(pass.gates), .buffer(pass.inner), .buffer(pass.previous), .buffer(dy), .buffer(dhidden),
              .buffer(carry), .buffer(dgates), .buffer(drecurrent), .buffer(dstep),
            ]))
      }
      if step > 0 { dhidden = matmul(dstep, transposed, MatmulShape(m: shape.batch, n: shape.units, k: width)) }
    }
    let dbias = sum(dgates, outer: 1, axis: rows, inner: width)
    return RecurrentGradients(
      dx: matmul(dgates, weights.input, MatmulShape(m: rows, n: shape.inputs, k: width, transposesB: true)),
      dinput: matmul(x, dgates, MatmulShape(m: shape.inputs, n: width, k: rows, transposesA: true)),
      dhidden: matmul(pass.previous, drecurrent, MatmulShape(m: shape.units, n: width, k: rows, transposesA: true)),
      dinputBias: dbias,
      dhiddenBias: shape.cell == .lstm ? dbias : sum(drecurrent, outer: 1, axis: rows, inner: width))
  }
}
