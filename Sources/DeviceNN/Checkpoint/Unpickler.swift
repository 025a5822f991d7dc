// Reading pickles: the opcodes of protocol 2 that state dictionaries consist of, those of
// torch.load(weights_only=True). Python's pickletools.py describes each.
internal import Foundation

/// A reader of pickles that knows a fixed list of types and functions, refuses all others by name, and runs nothing.
///
/// Every value takes at least a byte of the pickle, so that memory is bounded by `maxByteCount`.
struct Unpickler {
  /// More than 25 thousand tensors take.
  static let maxByteCount = 4 << 20

  private(set) var objects = PickledObjects()
  private var reader: ByteReader
  private var stack: [PickleValue] = []
  /// How high the stack was at each MARK.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var storagePlaces: [String: Int] = [:]

  /// - Parameter start: where the first pickle begins in `bytes`.
  init(_ bytes: Data, from start: Int = 0, file: String, format: CheckpointFormat) throws(CheckpointError) {
    reader = ByteReader(bytes.prefix(start + Self.maxByteCount), file: file, format: format)
    try reader.move(to: start)
  }

  /// Bytes that were read so far, of all pickles.
  var position: Int { reader.position }

  /// The value of the next pickle.
  mutating func next() throws(CheckpointError) -> PickleValue {
    (stack, marks, memo) = ([], [], [:])
    while true {
      let start = reader.position
      let code = try reader.integer(UInt8.self)
      guard let opcode = Opcode(rawValue: code) else {
        throw damaged("its pickle has the opcode \(code) at byte \(start), which state dictionaries don't use")
      }
      if opcode == .stop { return try pop() }
      try execute(opcode)
    }
  }

  private func damaged(_ reason: String) -> CheckpointError { reader.damaged(reason) }
}

// MARK: Opcodes

/// By the names that pickletools.py gives them.
private enum Opcode: UInt8 {
  case proto = 0x80
  case stop = 0x2E
  case mark = 0x28
  case none = 0x4E
  case newTrue = 0x88
  case newFalse = 0x89
  case binInt = 0x4A
  case binInt1 = 0x4B
  case binInt2 = 0x4D
  case long1 = 0x8A
  case binFloat = 0x47
  case binUnicode = 0x58
  /// Text of Python 2.
  case binString = 0x54
  case shortBinString = 0x55
  case emptyTuple = 0x29
  case tuple = 0x74
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case emptyList = 0x5D
  case append = 0x61
  case appends = 0x65
  case emptyDict = 0x7D
  case setItem = 0x73
  case setItems = 0x75
  case binPut = 0x71
  case longBinPut = 0x72
  case binGet = 0x68
  case longBinGet = 0x6A
  case global = 0x63
  case reduce = 0x52
  case build = 0x62
  case binPersId = 0x51
}

extension Unpickler {
  private mutating func execute(_ opcode: Opcode) throws(CheckpointError) {
    switch opcode {
    case .stop: break
    case .proto:
      let version = try reader.integer(UInt8.self)
      guard version <= 2 else {
        throw damaged("it is pickled with protocol \(version), wanted 2 at most, which is torch.save's own choice")
      }
    case .mark: marks.append(stack.count)
    case .none: stack.append(.none)
    case .newTrue: stack.append(.flag(true))
    case .newFalse: stack.append(.flag(false))
    case .binInt: stack.append(.integer(Int(try reader.integer(Int32.self))))
    case .binInt1: stack.append(.integer(Int(try reader.integer(UInt8.self))))
    case .binInt2: stack.append(.integer(Int(try reader.integer(UInt16.self))))
    case .long1: stack.append(integer(try reader.take(reader.count(UInt8.self))))
    case .binFloat: stack.append(.number(Double(bitPattern: try reader.integer(UInt64.self).byteSwapped)))
    case .binUnicode, .binString: stack.append(.text(try reader.text(reader.count(UInt32.self))))
    case .shortBinString: stack.append(.text(try reader.text(reader.count(UInt8.self))))
    case .emptyTuple: push(PickleValue.tuple, [])
    case .tuple: push(PickleValue.tuple, try popToMark())
    case .tuple1: push(PickleValue.tuple, try pop(1))
    case .tuple2: push(PickleValue.tuple, try pop(2))
    case .tuple3: push(PickleValue.tuple, try pop(3))
    case .emptyList: push(PickleValue.list, [])
    case .append: try extendList(pop(1))
    case .appends: try extendList(popToMark())
    case .emptyDict: push(PickleValue.dictionary, [])
    case .setItem: try extendDictionary(pop(2))
    case .setItems: try extendDictionary(popToMark())
    case .binPut: try remember(at: reader.count(UInt8.self))
    case .longBinPut: try remember(at: reader.count(UInt32.self))
    case .binGet: try recall(reader.count(UInt8.self))
    case .longBinGet: try recall(reader.count(UInt32.self))
    case .global: stack.append(.global(try global()))
    case .reduce: try call()
    case .build: try build()
    case .binPersId: stack.append(try storage(pop()))
    }
  }

  // MARK: The stack

  private mutating func pop() throws(CheckpointError) -> PickleValue { try pop(1)[0] }

  /// The last `count` values, none of which may lie below the last mark.
  private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleValue] {
    guard stack.count - count >= marks.last ?? 0 else {
      throw damaged("its pickle takes a value that is not there, before byte \(reader.position)")
    }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
    guard let mark = marks.last else { throw damaged("its pickle lacks a mark, before byte \(reader.position)") }
    let values = try pop(stack.count - mark)
    marks.removeLast()
    return values
  }

  private mutating func push(_ kind: (Int) -> PickleValue, _ items: [PickleValue]) {
    stack.append(kind(objects.items.count))
    objects.items.append(items)
  }

  private mutating func remember(at index: Int) throws(CheckpointError) {
    let value = try pop()
    stack.append(value)
    memo[index] = value
  }

  private mutating func recall(_ index: Int) throws(CheckpointError) {
    guard let value = memo[index] else { throw damaged("its pickle recalls the value \(index), which it never had") }
    stack.append(value)
  }

  private mutating func extendList(_ values: [PickleValue]) throws(CheckpointError) {
    let list = try pop()
    guard case .list(let place) = list else { throw damaged("its pickle appends to \(list.kind)") }
    objects.items[place] += values
    stack.append(list)
  }

  private mutating func extendDictionary(_ values: [PickleValue]) throws(CheckpointError) {
    let dictionary = try pop()
    guard case .dictionary(let place) = dictionary, values.count.isMultiple(of: 2) else {
      throw damaged("its pickle sets \(values.count) keys and values of \(dictionary.kind)")
    }
    objects.items[place] += values
    stack.append(dictionary)
  }

  /// Little-endian bytes in two's complement.
  private func integer(_ bytes: Data) -> PickleValue {
    guard bytes.count <= 8 else { return .largeInteger }
    let isNegative = (bytes.last ?? 0) >= 0x80
    return .integer(bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) })
  }
}

// MARK: Functions and types

extension Unpickler {
  private mutating func global() throws(CheckpointError) -> PickleGlobal {
    let (module, name) = (try reader.line(), try reader.line())
    guard let global = PickleGlobal(module: module, name: name) else {
      throw .refused(
        file: reader.file,
        reason: "it asks for \(printable(module)).\(printable(name)), which is no part of a state dictionary; "
          + "save a model's state_dict() alone")
    }
    return global
  }

  private mutating func call() throws(CheckpointError) {
    let (arguments, function) = (try pop(), try pop())
    guard case .global(let global) = function, case .tuple(let place) = arguments else {
      throw damaged("its pickle calls \(function.kind) with \(arguments.kind)")
    }
    let values = objects.items[place]
    switch global {
    case .orderedDictionary: push(PickleValue.dictionary, try pairs(values))
    case .size:
      guard values.count == 1, case .tuple? = values.first else { throw damaged("its pickle makes a size of no tuple") }
      stack.append(values[0])
    case .rebuildParameter:
      guard case .tensor? = values.first else { throw damaged("its pickle makes a parameter of no tensor") }
      stack.append(values[0])
    case .rebuildTensor: try rebuildTensor(values, type: nil)
    case .rebuildTypedTensor:
      guard values.count >= 7, case .global(.type(let type)) = values[6] else {
        throw damaged("its pickle makes a tensor without a type")
      }
      try rebuildTensor(values, type: type)
    case .storage, .type: throw damaged("its pickle calls a type")
    }
  }

  /// What Python 2 gave an ordered dictionary: nothing, or a list of lists of a key and a value.
  private mutating func pairs(_ arguments: [PickleValue]) throws(CheckpointError) -> [PickleValue] {
    guard let argument = arguments.first else { return [] }
    guard arguments.count == 1, case .list(let place) = argument else {
      throw damaged("its pickle makes a dictionary of \(argument.kind)")
    }
    var result: [PickleValue] = []
    for pair in objects.items[place] {
      guard case .list(let place) = pair, objects.items[place].count == 2 else {
        throw damaged("its pickle makes a dictionary of \(pair.kind), wanted a key and a value")
      }
      result += objects.items[place]
    }
    // The list is used up, so that a small pickle can't have a long one copied again and again.
    objects.items[place] = []
    return result
  }

  /// A dictionary's attributes, as the `_metadata` of `state_dict()`, are no part of its value.
  private mutating func build() throws(CheckpointError) {
    _ = try pop()
    guard case .dictionary? = stack.last else { throw damaged("its pickle gives attributes to what has none") }
  }

  private mutating func rebuildTensor(_ arguments: [PickleValue], type: StoredType?) throws(CheckpointError) {
    guard arguments.count >= 4, case .storage(let place) = arguments[0], case .integer(let offset) = arguments[1],
      let shape = integers(arguments[2]), let strides = integers(arguments[3])
    else { throw damaged("its pickle makes a tensor of other than a storage, an offset, sizes and strides") }
    let storage = objects.storages[place]
    let type = type ?? storage.type
    guard
      let tensor = StridedTensor(
        storage: place, type: type, capacity: storage.count * storage.type.byteCount / type.byteCount, offset: offset,
        shape: shape, strides: strides)
    else {
      throw damaged(
        "a tensor of \(shape) with strides \(strides) from element \(offset) does not fit into its storage "
          + "'\(printable(storage.key))' of \(storage.count)")
    }
    stack.append(.tensor(objects.tensors.count))
    objects.tensors.append(tensor)
  }

  private func integers(_ value: PickleValue) -> [Int]? {
    // PyTorch's own limit on dimensions.
    guard case .tuple(let place) = value, objects.items[place].count <= 64 else { return nil }
    var result: [Int] = []
    for item in objects.items[place] {
      guard case .integer(let integer) = item else { return nil }
      result.append(integer)
    }
    return result
  }

  /// A storage by what torch.save calls it: ('storage', type, key, device, count), and in the old format None, or that
  /// it is a part of another, which has not been written since 2018.
  private mutating func storage(_ identifier: PickleValue) throws(CheckpointError) -> PickleValue {
    guard case .tuple(let place) = identifier, (5...6).contains(objects.items[place].count),
      case .text("storage") = objects.items[place][0], case .global(.storage(let type)) = objects.items[place][1],
      case .text(let key) = objects.items[place][2], case .integer(let count) = objects.items[place][4], count >= 0
    else { throw damaged("its pickle refers to something that is no storage") }
    if objects.items[place].count == 6, case let view = objects.items[place][5] {
      guard case .none = view else { throw damaged("the storage '\(printable(key))' is a part of another one") }
    }
    let storage = PickledStorage(key: key, type: type, count: count)
    guard storage.byteCount != nil else {
      throw damaged("the storage '\(printable(key))' of \(count) elements is larger than a computer can count")
    }
    if let known = storagePlaces[key] {
      guard objects.storages[known] == storage else {
        throw damaged("the storage '\(printable(key))' occurs with two types or sizes")
      }
      return .storage(known)
    }
    storagePlaces[key] = objects.storages.count
    objects.storages.append(storage)
    return .storage(objects.storages.count - 1)
  }
}

/// Text of a file as a part of a message of one line: short, and without control characters.
package func printable(_ text: String) -> String {
  let scalars = text.unicodeScalars.prefix(80).map { $0.properties.generalCategory == .control ? "?" : String($0) }
  return scalars.joined() + (text.unicodeScalars.count > 80 ? "…" : "")
}
