internal import Kernels

/// A running average of a network's parameters and statistics, which can take their place for a while.
struct WeightAverage {
  /// The averaged, and their averages, in the network's order.
  let parameters: [Parameter]
  let averages: [Tensor]
  /// How many weights went into the average.
  private(set) var count: Int

  /// Starts at the weights as they are.
  init(of model: any Module) {
    parameters = model.parameters()
    averages = parameters.map { Tensor(repeating: 0, shape: $0.value.shape, on: $0.value.device) }
    count = 0
    moveAverages(by: 1)
  }

  /// Restores what a checkpoint kept.
  init(of model: any Module, averages: [Tensor], count: Int) {
    parameters = model.parameters()
    self.averages = averages
    self.count = count
  }

  /// a += (1 - decay) · (w - a). Young averages forget their start faster, as in TensorFlow.
  mutating func update(decay: Float) {
    count += 1
    moveAverages(by: 1 - min(decay, Float(1 + count) / Float(10 + count)))
  }

  /// The mean over all updates so far and this one.
  mutating func updateMean() {
    count += 1
    moveAverages(by: 1 / Float(count))
  }

  private func moveAverages(by share: Float) {
    guard let device = averages.first?.device else { return }
    device.average(
      zip(parameters, averages).map { ($1.count, weights: $0.value.buffer, average: $1.buffer) }, share: share)
  }

  /// Weights and averages change places: called twice, all is as before.
  func exchange() {
    guard let device = averages.first?.device else { return }
    device.exchange(zip(parameters, averages).map { ($1.count, a: $0.value.buffer, b: $1.buffer) })
  }
}
