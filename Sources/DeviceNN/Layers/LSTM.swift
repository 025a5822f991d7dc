public import Kernels

/// Long short-term memory (Hochreiter and Schmidhuber 1997), as PyTorch's with `batch_first`, from zeros on.
public final class LSTM: Module {
  let layers: [RecurrentParameters]
  public var isTraining = true

  public init(_ inputs: Int, _ units: Int, layers: Int = 1, on device: Device, random: inout Philox) {
    self.layers = RecurrentParameters.stack(.lstm, inputs, units, layers: layers, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] { layers.enumerated().flatMap { $1.parts(layer: $0) } }

  /// y(N,T,units) of x(N,T,inputs).
  public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }
}
