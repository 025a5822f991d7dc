public import Kernels

/// The loss weightings by their names on the command line.
public enum LossWeightingKind: String, CaseIterable, Codable, Sendable {
  case equal
  /// Numbers that are given.
  case `static`
  case uncertainty
  case dynamicWeightAverage = "dwa"
  case gradNorm = "gradnorm"
  case random = "rlw"
  case geometricMean = "gls"
  case imtlL = "imtl-l"
  case famo
  case smoothTchebycheff = "stch"

  /// - Parameter weights: a number for each task, which `static` needs and the others ignore.
  public func weighting(taskCount: Int, weights: [Double]? = nil, on device: Device) -> any LossWeighting {
    switch self {
    case .equal: EqualWeighting()
    case .static: StaticWeighting(weights ?? Array(repeating: 1, count: taskCount))
    case .uncertainty: UncertaintyWeighting(taskCount: taskCount, on: device)
    case .dynamicWeightAverage: DynamicWeightAverage(taskCount: taskCount)
    case .gradNorm: GradNorm(taskCount: taskCount)
    case .random: RandomWeighting()
    case .geometricMean: GeometricMeanWeighting()
    case .imtlL: IMTLLWeighting(taskCount: taskCount, on: device)
    case .famo: FAMO(taskCount: taskCount)
    case .smoothTchebycheff: SmoothTchebycheff(taskCount: taskCount)
    }
  }
}

/// The gradient aggregators by their names on the command line.
public enum GradientAggregation: String, CaseIterable, Codable, Sendable {
  case pcGrad = "pcgrad"
  case mgda
  case caGrad = "cagrad"
  case gradVac = "gradvac"
  case gradDrop = "graddrop"
  case imtlG = "imtl-g"
  case nashMTL = "nash-mtl"
  case alignedMTL = "aligned-mtl"
  case conFIG = "config"
  case dualProj = "dualproj"
  case upGrad = "upgrad"

  public func aggregator(taskCount: Int) -> any GradientAggregator {
    switch self {
    case .pcGrad: PCGrad()
    case .mgda: MGDA()
    case .caGrad: CAGrad()
    case .gradVac: GradVac(taskCount: taskCount)
    case .gradDrop: GradDrop()
    case .imtlG: IMTLG()
    case .nashMTL: NashMTL()
    case .alignedMTL: AlignedMTL()
    case .conFIG: ConFIG()
    case .dualProj: DualProj()
    case .upGrad: UPGrad()
    }
  }
}

/// How several tasks are balanced: by weights on their losses, or by an aggregator of their gradients with all losses alike.
/// What one option of a command chooses.
public enum TaskBalance: Equatable, Sendable {
  case losses(LossWeightingKind)
  case gradients(GradientAggregation)

  /// nil for a name that is not among `names`.
  public init?(name: String) {
    if let kind = LossWeightingKind(rawValue: name) {
      self = .losses(kind)
    } else if let kind = GradientAggregation(rawValue: name) {
      self = .gradients(kind)
    } else {
      return nil
    }
  }

  public var name: String {
    switch self {
    case .losses(let kind): kind.rawValue
    case .gradients(let kind): kind.rawValue
    }
  }

  public static var all: [TaskBalance] {
    LossWeightingKind.allCases.map { .losses($0) } + GradientAggregation.allCases.map { .gradients($0) }
  }

  public static var names: [String] { all.map(\.name) }
}

extension MultiTaskObjective {
  /// - Parameter weights: a number for each task. An aggregator combines the gradients of the losses times these.
  public init(tasks: [String], balance: TaskBalance, weights: [Double]? = nil, seed: UInt64 = 0, on device: Device) {
    switch balance {
    case .losses(let kind):
      self.init(tasks: tasks, weighting: kind.weighting(taskCount: tasks.count, weights: weights, on: device), seed: seed)
    case .gradients(let kind):
      self.init(
        tasks: tasks, weighting: weights.map { StaticWeighting($0) } ?? EqualWeighting() as any LossWeighting,
        aggregator: kind.aggregator(taskCount: tasks.count), seed: seed)
    }
  }
}
