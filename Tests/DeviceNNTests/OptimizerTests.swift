import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// Optimizers and schedules against what PyTorch computed: see goldens/README.md.
@Suite(.enabled(if: SharedFiles.hasGoldens, .noGoldens)) struct OptimizerTests {
  private struct Goldens: Decodable {
    let steps: [String: [[Double]]]
    let schedules: [String: [Double]]
  }

  private func goldens() throws -> Goldens { try SharedFiles.json("goldens/optimizers.json", as: Goldens.self) }

  static let optimizers: [(name: String, make: @Sendable (Parameter) -> any Optimizer)] = [
    ("sgd", { SGD([ParameterGroup([$0], learningRate: 0.1)], momentum: 0) }),
    ("sgd.momentum", { SGD([ParameterGroup([$0], learningRate: 0.1)]) }),
    ("sgd.nesterov.decay", { SGD([ParameterGroup([$0], learningRate: 0.1, weightDecay: 0.01)], isNesterov: true) }),
    ("adamW", { AdamW([ParameterGroup([$0], learningRate: 0.01, weightDecay: 0.05)]) }),
    ("adam", { Adam([ParameterGroup([$0], learningRate: 0.01)]) }),
    (
      "adamW.amsgrad",
      {
        var optimizer = AdamW([ParameterGroup([$0], learningRate: 0.01, weightDecay: 0.01)])
        optimizer.isAMSGrad = true
        return optimizer
      }
    ),
    ("rmsProp", { RMSProp([ParameterGroup([$0], learningRate: 0.01)], momentum: 0.9) }),
    ("adagrad", { Adagrad([ParameterGroup([$0], learningRate: 0.05)]) }),
    ("nadam", { NAdam([ParameterGroup([$0], learningRate: 0.01)]) }),
    ("radam", { RAdam([ParameterGroup([$0], learningRate: 0.01)]) }),
    ("timm.lamb", { LAMB([ParameterGroup([$0], learningRate: 0.01, weightDecay: 0.05)]) }),
    ("timm.lion", { Lion([ParameterGroup([$0], learningRate: 0.01, weightDecay: 0.05)]) }),
    ("timm.adafactor", { Adafactor([ParameterGroup([$0], learningRate: 0.01, weightDecay: 0.05)]) }),
  ]

  private static let schedules: [(name: String, schedule: any Schedule)] = [
    ("cosine(T=20,min=0.001)", CosineDecay(steps: 20, minimum: 0.01)),
    ("step(every=5,gamma=0.5)", StepDecay(every: 5, factor: 0.5)),
    ("oneCycle(max=0.1,steps=20)", OneCycle(steps: 20)),
    ("warmup(5,start=0.01)+cosine(15)", WarmUp(steps: 5, start: 0.01, then: CosineDecay(steps: 15))),
    ("exponential(0.9)", ExponentialDecay(factor: 0.9)),
    ("polynomial(20,2)", PolynomialDecay(steps: 20, power: 2)),
  ]

  @Test func nothingIsMissing() throws {
    let goldens = try goldens()
    #expect(Set(goldens.steps.keys) == Set(Self.optimizers.map(\.name)))
    #expect(Set(goldens.schedules.keys) == Set(Self.schedules.map(\.name)))
  }

  @Test(arguments: TestDevice.all, optimizers.map(\.name)) func tenStepsAreAsPyTorchTakesThem(
    _ on: TestDevice, _ name: String
  ) throws {
    let rows = try #require(try goldens().steps[name])
    let parameter = Parameter(Tensor(GoldenNumbers.signed("optimizer/w", count: 15), shape: [3, 5], on: on.device))
    var optimizer = Self.optimizers.first { $0.name == name }!.make(parameter)
    for (step, row) in rows.enumerated() {
      // The gradient of Σ w · g is g.
      let gradient = Tensor(
        GoldenNumbers.signed("optimizer/gradient.\(step)", count: 15), shape: [3, 5], on: on.device)
      optimizer.step((parameter.value * gradient).sum().gradients(), scale: 1)
      expectClose(try parameter.value.scalars(), row.map { Float($0) }, "\(name), step \(step)")
    }
  }

  @Test(arguments: schedules.map(\.name)) func schedulesArePyTorchs(_ name: String) throws {
    let rates = try #require(try goldens().schedules[name])
    let schedule = Self.schedules.first { $0.name == name }!.schedule
    expectClose(
      rates.indices.map { schedule.scale(at: $0) * 0.1 }, rates.map { Float($0) }, absolute: 1e-8, relative: 1e-5, name)
  }
}

/// What holds for every optimizer.
@Suite struct OptimizerContractTests {
  private let device = TestDevice.cpu

  private func parameter(_ name: String, _ count: Int) -> Parameter {
    Parameter(Tensor(GoldenNumbers.signed(name, count: count), shape: [count], on: device))
  }

  @Test func parametersWithoutGradientStay() throws {
    let (moved, frozen, unused) = (parameter("a", 5), parameter("b", 7), parameter("c", 9))
    frozen.isTrainable = false
    let before = (try moved.value.scalars(), try frozen.value.scalars(), try unused.value.scalars())
    var optimizer = SGD([
      ParameterGroup([moved, frozen], learningRate: 0.1), ParameterGroup([unused], learningRate: 0.1),
    ])
    optimizer.step((moved.value.sum() + frozen.value.sum()).gradients())
    expectClose(try moved.value.scalars(), before.0.map { $0 - 0.1 })
    #expect(try frozen.value.scalars() == before.1)
    #expect(try unused.value.scalars() == before.2)
    #expect(optimizer.state.moments.keys.sorted() == [0])
  }

  @Test func groupsHaveTheirOwnRatesAndTheScheduleScalesThem() throws {
    let (first, second) = (parameter("a", 5), parameter("b", 7))
    let before = (try first.value.scalars(), try second.value.scalars())
    var optimizer = SGD(
      [ParameterGroup([first], learningRate: 0.1), ParameterGroup([second], learningRate: 0.2, weightDecay: 0.5)],
      momentum: 0)
    optimizer.step((first.value.sum() + second.value.sum()).gradients(), scale: 0.5)
    expectClose(try first.value.scalars(), before.0.map { $0 - 0.05 })
    expectClose(try second.value.scalars(), before.1.map { $0 - 0.1 * (1 + 0.5 * $0) })
  }

  @Test func scalesAndBiasesDoNotDecay() {
    var random = Philox(seed: 1)
    let layer = Linear(3, 2, on: device, random: &random)
    let frozen = parameter("frozen", 4)
    frozen.isTrainable = false
    let groups = ParameterGroup.decaying(layer.parameters() + [frozen], learningRate: 0.1, weightDecay: 0.3)
    #expect(groups.map { $0.parameters.map(\.value.shape) } == [[[3, 2]], [[2]]])
    #expect(groups.map(\.weightDecay) == [0.3, 0])
  }

  /// A warm-up of exactly one step, which is at its top at once, and of none.
  @Test(arguments: [(10, 0.1), (20, 0.05), (1, 1), (1, 0.3), (2, 0.5), (3, 0.3), (100, 0), (7, 1)])
  func everyRateOfAOneCycleIsANumber(steps: Int, warmUp: Double) {
    var schedule = OneCycle(steps: steps)
    schedule.warmUp = warmUp
    for step in 0..<steps { #expect((0...1).contains(schedule.scale(at: step)), "step \(step) of \(steps)") }
  }

  /// A resumed run gives the optimizer its state back.
  @Test(arguments: OptimizerTests.optimizers.map(\.name)) func theStateIsAllThatAStepNeeds(_ name: String) throws {
    // Large enough for Adafactor to keep rows and columns.
    func parameter() -> Parameter {
      Parameter(Tensor(GoldenNumbers.signed("a", count: 17 * 19), shape: [17, 19], on: device))
    }
    let (one, other) = (parameter(), parameter())
    func gradients(_ parameter: Parameter) -> Gradients { (parameter.value * parameter.value).sum().gradients() }
    let make = OptimizerTests.optimizers.first { $0.name == name }!.make
    var first = make(one)
    for _ in 0..<7 { first.step(gradients(one), scale: 1) }
    other.assign(try one.value.scalars())
    var second = make(other)
    #expect(first.state.moments[0]?.map(\.shape) == second.momentShapes(one.value.shape))
    second.state.step = first.state.step
    second.state.moments = try first.state.moments.mapValues { moments in
      try moments.map { Tensor(try $0.scalars(), shape: $0.shape, on: device) }
    }
    first.step(gradients(one), scale: 1)
    second.step(gradients(other), scale: 1)
    #expect(try one.value.scalars() == (try other.value.scalars()))
  }
}
