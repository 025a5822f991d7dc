import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// One step's gradients of several tasks which share features.
@Suite struct MultiTaskObjectiveTests {
  /// x(5,4) · W(4,3) are the features; a head(3,1) a task, and targets(5,1).
  private struct Network {
    let x: Tensor
    let backbone: Parameter
    let heads: [Parameter]
    let targets: [Tensor]

    init(taskCount: Int = 3, on device: Device) {
      func tensor(_ name: String, _ shape: [Int]) -> Tensor {
        Tensor(GoldenNumbers.signed(name, count: shape.reduce(1, *)), shape: shape, on: device)
      }
      x = tensor("x", [5, 4])
      backbone = Parameter(tensor("backbone", [4, 3]))
      heads = (0..<taskCount).map { Parameter(tensor("head \($0)", [3, 1])) }
      targets = (0..<taskCount).map { tensor("target \($0)", [5, 1]) }
    }

    var features: Tensor { x.linear(backbone.value) }

    /// The squared errors of `tasks`, nil for the others.
    func losses(_ features: Tensor, _ tasks: [Int]? = nil) -> [Tensor?] {
      heads.indices.map { i in
        guard tasks?.contains(i) ?? true else { return nil }
        return features.linear(heads[i].value).loss(.squared, targets[i])
      }
    }

    /// Each task's gradient with respect to the features, by a walk of its own.
    func featureGradients() throws -> [[Double]] {
      let features = self.features.detached.tracked
      return try losses(features).map { try $0!.gradients()[features]!.scalars().map(Double.init) }
    }
  }

  private let names = ["age", "gender", "smile"]

  private func step(
    _ objective: inout MultiTaskObjective, _ network: Network, tasks: [Int]? = nil, at step: Int = 0,
    measuresCosines: Bool = false
  ) throws -> MultiTaskStep {
    let features = network.features
    return try #require(
      try objective.step(
        network.losses(features, tasks), shared: [features], at: step, measuresCosines: measuresCosines))
  }

  @Test(arguments: TestDevice.all) func equalWeightsAreThePlainSum(_ on: TestDevice) throws {
    let network = Network(on: on.device)
    let losses = network.losses(network.features).map { $0! }
    let expected = (losses[0] + losses[1] + losses[2]).gradients()
    var objective = MultiTaskObjective(tasks: names, balance: .losses(.equal), on: on.device)
    for measures in [false, true] {
      let step = try step(&objective, network, measuresCosines: measures)
      for parameter in network.heads + [network.backbone] {
        expectClose(try step.gradients[parameter]!.scalars(), try expected[parameter]!.scalars())
      }
      #expect(try step.weights() == [1, 1, 1])
      #expect(try step.losses() == losses.map { Double(try $0.scalar()) })
      #expect((step.cosines != nil) == measures)
    }
  }

  @Test(arguments: TestDevice.all) func cosinesAreThoseOfTheGradientsAtTheFeatures(_ on: TestDevice) throws {
    let network = Network(on: on.device)
    let expected = SymmetricMatrix(gramOf: try network.featureGradients()).cosines
    var objective = MultiTaskObjective(tasks: names, balance: .losses(.equal), on: on.device)
    let cosines = try #require(try step(&objective, network, tasks: [0, 2], measuresCosines: true).cosines)
    #expect(abs(cosines[0][2]! - expected[0, 2]) < 1e-5 && abs(cosines[2][2]! - 1) < 1e-6)
    #expect(cosines[1] == [nil, nil, nil] && cosines[0][1] == nil)
  }

  /// The backbone goes on from the combined direction, and the heads have the gradients of their own tasks.
  @Test(arguments: TestDevice.all) func aggregatorsCombineAtTheFeatures(_ on: TestDevice) throws {
    let network = Network(on: on.device)
    let rows = try network.featureGradients()
    let weights = MGDA().weights(SymmetricMatrix(gramOf: rows), at: TaskStep(tasks: [0, 1, 2], of: 3, step: 0))
    let direction = Tensor(
      rows[0].indices.map { k in Float(rows.indices.reduce(0) { $0 + weights[$1] * rows[$1][k] }) }, shape: [5, 3],
      on: on.device)
    let expected = (network.features * direction).sum().gradients()[network.backbone]!
    var objective = MultiTaskObjective(tasks: names, balance: .gradients(.mgda), on: on.device)
    let step = try step(&objective, network)
    expectClose(try step.gradients[network.backbone]!.scalars(), try expected.scalars())
    for (i, loss) in network.losses(network.features).enumerated() {
      expectClose(
        try step.gradients[network.heads[i]]!.scalars(), try loss!.gradients(keepingHistory: true)[network.heads[i]]!.scalars())
    }
    for (a, b) in zip(try step.weights(), weights) { #expect(abs(a! - b) < 1e-4) }
  }

  @Test(arguments: TaskBalance.names) func aMissingTaskHasNoSay(_ name: String) throws {
    let balance = try #require(TaskBalance(name: name))
    let network = Network(on: TestDevice.cpu)
    var objective = MultiTaskObjective(tasks: names, balance: balance, on: TestDevice.cpu)
    let both = try step(&objective, network, tasks: [0, 2])
    #expect(both.gradients[network.heads[1]] == nil)
    #expect(try both.weights()[1] == nil && both.losses()[1] == nil)
    #expect(try both.gradients[network.backbone]!.scalars().allSatisfy(\.isFinite))
    #expect(try both.weights()[2]!.isFinite)
    // Alone, a task gets its own direction.
    var alone = MultiTaskObjective(tasks: names, balance: balance, on: TestDevice.cpu)
    let one = try step(&alone, network, tasks: [1])
    let own = try network.losses(network.features)[1]!.gradients()[network.backbone]!.scalars().map(Double.init)
    let given = try one.gradients[network.backbone]!.scalars().map(Double.init)
    let gram = SymmetricMatrix(gramOf: [own, given])
    #expect(gram.cosines[0, 1] > 0.99999)
    #expect(try objective.step([nil, nil, nil], shared: [], at: 3) == nil)
  }

  /// Killed after three epochs, a run goes on with the same bits.
  @Test(arguments: TaskBalance.names) func stateIsAllThatAMethodRemembers(_ name: String) throws {
    let balance = try #require(TaskBalance(name: name))
    let device = TestDevice.cpu
    let network = Network(on: device)
    var objective = MultiTaskObjective(tasks: names, balance: balance, seed: 5, on: device)
    var optimizer = SGD(
      [ParameterGroup([network.backbone] + network.heads + objective.parameters, learningRate: 0.1)], momentum: 0)
    func epoch(_ objective: inout MultiTaskObjective, _ number: Int) throws -> [Float] {
      for (i, tasks) in [nil, [0, 2], nil].enumerated() {
        optimizer.step(try step(&objective, network, tasks: tasks, at: 3 * number + i).gradients)
      }
      try objective.endEpoch()
      return try network.backbone.value.scalars()
    }
    for i in 0..<3 { _ = try epoch(&objective, i) }
    var resumed = MultiTaskObjective(tasks: names, balance: balance, seed: 5, on: device)
    resumed.state = objective.state
    for (a, b) in zip(resumed.parameters, objective.parameters) { a.assign(try b.value.scalars()) }
    let before = try ([network.backbone] + network.heads).map { try $0.value.scalars() }
    let expected = try epoch(&objective, 3)
    for (parameter, scalars) in zip([network.backbone] + network.heads, before) { parameter.assign(scalars) }
    optimizer.groups[0].parameters = [network.backbone] + network.heads + resumed.parameters
    #expect(try epoch(&resumed, 3) == expected)
    #expect(resumed.state == objective.state)
  }

  /// Tensors of which one was made from the other, as with attention to earlier stages.
  @Test(arguments: TestDevice.all) func severalTensorsMayBeShared(_ on: TestDevice) throws {
    let network = Network(taskCount: 2, on: on.device)
    func losses() -> (early: Tensor, late: Tensor, losses: [Tensor]) {
      let early = network.features
      let late = (early * early).tanh()
      return (early, late, network.heads.indices.map { i in
        (late.linear(network.heads[i].value) + early.linear(network.heads[1 - i].value)).loss(.squared, network.targets[i])
      })
    }
    let plain = losses()
    let expected = (plain.losses[0] + plain.losses[1]).gradients()
    for order in [[0, 1], [1, 0]] {
      let walked = losses()
      let shared = order.map { [walked.early, walked.late][$0] }
      var objective = MultiTaskObjective(tasks: ["a", "b"], weighting: EqualWeighting())
      let step = try #require(
        try objective.step(walked.losses, shared: shared, at: 0, measuresCosines: true))
      // The heads, which both tasks use, have the sums.
      for parameter in network.heads + [network.backbone] {
        expectClose(try step.gradients[parameter]!.scalars(), try expected[parameter]!.scalars())
      }
      #expect(step.gradients[walked.early] == nil)
    }
  }

  /// A frozen backbone has no direction, and a weighting with a model of its own gets its gradients with an aggregator too.
  @Test func whatNeedsNoBackboneWorks() throws {
    let device = TestDevice.cpu
    let network = Network(on: device)
    network.backbone.isTrainable = false
    var frozen = MultiTaskObjective(tasks: names, balance: .gradients(.upGrad), on: device)
    let step = try step(&frozen, network)
    #expect(step.gradients[network.heads[0]] != nil && step.gradients[network.backbone] == nil)
    network.backbone.isTrainable = true
    var both = MultiTaskObjective(
      tasks: names, weighting: UncertaintyWeighting(taskCount: 3, on: device), aggregator: UPGrad())
    let gradients = try self.step(&both, network).gradients
    #expect(both.parameters.allSatisfy { gradients[$0] != nil })
  }

  @Test(arguments: TaskBalance.names) func aLossThatIsNotFiniteIsReportedWithItsTask(_ name: String) throws {
    let network = Network(on: TestDevice.cpu)
    var objective = MultiTaskObjective(tasks: names, balance: TaskBalance(name: name)!, on: TestDevice.cpu)
    #expect {
      let features = network.features
      var losses = network.losses(features)
      losses[1] = losses[1]! * .infinity
      let step = try objective.step(losses, shared: [features], at: 0)
      _ = try step?.losses()
    } throws: { error in
      error as? MultiTaskError == .lossNotFinite(task: "gender", value: .infinity, step: 0)
    }
  }

  @Test func namesChooseTheMethod() {
    #expect(TaskBalance.names.count == 21 && Set(TaskBalance.names).count == 21)
    for name in TaskBalance.names { #expect(TaskBalance(name: name)?.name == name) }
    #expect(TaskBalance(name: "best") == nil)
  }
}
