internal import Kernels

/// Numbers that a model learns, or keeps. The same tensor all its life: optimizers and checkpoints write into it.
public final class Parameter {
  /// How the numbers lie in files, which have PyTorch's layouts, and in memory, which has ours.
  public enum Layout: Sendable {
    case same
    /// (out,in) in files, (in,out) in memory.
    case linear
    /// (K,C,R,S) in files, (R,S,C,K) in memory.
    case convolution
  }

  /// Statistics are kept, never trained.
  public let isStatistic: Bool
  public let layout: Layout
  public private(set) var value: Tensor

  public init(_ value: Tensor, layout: Layout = .same, isStatistic: Bool = false) {
    self.layout = layout
    self.isStatistic = isStatistic
    self.value = isStatistic ? value : value.tracked
  }

  /// A change of the numbers that is trained in their place.
  public var adapter: LowRankAdapter?

  /// What layers compute with: the numbers, changed by the adapter.
  public var adapted: Tensor { adapter.map { $0(value) } ?? value }

  /// Whether gradients are computed and optimizers may move it.
  public var isTrainable: Bool {
    get { value.isTracked }
    set {
      guard !isStatistic, newValue != value.isTracked else { return }
      value = newValue ? value.tracked : value.detached
    }
  }

  /// Replaces the numbers, given in this parameter's own layout.
  public func assign(_ scalars: [Float]) {
    precondition(scalars.count == value.count, "\(scalars.count) scalars for a parameter of shape \(value.shape)")
    scalars.withUnsafeBytes { value.device.write($0, to: value.buffer) }
  }
}

/// A part of a network: it has parameters, and parts of its own, which are found by reflection.
public protocol Module: AnyObject {
  /// The parts, by the names that published checkpoints use. The default finds stored properties that are a `Parameter`,
  /// a `Module` or an array of modules; underscores become what Python would write.
  var parts: [(name: String, part: Part)] { get }
  /// Whether dropout drops and batch norm uses its batch. Applies to this part alone; `train()` and `evaluate()` set all.
  var isTraining: Bool { get set }
}

public enum Part {
  case parameter(Parameter)
  case module(any Module)
}

extension Module {
  public var parts: [(name: String, part: Part)] {
    Mirror(reflecting: self).children.flatMap { child -> [(name: String, part: Part)] in
      guard let name = child.label.map(pythonName) else { return [] }
      switch child.value {
      case let parameter as Parameter: return [(name, .parameter(parameter))]
      case let module as any Module: return [(name, .module(module))]
      case let modules as [any Module]: return modules.enumerated().map { ("\(name).\($0)", .module($1)) }
      default: return []
      }
    }
  }

  /// All parameters with their full names, statistics and adapters too, in the order of the properties.
  public func namedParameters() -> [(name: String, parameter: Parameter)] {
    parts.flatMap { name, part -> [(name: String, parameter: Parameter)] in
      switch part {
      case .parameter(let parameter): [(name, parameter)] + (parameter.adapter?.parameters(of: name) ?? [])
      case .module(let module): module.namedParameters().map { ("\(name).\($0.name)", $0.parameter) }
      }
    }
  }

  public func parameters() -> [Parameter] { namedParameters().map(\.parameter) }

  /// The number of scalars that can be trained, as papers count them.
  public var parameterCount: Int { parameters().filter { !$0.isStatistic }.reduce(0) { $0 + $1.value.count } }

  /// Stops training this part. Frozen batch norm keeps its running statistics, too.
  public func freeze() { parameters().forEach { $0.isTrainable = false } }

  public func unfreeze() { parameters().forEach { $0.isTrainable = true } }

  public func train() { setTraining(true) }

  public func evaluate() { setTraining(false) }

  private func setTraining(_ isTraining: Bool) {
    self.isTraining = isTraining
    for case (_, .module(let module)) in parts { module.setTraining(isTraining) }
  }
}

/// `runningMean` → `running_mean`: checkpoints have Python's names.
private func pythonName(_ swift: String) -> String {
  swift.reduce(into: "") { name, character in
    if character.isUppercase { name += "_" }
    name += character.lowercased()
  }
}
