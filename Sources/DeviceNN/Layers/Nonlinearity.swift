internal import Kernels

/// A function of each number between two layers. A layer without parameters.
public final class Nonlinearity: Layer {
  public enum Kind: Sendable {
    case none, relu, relu6, hardSwish, silu, gelu, sigmoid, hardSigmoid
  }

  public let kind: Kind
  public var isTraining = true

  public init(_ kind: Kind) { self.kind = kind }

  public func callAsFunction(_ x: Tensor) -> Tensor { kind(x) }
}

extension Nonlinearity.Kind {
  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .none: x
    case .relu: x.relu()
    case .relu6: x.relu6()
    case .hardSwish: x.hardSwish()
    case .silu: x.silu()
    case .gelu: x.gelu()
    case .sigmoid: x.sigmoid()
    case .hardSigmoid: x.hardSigmoid()
    }
  }

  /// The same as what an operator can do on its way out; nil where it is a launch of its own.
  var fused: Activation? {
    switch self {
    case .none: Activation.none
    case .relu: .relu
    case .relu6: .relu6
    default: nil
    }
  }
}
