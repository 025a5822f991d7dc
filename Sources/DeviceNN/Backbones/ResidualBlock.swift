/// relu(last(layers(x)) + shortcut(x)), of ResNet and of what came of it.
final class ResidualBlock: Layer {
  let parts: [(name: String, part: Part)]
  var isTraining = true
  private let layers: [any Layer]
  private let last: ConvolutionNorm
  private let shortcut: ConvolutionNorm?

  /// - Parameters:
  ///   - last: its activation comes behind the sum.
  ///   - shortcut: nil where the input itself is added.
  ///   - parts: what the network's publisher calls the layers.
  init(
    _ layers: [any Layer], last: ConvolutionNorm, shortcut: ConvolutionNorm?, parts: [(name: String, part: Part)]
  ) {
    self.layers = layers
    self.last = last
    self.shortcut = shortcut
    self.parts = parts
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    last(layers.reduce(x) { x, layer in layer(x) }, residual: shortcut?(x) ?? x)
  }
}
