internal import Kernels

/// What a layer of a recurrent network learns, by PyTorch's names: weight_ih_l0 and so on.
struct RecurrentParameters {
  let cell: RecurrentCell
  let inputWeight: Parameter
  let hiddenWeight: Parameter
  let inputBias: Parameter
  let hiddenBias: Parameter

  /// All uniform within 1 / √units, as in PyTorch.
  init(_ cell: RecurrentCell, _ inputs: Int, _ units: Int, on device: Device, random: inout Philox) {
    self.cell = cell
    let (width, bound) = (cell.gates * units, 1 / Float(units).squareRoot())
    func parameter(_ shape: [Int], _ layout: Parameter.Layout, _ random: inout Philox) -> Parameter {
      let numbers = (0..<shape.reduce(1, *)).map { _ in random.uniform(-bound, bound) }
      return Parameter(Tensor(numbers, shape: shape, on: device), layout: layout)
    }
    inputWeight = parameter([inputs, width], .linear, &random)
    hiddenWeight = parameter([units, width], .linear, &random)
    inputBias = parameter([width], .same, &random)
    hiddenBias = parameter([width], .same, &random)
  }

  /// Layers one above the other, which all but the first take `units` numbers.
  static func stack(
    _ cell: RecurrentCell, _ inputs: Int, _ units: Int, layers: Int, on device: Device, random: inout Philox
  ) -> [RecurrentParameters] {
    var stack: [RecurrentParameters] = []
    for layer in 0..<layers {
      stack.append(RecurrentParameters(cell, layer == 0 ? inputs : units, units, on: device, random: &random))
    }
    return stack
  }

  func parts(layer: Int) -> [(name: String, part: Part)] {
    [
      ("weight_ih_l\(layer)", .parameter(inputWeight)), ("weight_hh_l\(layer)", .parameter(hiddenWeight)),
      ("bias_ih_l\(layer)", .parameter(inputBias)), ("bias_hh_l\(layer)", .parameter(hiddenBias)),
    ]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    x.recurrent(
      cell, inputWeight: inputWeight.value, hiddenWeight: hiddenWeight.value, inputBias: inputBias.value,
      hiddenBias: hiddenBias.value)
  }
}
