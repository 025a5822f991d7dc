/// The tensors of a pickled state dictionary, which may be a part of a training checkpoint.
struct StateDictionary {
  private(set) var tensors: [(name: String, tensor: StridedTensor)] = []
  private(set) var metadata: [String: String] = [:]

  /// Where training scripts put a model's state, first timm's names, then that of PyTorch's tutorials.
  private static let keys = ["state_dict", "model", "model_state_dict"]

  /// What wrappers put before every name: DataParallel and torch.compile, in either order.
  private static let prefixes = ["module.", "_orig_mod.", "module."]

  init(
    _ root: PickleValue, _ objects: PickledObjects, path: String, format: CheckpointFormat
  ) throws(CheckpointError) {
    func damaged(_ reason: String) -> CheckpointError { .damaged(file: path, format: format, reason: reason) }
    guard case .dictionary = root else { throw damaged("it holds \(root.kind), wanted a state dictionary") }
    let state = Self.keys.lazy.compactMap { objects.value($0, in: root) }.first { $0.kind == "a dictionary" }
    for (key, value) in objects.members(of: state ?? root) {
      if case .text(let name) = key, case .tensor(let place) = value { tensors.append((name, objects.tensors[place])) }
    }
    guard !tensors.isEmpty else {
      let keys = objects.members(of: root).prefix(8).map { key, _ in
        if case .text(let text) = key { "'\(printable(text))'" } else { key.kind }
      }
      throw damaged(
        "there are no tensors in its dictionary of \(keys.isEmpty ? "nothing" : keys.joined(separator: ", "))")
    }
    var names = Set<String>()
    for (name, _) in tensors where !names.insert(name).inserted {
      throw damaged("it has the name '\(printable(name))' twice")
    }
    for prefix in Self.prefixes where tensors.allSatisfy({ $0.name.hasPrefix(prefix) }) {
      for place in tensors.indices { tensors[place].name.removeFirst(prefix.count) }
    }
    for case (.text(let name), let value) in objects.members(of: root) { metadata[name] = value.text }
  }
}

extension PickleValue {
  /// A number or text as text; nil for anything else.
  fileprivate var text: String? {
    switch self {
    case .flag(let flag): "\(flag)"
    case .integer(let integer): "\(integer)"
    case .number(let number): "\(number)"
    case .text(let text): text
    case .none, .largeInteger, .tuple, .list, .dictionary, .tensor, .storage, .global: nil
    }
  }
}

extension PickledObjects {
  func members(of dictionary: PickleValue) -> [(key: PickleValue, value: PickleValue)] {
    guard case .dictionary(let place) = dictionary else { return [] }
    let items = items[place]
    return stride(from: 0, to: items.count, by: 2).map { (items[$0], items[$0 + 1]) }
  }

  /// The value of a key that is a text. Of two, the last one counts, as in Python.
  func value(_ key: String, in dictionary: PickleValue) -> PickleValue? {
    members(of: dictionary).last { if case .text(key) = $0.key { true } else { false } }?.value
  }
}
