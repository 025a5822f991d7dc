internal import Foundation
internal import Kernels

/// Everything that the rest of a run depends on: weights, statistics, moments, averages and where it stands. Random
/// numbers are functions of the seed and the step, so they need no state.
struct TrainingCheckpoint {
  var epoch: Int
  var fingerprint: String
  /// Seconds of all sessions of the run so far.
  var phases: [RunPhase: Double]
  /// What else a run remembers, such as how it weighs its tasks, by name.
  var memory: [String: [Double]] = [:]

  /// Floats are stored as they lie in memory: a resumed run has the same bits.
  func write(
    _ model: any Module, _ optimizer: OptimizerState, _ average: WeightAverage?, to path: String
  ) throws {
    var records: [TensorRecord] = []
    for (name, parameter) in model.namedParameters() {
      records.append(TensorRecord(name: "model.\(name)", shape: parameter.value.shape, try parameter.value.scalars()))
    }
    for (index, moments) in optimizer.moments {
      for (i, moment) in moments.enumerated() {
        records.append(TensorRecord(name: "moment.\(index).\(i)", shape: moment.shape, try moment.scalars()))
      }
    }
    for (index, tensor) in (average?.averages ?? []).enumerated() {
      records.append(TensorRecord(name: "average.\(index)", shape: tensor.shape, try tensor.scalars()))
    }
    for (name, values) in memory where !values.isEmpty {
      records.append(
        TensorRecord(name: "memory.\(name)", shape: [values.count], values.map { Int64(bitPattern: $0.bitPattern) }))
    }
    let numbers = [Int64(epoch), Int64(optimizer.step), Int64(optimizer.moments.count), Int64(average?.count ?? -1)]
    records.append(TensorRecord(name: "position", shape: [4], numbers))
    var metadata = ["fingerprint": fingerprint]
    metadata["device"] = model.parameters().first?.value.device.description.identifier
    for (phase, seconds) in phases { metadata["seconds.\(phase.rawValue)"] = "\(seconds)" }
    try writeSafetensors(records, metadata: metadata, to: path)
  }

  /// Puts the model, the optimizer and the averages where they were.
  init(
    path: String, into model: any Module, _ optimizer: inout some Optimizer, _ average: inout WeightAverage?
  ) throws {
    let file = try SafetensorsFile(path: path)
    let parameters = model.namedParameters()
    let trained = optimizer.groups.flatMap(\.parameters).map(\.value)
    try file.check([("position", [4])])
    let position = try file.integers(named: "position")
    guard position[..<3].allSatisfy({ (0...Int64(Int32.max)).contains($0) }), position[3] >= -1 else {
      throw CheckpointError.damagedTensor(
        file: path, tensor: "position", found: "\(position)",
        wanted: "an epoch, a step, a number of moved parameters and one of averaged weights")
    }
    var state = OptimizerState()
    state.step = Int(position[1])
    // A parameter that rested so far has no moments.
    let moments = trained.enumerated().map { index, value in
      let shapes = optimizer.momentShapes(value.shape).enumerated().map { (name: "moment.\(index).\($0)", shape: $1) }
      return shapes.contains { file.contains($0.name) } ? shapes : []
    }
    guard moments.count(where: { !$0.isEmpty }) == Int(position[2]) else {
      throw CheckpointError.damagedTensor(
        file: path, tensor: "position", found: "\(position[2]) moved parameters",
        wanted: "\(moments.count { !$0.isEmpty }), for so many have moments")
    }
    let averages = position[3] >= 0
      ? parameters.enumerated().map { (name: "average.\($0)", shape: $1.parameter.value.shape) } : []
    try file.check(
      parameters.map { ("model.\($0.name)", $0.parameter.value.shape) } + moments.flatMap { $0 } + averages)
    for (name, parameter) in parameters { parameter.assign(try file.floats(named: "model.\(name)")) }
    for (index, value) in trained.enumerated() where !moments[index].isEmpty {
      state.moments[index] = try moments[index].map { name, shape in
        Tensor(try file.floats(named: name), shape: shape, on: value.device)
      }
    }
    optimizer.state = state
    if position[3] >= 0, let device = parameters.first?.parameter.value.device {
      average = WeightAverage(
        of: model, averages: try averages.map { Tensor(try file.floats(named: $0.name), shape: $0.shape, on: device) },
        count: Int(position[3]))
    }
    epoch = Int(position[0])
    fingerprint = file.metadata["fingerprint"] ?? ""
    for name in file.names where name.hasPrefix("memory.") {
      memory[String(name.dropFirst("memory.".count))] = try file.integers(named: name).map {
        Double(bitPattern: UInt64(bitPattern: $0))
      }
    }
    phases = [:]
    for phase in RunPhase.allCases { phases[phase] = file.metadata["seconds.\(phase.rawValue)"].flatMap(Double.init) }
  }

  init(epoch: Int, fingerprint: String, phases: [RunPhase: Double]) {
    self.epoch = epoch
    self.fingerprint = fingerprint
    self.phases = phases
  }
}
