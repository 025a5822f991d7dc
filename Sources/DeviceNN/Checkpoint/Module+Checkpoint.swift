public import Kernels

extension ImageClassifier {
  /// Loads a checkpoint whole, or throws and leaves the network as it was.
  ///
  /// - Parameter headIsOptional: leaves a head alone that the file lacks or that has another number of classes, as where
  ///   a pretrained backbone gets a new head.
  /// - Returns: whether the head was loaded.
  @discardableResult
  public func load(
    _ file: SafetensorsFile, naming: CheckpointNaming, headIsOptional: Bool = false
  ) throws(CheckpointError) -> Bool {
    let all = namedParameters().map { (name: self.name(of: $0.name, in: naming), parameter: $0.parameter) }
    let inHead = Set(head.parameters().map(ObjectIdentifier.init))
    let headFits = all.allSatisfy {
      !inHead.contains(ObjectIdentifier($0.parameter)) || file.shape(of: $0.name) == $0.parameter.storedShape
    }
    let wanted = headIsOptional && !headFits ? all.filter { !inHead.contains(ObjectIdentifier($0.parameter)) } : all
    try file.check(wanted.map { ($0.name, $0.parameter.storedShape) })
    var values: [[Float]] = []
    for (name, _) in wanted { values.append(try file.floats(named: name)) }
    for ((_, parameter), floats) in zip(wanted, values) { parameter.assign(parameter.inMemory(floats)) }
    return wanted.count == all.count
  }

  /// The parameters and statistics as a checkpoint of `naming` has them.
  public func records(naming: CheckpointNaming) throws(DeviceError) -> [TensorRecord] {
    var records: [TensorRecord] = []
    for (name, parameter) in namedParameters() {
      let floats = try parameter.value.scalars()
      records.append(
        TensorRecord(name: self.name(of: name, in: naming), shape: parameter.storedShape, parameter.stored(floats)))
    }
    return records
  }
}
