/// Which tasks take part in a step, and which step it is: what methods that draw lots or remember need beside the numbers.
public struct TaskStep: Sendable {
  /// The places of the tasks that have a loss in this batch, rising.
  public let tasks: [Int]
  /// How many tasks there are in all.
  public let taskCount: Int
  /// Counts the steps of the run, from 0.
  public let step: Int
  public let seed: UInt64

  public init(tasks: [Int], of taskCount: Int, step: Int, seed: UInt64 = 0) {
    precondition(
      tasks == tasks.sorted() && tasks.allSatisfy((0..<taskCount).contains), "tasks \(tasks) of \(taskCount) in no rising order")
    self.tasks = tasks
    self.taskCount = taskCount
    self.step = step
    self.seed = seed
  }

  /// The step's lots: another key than the loaders', which use the seed itself.
  var random: Philox { Philox(seed: seed ^ 0x6d75_6c74_695f_7461, stream: UInt64(step)) }
}
