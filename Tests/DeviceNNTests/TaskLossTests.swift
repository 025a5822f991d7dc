import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// Losses of all kinds of tasks against loops in Double, with labels missing, and their gradients.
@Suite struct TaskLossTests {
  let device = TestDevice.cpu
  let gradients = GradientTests()
  static let missing = Float.nan

  static let tasks: [LearningTask] = [
    LearningTask("classes", .classes(["a", "b", "c"])), LearningTask("labels", .multiLabel(["hat", "scarf"])),
    LearningTask("values", .regression(mean: [30, -2], deviation: [10, 0.5], isUncertain: false)),
    LearningTask("uncertain", .regression(mean: [30, -2], deviation: [10, 0.5], isUncertain: true)),
    LearningTask("levels", .ordinal(["low", "middle", "high", "top"])), LearningTask("counts", .counts(mean: 3)),
  ]

  /// Labels of so many pictures, of which every third has none, and of two values one may be missing.
  static func targets(_ task: LearningTask, count: Int) -> TaskTargets {
    let values = (0..<count).flatMap { i -> [Float] in
      if i % 3 == 1 { return Array(repeating: missing, count: task.kind.targetWidth) }
      return switch task.kind {
      case .classes: [Float(i % 3 == 0 ? 2 : 1)]
      case .multiLabel: [Float(i % 2), 1]
      case .regression: [25 + Float(i), i % 4 == 0 ? missing : -2.25]
      case .ordinal: [Float(i % 4)]
      case .counts: [Float(i % 7)]
      }
    }
    return TaskTargets(width: task.kind.targetWidth, values: values)
  }

  /// What the loss is by its definition.
  private func expected(_ task: LearningTask, _ rows: [[Double]], _ targets: TaskTargets) -> Double {
    var (sum, count) = (0.0, 0.0)
    func add(_ loss: Double) { (sum, count) = (sum + loss, count + 1) }
    func crossEntropy(_ x: Double, _ y: Double) -> Double { max(x, 0) - x * y + log(1 + exp(-abs(x))) }
    for (i, row) in rows.enumerated() {
      let target = targets[i].map(Double.init)
      switch task.kind {
      case .classes where !target[0].isNaN: add(log(row.map { exp($0) }.reduce(0, +)) - row[Int(target[0])])
      case .multiLabel where !target[0].isNaN: for (x, y) in zip(row, target) { add(crossEntropy(x, y)) }
      case .ordinal(let levels) where !target[0].isNaN:
        for level in 0..<levels.count - 1 { add(crossEntropy(row[level], target[0] > Double(level) ? 1 : 0)) }
      case .regression(let mean, let deviation, let isUncertain):
        for (j, y) in target.enumerated() where !y.isNaN {
          let distance = row[j] - (y - Double(mean[j])) / Double(deviation[j])
          let s = isUncertain ? 7 * tanh(row[mean.count + j] / 7) : 0
          add(isUncertain ? (distance * distance * exp(-s) + s + 7) / 2 : distance * distance)
        }
      case .counts where !target[0].isNaN:
        add(exp(row[0]) - target[0] * row[0] + (target[0] > 0 ? target[0] * log(target[0]) - target[0] : 0))
      default: break
      }
    }
    return sum / count
  }

  @Test(arguments: tasks, [1, 3, 17]) func lossesAreMeansOverWhatIsThere(_ task: LearningTask, _ count: Int) throws {
    let width = task.kind.outputWidth
    let outputs = gradients.tensor("outputs of \(task.name)", [count, width])
    let rows = try outputs.scalars()
    let targets = Self.targets(task, count: count)
    let loss = try #require(task.loss(of: outputs, targets)).scalar()
    let wanted = expected(task, (0..<count).map { i in (0..<width).map { Double(rows[i * width + $0]) } }, targets)
    #expect(abs(Double(loss) - wanted) < 1e-5 * max(1, wanted), "\(task.name): \(loss), \(wanted)")
    #expect(loss >= 0)
  }

  @Test(arguments: tasks) func gradientsAreThoseOfTheLoss(_ task: LearningTask) throws {
    let targets = Self.targets(task, count: 5)
    try gradients.expectGradients(of: [gradients.tensor("x of \(task.name)", [5, task.kind.outputWidth])], task.name) {
      task.loss(of: $0[0], targets)!
    }
    // A picture without a label has no gradient at all.
    let x = gradients.tensor("x", [2, task.kind.outputWidth]).tracked
    let gradient = try #require(task.loss(of: x, Self.targets(task, count: 2))?.gradients()[x]).scalars()
    #expect(gradient.dropFirst(task.kind.outputWidth).allSatisfy { $0 == 0 })
  }

  @Test(arguments: tasks) func withoutLabelsThereIsNoLoss(_ task: LearningTask) {
    let none = TaskTargets(width: task.kind.targetWidth, values: Array(repeating: Self.missing, count: 3 * task.kind.targetWidth))
    #expect(task.loss(of: Tensor(repeating: 0, shape: [3, task.kind.outputWidth], on: device), none) == nil)
    #expect(none.presentCount == 0)
  }

  // MARK: Answers

  @Test func answersAreInTheDatasUnits() throws {
    #expect(Self.tasks[0].answer([0, log(3), 0]) == .classes([0.2, 0.6, 0.2].map { $0 }) || {
      guard case .classes(let p) = Self.tasks[0].answer([0, log(3), 0]) else { return false }
      return zip(p, [0.2, 0.6, 0.2]).allSatisfy { abs($0 - $1) < 1e-6 }
    }())
    #expect(Self.tasks[2].answer([1, -2]) == .values([40, -3], deviations: nil))
    guard case .values(let values, let deviations?) = Self.tasks[3].answer([1, -2, 0, 0]) else { Issue.record("no values"); return }
    #expect(values == [40, -3] && deviations == [10, 0.5])
    #expect(Self.tasks[5].answer([0]) == .count(1))
    // Above the first threshold for sure, the others at even chances, then unlikely.
    guard case .level(let levels) = Self.tasks[4].answer([50, 0, -50]) else { Issue.record("no level"); return }
    #expect(zip(levels, [0, 0.5, 0.5, 0]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(abs(levels.reduce(0, +) - 1) < 1e-9)
    #expect(TaskAnswer.level([0.3, 0.3, 0.4]).best == 1)
    #expect(TaskAnswer.classes([0.3, 0.3, 0.4]).best == 2)
    #expect(TaskAnswer.values([1], deviations: [2]).mean(with: .values([3], deviations: [4])) == .values([2], deviations: [3]))
  }

  @Test func answersAreSaidShortly() {
    #expect(Self.tasks[0].text(of: .classes([0.1, 0.7, 0.2])) == "b 70.0 %")
    #expect(Self.tasks[1].text(of: .labels([0.9, 0.2])) == "hat 90.0 %")
    #expect(Self.tasks[1].text(of: .labels([0.1, 0.2])) == "none")
    #expect(Self.tasks[3].text(of: .values([31.42, -2], deviations: [4.2, 0.1])) == "31.4 ± 4.2, -2 ± 0.1")
    #expect(Self.tasks[4].text(of: .level([0, 0.1, 0.8, 0.1])) == "high")
    #expect(Self.tasks[5].text(of: .count(2.34)) == "2.3")
    #expect(Self.tasks[5].json(of: .count(2.5)).text == "{\"answer\":2.5}")
    #expect(Self.tasks[1].json(of: .labels([0.75, 0.25])).text == "{\"answer\":[\"hat\"],\"probabilities\":{\"hat\":0.75,\"scarf\":0.25}}")
  }

  // MARK: Metrics, worked by hand

  private func evaluation(_ task: LearningTask, _ answers: [(target: [Float], answer: TaskAnswer)]) -> TaskEvaluation {
    TaskEvaluation(
      task: task, loss: 0, predictions: answers.enumerated().map { .init(index: $0, target: $1.target, answer: $1.answer) })
  }

  private func value(_ name: String, _ evaluation: TaskEvaluation) -> Double {
    evaluation.metrics.first { $0.name == name }?.value ?? .nan
  }

  @Test func metricsOfEachKind() {
    let two = evaluation(
      LearningTask("two", .classes(["no", "yes"])),
      [([1], .classes([0.2, 0.8])), ([0], .classes([0.6, 0.4])), ([1], .classes([0.7, 0.3])), ([0], .classes([0.9, 0.1]))])
    #expect(value("accuracy", two) == 0.75)
    #expect(value("auc", two) == 0.75)
    let values = evaluation(
      Self.tasks[2], [([20, .nan], .values([22, 0], deviations: nil)), ([40, -2], .values([36, -3], deviations: nil))])
    // 2 and 4 of the first value, 1 of the second.
    #expect(value("mae", values) == 2)
    // 1 - (4 + 16) / (100 + 100); the second value has no variance.
    #expect(abs(value("r2", values) - 0.9) < 1e-12)
    let uncertain = evaluation(
      Self.tasks[3], [([20, .nan], .values([22, 0], deviations: [3, 1])), ([40, -2], .values([36, -3], deviations: [3, 2]))])
    #expect(abs(value("withinDeviation", uncertain) - 2.0 / 3) < 1e-12)
    let levels = evaluation(
      Self.tasks[4], [([0], .level([0, 0, 1, 0])), ([3], .level([0, 0, 0, 1])), ([1], .level([1, 0, 0, 0]))])
    #expect(value("classError", levels) == 1)
    #expect(abs(value("accuracy", levels) - 1.0 / 3) < 1e-12)
    let labels = evaluation(
      Self.tasks[1], [([1, 0], .labels([0.9, 0.6])), ([0, 1], .labels([0.1, 0.7])), ([1, 1], .labels([0.2, 0.8]))])
    #expect(abs(value("labelAccuracy", labels) - 2.0 / 3) < 1e-12)
    // hat: 1 right, 1 missed: 2/3; scarf: 2 right, 1 too many: 4/5.
    #expect(abs(value("macroF1", labels) - (2.0 / 3 + 0.8) / 2) < 1e-12)
    let counts = evaluation(Self.tasks[5], [([2], .count(3)), ([4], .count(4))])
    #expect(value("mae", counts) == 0.5)
    #expect(evaluation(Self.tasks[0], []).metrics.allSatisfy { $0.value.isNaN && $0.text == "–" })
    for task in Self.tasks { #expect(task.kind.mainMetric.name == evaluation(task, []).metrics[0].name) }
  }

  @Test func gainsAreRelativeAndSigned() {
    let accuracy = LearningTask("a", .classes(["no", "yes"]))
    func answers(_ right: Int) -> TaskEvaluation {
      evaluation(accuracy, (0..<10).map { ([1], .classes($0 < right ? [0, 1] : [1, 0])) })
    }
    func ages(_ error: Double) -> TaskEvaluation {
      evaluation(LearningTask("b", .counts(mean: 1)), [([10], .count(10 + error))])
    }
    let cost = TaskComparison.Cost(seconds: 10, parameters: 100, memory: 1000)
    let comparison = TaskComparison(together: [answers(9), ages(5)], cost, alone: [(answers(6), cost), (ages(4), cost)])
    // Half as much again, and a quarter more error.
    #expect(abs(comparison.meanGain - (0.5 - 0.25) / 2) < 1e-12)
    #expect(comparison.alone == TaskComparison.Cost(seconds: 20, parameters: 200, memory: 1000))
    #expect(comparison.text.contains("+12.5 %") && comparison.text.contains("2 models"))
  }
}
