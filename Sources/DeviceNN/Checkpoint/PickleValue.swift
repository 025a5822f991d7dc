// What pickles of state dictionaries consist of. Nothing of Python's is ever made or called: a pickle is a program, and
// this is the list of all that it can say here.

/// A value of a pickle. Compound ones are places in `PickledObjects`, because in a pickle they may contain themselves
/// or be nested without end: as indices they can't leak, and nothing that walks or frees them recurses.
enum PickleValue {
  case none
  case flag(Bool)
  case integer(Int)
  /// An integer beyond 64 bits, whose value nothing needs.
  case largeInteger
  case number(Double)
  case text(String)
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  case tensor(Int)
  case storage(Int)
  case global(PickleGlobal)

  /// What it is, for messages.
  var kind: String {
    switch self {
    case .none: "None"
    case .flag: "a bool"
    case .integer, .largeInteger: "an int"
    case .number: "a float"
    case .text: "a string"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .tensor: "a tensor"
    case .storage: "a storage"
    case .global: "a function or type"
    }
  }
}

/// The functions and types that a pickle may name: those of state dictionaries.
enum PickleGlobal: Equatable {
  case orderedDictionary
  /// `torch.Size`, which is a tuple.
  case size
  /// With its number of arguments at least: storage, offset, sizes, strides; what follows is no part of the value.
  case rebuildTensor
  /// The same, whose seventh argument is the type: its storage has only bytes.
  case rebuildTypedTensor
  case rebuildParameter
  case storage(StoredType)
  case type(StoredType)

  init?(module: String, name: String) {
    guard let global = Self.all[module + "." + name] else { return nil }
    self = global
  }

  private static let all: [String: PickleGlobal] = [
    "collections.OrderedDict": .orderedDictionary, "torch.Size": .size,
    "torch._utils._rebuild_tensor": .rebuildTensor, "torch._utils._rebuild_tensor_v2": .rebuildTensor,
    "torch._utils._rebuild_tensor_v3": .rebuildTypedTensor, "torch._utils._rebuild_parameter": .rebuildParameter,
    "torch.DoubleStorage": .storage(.float64), "torch.FloatStorage": .storage(.float32),
    "torch.HalfStorage": .storage(.float16), "torch.BFloat16Storage": .storage(.bfloat16),
    "torch.LongStorage": .storage(.int64), "torch.IntStorage": .storage(.int32), "torch.ShortStorage": .storage(.int16),
    "torch.CharStorage": .storage(.int8), "torch.ByteStorage": .storage(.uint8), "torch.BoolStorage": .storage(.bool),
    "torch.storage.UntypedStorage": .storage(.uint8),
    "torch.float64": .type(.float64), "torch.float32": .type(.float32), "torch.float16": .type(.float16),
    "torch.bfloat16": .type(.bfloat16), "torch.float8_e4m3fn": .type(.float8e4m3),
    "torch.float8_e5m2": .type(.float8e5m2), "torch.int64": .type(.int64), "torch.int32": .type(.int32),
    "torch.int16": .type(.int16), "torch.int8": .type(.int8), "torch.uint64": .type(.uint64),
    "torch.uint32": .type(.uint32), "torch.uint16": .type(.uint16), "torch.uint8": .type(.uint8),
    "torch.bool": .type(.bool),
  ]
}

/// The compound values of a pickle.
struct PickledObjects {
  /// Tuples and lists; dictionaries as their keys and values in turn.
  var items: [[PickleValue]] = []
  var storages: [PickledStorage] = []
  var tensors: [StridedTensor] = []
}

/// Numbers that lie somewhere else in the file, under a key.
struct PickledStorage: Equatable {
  var key: String
  var type: StoredType
  /// Elements, not bytes.
  var count: Int

  /// Nil where they are more than a computer can count.
  var byteCount: Int? {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
    return overflow ? nil : bytes
  }
}
