public import Kernels

/// Gated recurrent units (Cho et al. 2014), as PyTorch's with `batch_first`, from zeros on.
public final class GRU: Module {
  let layers: [RecurrentParameters]
  public var isTraining = true

  public init(_ inputs: Int, _ units: Int, layers: Int = 1, on device: Device, random: inout Philox) {
    self.layers = RecurrentParameters.stack(.gru, inputs, units, layers: layers, on: device, random: &random)
  }

  public var parts: [(name: String, part: Part)] { layers.enumerated().flatMap { $1.parts(layer: $0) } }

  /// y(N,T,units) of x(N,T,inputs).
  public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }
}
