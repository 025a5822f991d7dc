public import Kernels

extension ImageClassifier {
  /// Loads a checkpoint whole, or throws and leaves the network as it was.
  ///
  /// A network for other images than the checkpoint's takes what can be made of it: for other channels than red, green
  /// and blue, the first convolution's weights are summed or repeated, as in timm.
  ///
  /// - Parameter replacesHead: leaves a head alone that the file lacks or that has another number of classes, as where
  ///   a pretrained backbone gets a new head.
  /// - Returns: what a user should know of: what was left out or adapted, tensors with numbers that are none.
  @discardableResult
  public func load(
    _ file: any Checkpoint, by publisher: Publisher, replacesHead: Bool = false
  ) throws(CheckpointError) -> [LoadingNote] {
    let all = namedParameters().map { name, parameter in
      var stored = stored(name, parameter.storedShape, by: publisher)
      if let former = formerName(of: stored.name), file.contains(former) { stored.name = former }
      return (stored: stored, parameter: parameter)
    }
    var notes: [LoadingNote] = []
    let inHead = Set(head.parameters().map(ObjectIdentifier.init))
    let headFits = all.allSatisfy {
      !inHead.contains(ObjectIdentifier($0.parameter)) || file.shape(of: $0.stored.name) == $0.stored.shape
    }
    if replacesHead, !headFits { notes.append(.newHead(file: file.path)) }
    let wanted = replacesHead && !headFits ? all.filter { !inHead.contains(ObjectIdentifier($0.parameter)) } : all
    let first = wanted.first { $0.parameter.layout == .convolution }
    var adaptations: [ObjectIdentifier: ([Float]) -> [Float]] = [:]
    for (stored, parameter) in wanted {
      guard let shape = file.shape(of: stored.name), shape != stored.shape else { continue }
      let colours = parameter === first?.parameter ? colourAdaptation(from: shape, to: stored.shape) : nil
      guard let adaptation = colours ?? self.adaptation(from: shape, to: parameter) else { continue }
      adaptations[ObjectIdentifier(parameter)] = adaptation
      notes.append(.adapted(tensor: stored.name, from: shape, to: stored.shape))
    }
    try file.check(
      wanted.map { stored, parameter in
        (stored.name, adaptations[ObjectIdentifier(parameter)] == nil ? stored.shape : file.shape(of: stored.name)!)
      })
    for (stored, _) in wanted {
      guard let type = file.type(of: stored.name), !type.isFloat else { continue }
      throw .wrongType(file: file.path, tensor: stored.name, found: type, wanted: "F32, F16, BF16 or F64")
    }
    for (stored, parameter) in wanted {
      let floats = try file.floats(named: stored.name)
      if !floats.allSatisfy(\.isFinite) { notes.append(.notFinite(tensor: stored.name, file: file.path)) }
      parameter.assign(parameter.inMemory(adaptations[ObjectIdentifier(parameter)]?(floats) ?? floats))
    }
    return notes
  }

  /// The parameters and statistics as a checkpoint of `publisher` has them; adapters are merged into them.
  public func records(by publisher: Publisher) throws(DeviceError) -> [TensorRecord] {
    try records { stored($0, $1, by: publisher) }
  }
}

extension Module {
  /// The parameters and statistics under their own names, in the layouts of files; adapters are merged into them.
  public func records() throws(DeviceError) -> [TensorRecord] { try records(StoredTensor.init) }

  /// - Parameter stored: the name and shape in a file of those here.
  fileprivate func records(_ stored: (String, [Int]) -> StoredTensor) throws(DeviceError) -> [TensorRecord] {
    var records: [TensorRecord] = []
    let adapters = Set(parameters().compactMap(\.adapter).flatMap { [$0.down, $0.up] }.map(ObjectIdentifier.init))
    for (name, parameter) in namedParameters() where !adapters.contains(ObjectIdentifier(parameter)) {
      let stored = stored(name, parameter.storedShape)
      let scalars = try parameter.adapted.scalars()
      records.append(TensorRecord(name: stored.name, shape: stored.shape, parameter.stored(scalars)))
    }
    return records
  }

  /// Loads what `records()` made, whole, or throws and leaves the module as it was.
  public func load(_ file: any Checkpoint) throws(CheckpointError) {
    let all = namedParameters()
    try file.check(all.map { ($0.name, $0.parameter.storedShape) })
    for (name, parameter) in all { parameter.assign(parameter.inMemory(try file.floats(named: name))) }
  }

  /// Makes low-rank changes a part of the weights.
  public func mergeAdapters() throws(DeviceError) {
    for parameter in parameters() { try parameter.merge() }
  }
}

/// What happened while a checkpoint was loaded that is no error.
public enum LoadingNote: Sendable, Equatable {
  case newHead(file: String)
  case adapted(tensor: String, from: [Int], to: [Int])
  case notFinite(tensor: String, file: String)
}

extension LoadingNote: CustomStringConvertible {
  public var description: String {
    switch self {
    case .newHead(let file): "the head of \(file) is for other classes, so that the model starts with a new one"
    case .adapted(let tensor, let from, let to): "\(tensor) was adapted from \(from) to \(to)"
    case .notFinite(let tensor, let file): "\(tensor) of \(file) holds numbers that are not finite"
    }
  }
}

/// Makes the weights (K,3,R,S) of a first convolution fit for images with other channels: for one, they are summed; for
/// more, repeated and scaled, so that the sums stay as large. As timm's `adapt_input_conv`.
private func colourAdaptation(from: [Int], to: [Int]) -> (([Float]) -> [Float])? {
  guard from.count == 4, to.count == 4, from[1] == 3, from[0] == to[0], from[2...] == to[2...] else { return nil }
  let (outputs, channels, taps) = (from[0], to[1], from[2] * from[3])
  return { colour in
    var result = [Float](repeating: 0, count: outputs * channels * taps)
    for k in 0..<outputs {
      for tap in 0..<taps {
        func old(_ c: Int) -> Float { colour[(k * 3 + c) * taps + tap] }
        for c in 0..<channels {
          result[(k * channels + c) * taps + tap] =
            channels == 1 ? old(0) + old(1) + old(2) : old(c % 3) * (3 / Float(channels))
        }
      }
    }
    return result
  }
}
