internal import Kernels

/// Expands to many channels, convolves each of them, weighs them by a squeeze-excitation where it has one, and projects
/// back without an activation; added to its input where the shapes are the same (Sandler et al. 2018, Howard et al.
/// 2019).
final class InvertedResidual: Layer {
  enum Step: String { case expand, depthwise, squeeze, project }

  /// What torchvision calls a block's layers.
  enum Naming {
    /// `conv.0.0` and so on, the last convolution and its norm beside the layers in front: in MobileNetV2.
    case flat
    /// `block.0.0` and so on, in all that came later.
    case nested
  }

  var isTraining = true
  let expand: ConvolutionNorm?
  let depthwise: ConvolutionNorm
  let squeeze: SqueezeExcitation?
  let project: ConvolutionNorm
  let stochasticDepth: StochasticDepth?
  private let isResidual: Bool
  private let naming: Naming

  init(
    expand: ConvolutionNorm?, depthwise: ConvolutionNorm, squeeze: SqueezeExcitation? = nil, project: ConvolutionNorm,
    stochasticDepth: StochasticDepth? = nil, isResidual: Bool, naming: Naming
  ) {
    self.expand = expand
    self.depthwise = depthwise
    self.squeeze = squeeze
    self.project = project
    self.stochasticDepth = isResidual ? stochasticDepth : nil
    self.isResidual = isResidual
    self.naming = naming
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var y = depthwise(expand?(x) ?? x)
    y = squeeze?(y) ?? y
    guard isResidual else { return project(y) }
    guard let stochasticDepth, stochasticDepth.isTraining else { return project(y, residual: x) }
    return x + stochasticDepth(project(y))
  }

  var parts: [(name: String, part: Part)] {
    namedSteps.map { ($0.name, $0.part) } + (stochasticDepth.map { [("stochastic_depth", .module($0))] } ?? [])
  }

  /// The convolutions and norms (0 and 1 of their step) and the layers of the squeeze-excitation, by torchvision's
  /// names.
  private var namedSteps: [(name: String, step: Step, place: String, part: Part)] {
    let steps: [(Step, (any Layer)?)] = [
      (.expand, expand), (.depthwise, depthwise), (.squeeze, squeeze), (.project, project),
    ]
    let present = steps.compactMap { step, layer in layer.map { (step: step, layer: $0) } }
    return present.enumerated().flatMap { i, present in
      present.layer.parts.enumerated().map { j, part in
        let name = switch naming {
        case .flat: present.step == .project ? "conv.\(i + j)" : "conv.\(i).\(part.name)"
        case .nested: "block.\(i).\(part.name)"
        }
        return (name, present.step, part.name, part.part)
      }
    }
  }
}

// MARK: Other publishers' names

extension InvertedResidual {
  /// The convolution of each step and its norm, by torchvision's names.
  var convolutions: [(step: Step, convolution: String, norm: String)] {
    let steps = Dictionary(grouping: namedSteps.filter { $0.step != .squeeze }, by: \.step)
    return steps.map { ($0, $1[0].name, $1.last!.name) }
  }

  /// timm's names by torchvision's. Where nothing is expanded, the projection is timm's only pointwise convolution.
  var timmNames: [String: String] {
    let order: [Step] = (expand == nil ? [] : [.expand]) + [.depthwise, .project]
    let names: [Step: String] = [
      .expand: "conv_pw", .depthwise: "conv_dw", .project: expand == nil ? "conv_pw" : "conv_pwl",
    ]
    return Dictionary(uniqueKeysWithValues: namedSteps.map { name, step, place, _ in
      switch (step, place) {
      case (.squeeze, "fc1"): (name, "se.conv_reduce")
      case (.squeeze, _): (name, "se.conv_expand")
      case (_, "0"): (name, names[step]!)
      case (_, _): (name, "bn\(order.firstIndex(of: step)! + 1)")
      }
    })
  }

  /// timm's names of a stem and of stages of inverted residuals, by torchvision's name of each block.
  static func timmNames(
    of stages: [[any Layer]], named name: (_ stage: Int, _ block: Int) -> String
  ) -> [String: String] {
    var names = ["\(name(0, 0)).0": "conv_stem", "\(name(0, 0)).1": "bn1"]
    for (s, stage) in stages.enumerated() {
      for case (let b, let block as InvertedResidual) in stage.enumerated() {
        for (part, timm) in block.timmNames { names["\(name(s, b)).\(part)"] = "blocks.\(s - 1).\(b).\(timm)" }
      }
    }
    return names
  }
}

/// A number of channels near `wanted`: a multiple of 8 that is at most a tenth below it.
func roundedChannels(_ wanted: Float) -> Int {
  let rounded = max(8, Int(wanted + 4) / 8 * 8)
  return Float(rounded) < 0.9 * wanted ? rounded + 8 : rounded
}
