internal import Foundation
internal import Kernels

/// Everything that the rest of a run depends on: weights, statistics, moments and where it stands. Random numbers are
/// functions of the seed and the step, so they need no state.
struct TrainingCheckpoint {
  var epoch: Int
  var fingerprint: String
  /// Seconds of all sessions of the run so far.
  var seconds: Double

  /// Floats are stored as they lie in memory: a resumed run has the same bits.
  func write(_ model: any ImageClassifier, _ optimizer: OptimizerState, to path: String) throws {
    var records: [TensorRecord] = []
    for (name, parameter) in model.namedParameters() {
      records.append(TensorRecord(name: "model.\(name)", shape: parameter.value.shape, try parameter.value.scalars()))
    }
    for (index, moments) in optimizer.moments {
      for (i, moment) in moments.enumerated() {
        records.append(TensorRecord(name: "moment.\(index).\(i)", shape: moment.shape, try moment.scalars()))
      }
    }
    records.append(TensorRecord(name: "position", shape: [2], [Int64(epoch), Int64(optimizer.step)]))
    try writeSafetensors(
      records, metadata: ["fingerprint": fingerprint, "seconds": "\(seconds)"], to: path)
  }

  /// Puts the model and the optimizer where they were.
  init(path: String, into model: any ImageClassifier, _ optimizer: inout some Optimizer) throws {
    let file = try SafetensorsFile(path: path)
    let parameters = model.namedParameters()
    let trained = optimizer.groups.flatMap(\.parameters).map(\.value)
    try file.check([("position", [2])])
    let position = try file.integers(named: "position")
    guard position.allSatisfy({ (0...Int64(Int32.max)).contains($0) }) else {
      throw CheckpointError.damagedTensor(file: path, tensor: "position", found: "\(position)", wanted: "an epoch and a step")
    }
    var state = OptimizerState()
    state.step = Int(position[1])
    // Before the first step there are no moments.
    let moments = trained.enumerated().map { index, value in
      (state.step > 0 ? optimizer.momentShapes(value.shape) : []).enumerated().map { ("moment.\(index).\($0)", $1) }
    }
    try file.check(
      parameters.map { ("model.\($0.name)", $0.parameter.value.shape) }
        + moments.flatMap { $0 })
    for (name, parameter) in parameters { parameter.assign(try file.floats(named: "model.\(name)")) }
    for (index, value) in trained.enumerated() where !moments[index].isEmpty {
      state.moments[index] = try moments[index].map { name, shape in
        Tensor(try file.floats(named: name), shape: shape, on: value.device)
      }
    }
    optimizer.state = state
    epoch = Int(position[0])
    fingerprint = file.metadata["fingerprint"] ?? ""
    seconds = file.metadata["seconds"].flatMap(Double.init) ?? 0
  }

  init(epoch: Int, fingerprint: String, seconds: Double) {
    self.epoch = epoch
    self.fingerprint = fingerprint
    self.seconds = seconds
  }
}
