/// A module that makes one tensor of one tensor.
public protocol Layer: Module {
  func callAsFunction(_ x: Tensor) -> Tensor
}

/// Layers one after the other, called 0, 1, 2, … as in PyTorch's `Sequential`.
public final class Sequential: Layer {
  public let layers: [any Layer]
  public var isTraining = true

  public init(_ layers: [any Layer]) { self.layers = layers }

  public var parts: [(name: String, part: Part)] { layers.enumerated().map { ("\($0)", .module($1)) } }

  public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { x, layer in layer(x) } }
}
