import Foundation
import Testing

@testable import DeviceNN

/// Files that are broken, or made to do harm.
@Suite struct PyTorchDamageTests {
  private static let w = Pickle.storage("0", count: 4)
  private static let wBytes = floatBytes([1, 2, 3, 4])
  private static let tensor = Pickle.tensor(w, [2, 2], strides: [2, 1])

  private static func file(_ value: [UInt8]) -> Data {
    ZipSample(pyTorchEntries(value, storages: [("0", wBytes)])).bytes
  }

  private static func zip(_ change: (inout ZipSample) -> Void) -> Data {
    var sample = ZipSample(pyTorchEntries(Pickle.dictionary([("w", tensor)]), storages: [("0", wBytes)]))
    change(&sample)
    return sample.bytes
  }

  private func message(_ bytes: Data) throws -> String {
    let error = try #require(throws: CheckpointError.self) { _ = try PyTorchFile(bytes: bytes, path: "bad.pth") }
    #expect(error.description.hasPrefix("bad.pth") && !error.description.contains("\n"))
    return error.description
  }

  // MARK: Nothing is called

  @Test(arguments: [
    ("os", "system"), ("posix", "system"), ("__builtin__", "eval"), ("builtins", "exec"), ("subprocess", "Popen"),
    ("torch", "load"), ("torch.storage", "_load_from_bytes"), ("collections", "OrderedDict.fromkeys"),
    ("torch._utils", "_rebuild_tensor_v2.__globals__"), ("torchvision.models.resnet", "ResNet"),
  ])
  func otherFunctionsAreRefusedByName(module: String, name: String) throws {
    let marker = "/tmp/devicenn-was-executed"
    let call = Pickle.call(module, name, [Pickle.text("touch \(marker)")])
    for value in [call, Pickle.dictionary([("w", Self.tensor), ("x", call)]), Pickle.global(module, name)] {
      let old = oldPyTorchFile(value, storages: [("0", 4, Self.wBytes)])
      for bytes in [Self.file(value), old] {
        #expect(
          throws: CheckpointError.refused(
            file: "x",
            reason:
              "it asks for \(module).\(name), which is no part of a state dictionary; save a model's state_dict() alone"
          )
        ) { try PyTorchFile(bytes: bytes, path: "x") }
      }
    }
    #expect(!FileManager.default.fileExists(atPath: marker))
  }

  @Test func namesOfFunctionsCannotForgeMessages() throws {
    let name = "evil\r\u{1B}[2J" + String(repeating: "x", count: 10_000)
    #expect(try message(Self.file(Pickle.global("os", name))).utf8.count < 300)
  }

  /// INST, OBJ, NEWOBJ, STACK_GLOBAL, EXT1, PERSID and GET are other ways to call or to name something.
  @Test(arguments: [0x69, 0x6F, 0x81, 0x93, 0x82, 0x50, 0x67, 0x8C, 0x95, 0x94, 0xFF] as [UInt8])
  func otherOpcodesAreDamage(code: UInt8) throws {
    let value = Pickle.global("collections", "OrderedDict") + Pickle.emptyTuple + [code]
    #expect(
      try message(Self.file(value)).contains("has the opcode \(code) at byte 28, which state dictionaries don't use"))
  }

  // MARK: Every prefix

  @Test(arguments: [RecordedCheckpoints.zip, RecordedCheckpoints.old, RecordedCheckpoints.training, Self.zip { _ in }])
  func everyTruncationIsNoticed(whole: Data) {
    for count in 0..<whole.count {
      #expect(throws: CheckpointError.self, "\(count) bytes") { try PyTorchFile(bytes: whole.prefix(count), path: "x") }
    }
  }

  @Test func everyTruncatedPickleIsNoticed() {
    let program = Pickle.program(Pickle.dictionary([("w", Self.tensor), ("x", Self.tensor)]))
    for count in 0..<program.count {
      let bytes = ZipSample([("a/data.pkl", Array(program.prefix(count))), ("a/data/0", Self.wBytes)]).bytes
      #expect(throws: CheckpointError.self, "\(count) bytes") { try PyTorchFile(bytes: bytes, path: "x") }
    }
  }

  // MARK: Pickles

  @Test(
    arguments: [
      ("no state", Pickle.integer(1), "it holds an int, wanted a state dictionary"),
      ("a list", Pickle.list([tensor]), "it holds a list, wanted a state dictionary"),
      ("a tensor", tensor, "it holds a tensor, wanted a state dictionary"),
      ("an empty one", Pickle.dictionary([]), "there are no tensors in its dictionary of nothing"),
      ("no tensors", Pickle.dictionary([("a", Pickle.none)]), "there are no tensors in its dictionary of 'a'"),
      (
        "deeper tensors", Pickle.dictionary([("net", Pickle.dictionary([("w", tensor)]))]), "in its dictionary of 'net'"
      ),
      ("two of one name", Pickle.dictionary([("w", tensor), ("w", tensor)]), "it has the name 'w' twice"),
      ("an empty stack", [0x30], "opcode 48"), ("nothing to stop with", [], "takes a value that is not there"),
      ("no mark", [0x74], "lacks a mark"),
      ("a tuple across a mark", [0x4E, 0x28, 0x4E, 0x86], "takes a value that is not there"),
      ("a value never had", [0x68, 9], "recalls the value 9, which it never had"),
      ("half a pair", [0x7D, 0x28] + Pickle.none + [0x75], "sets 1 keys and values of a dictionary"),
      ("items of a number", Pickle.integer(1) + Pickle.none + Pickle.none + [0x73], "sets 2 keys and values of an int"),
      ("appending to a tensor", tensor + Pickle.none + [0x61], "appends to a tensor"),
      ("calling a number", Pickle.integer(1) + Pickle.emptyTuple + [0x52], "calls an int with a tuple"),
      (
        "calling with no tuple", Pickle.global("torch", "Size") + Pickle.none + [0x52],
        "calls a function or type with None"
      ),
      ("a size of a number", Pickle.call("torch", "Size", [Pickle.integer(1)]), "makes a size of no tuple"),
      (
        "a parameter of nothing", Pickle.call("torch._utils", "_rebuild_parameter", []),
        "makes a parameter of no tensor"
      ),
      ("a storage called", Pickle.call("torch", "FloatStorage", []), "calls a type"),
      ("a tensor of nothing", Pickle.call("torch._utils", "_rebuild_tensor_v2", []), "makes a tensor of other than"),
      ("attributes of a number", Pickle.integer(1) + Pickle.none + [0x62], "gives attributes to what has none"),
      ("an unknown reference", Pickle.text("x") + [0x51], "refers to something that is no storage"),
      ("text that is none", [0x55, 2, 0xC3, 0x28], "are no text in UTF-8"),
      ("a text of 4 GB", [0x58, 0xFF, 0xFF, 0xFF, 0xFF], "4294967295 bytes were wanted"),
      ("a later protocol", [0x80, 4] + Pickle.none, "pickled with protocol 4, wanted 2 at most"),
    ] as [(String, [UInt8], String)])
  func wrongPickles(what: String, value: [UInt8], words: String) throws {
    #expect(try message(Self.file(value)).contains(words), "\(what)")
  }

  @Test(
    arguments: [
      ("a row too many", 0, [3, 2], [2, 1]), ("an offset too far", 1, [2, 2], [2, 1]),
      ("a stride too long", 0, [2, 2], [3, 1]),
      ("a negative offset", -1, [2], [1]), ("a negative extent", 0, [-2], [1]), ("a negative stride", 3, [2], [-1]),
      ("an expanded tensor", 0, [1 << 40], [0]), ("one element behind", 4, [], []), ("few strides", 0, [2, 2], [1]),
      ("a product of 2^64", 0, [1 << 32, 1 << 32], [0, 0]),
      ("a product of 2^64 times 0", 0, [1 << 32, 1 << 32, 0], [1, 1, 1]),
      ("a reach of 2^64", 0, [2, 2], [.max, .max]), ("an offset of 2^63", .max, [2], [1]),
      ("65 dimensions", 0, Array(repeating: 1, count: 65), Array(repeating: 1, count: 65)),
    ] as [(String, Int, [Int], [Int])])
  func tensorsOutsideOfTheirStorage(what: String, offset: Int, shape: [Int], strides: [Int]) throws {
    let words = try message(
      Self.file(Pickle.dictionary([("w", Pickle.tensor(Self.w, offset: offset, shape, strides: strides))])))
    #expect(
      words.contains("does not fit into its storage '0' of 4") || words.contains("makes a tensor of other than"),
      "\(what)")
  }

  @Test(
    arguments: [
      ("a storage that is not there", Pickle.storage("1", count: 4), "lacks the storage 'archive/data/1'"),
      ("a path", Pickle.storage("../../0", count: 4), "lacks the storage 'archive/data/../../0'"),
      ("too small a storage", Pickle.storage("0", count: 5), "'archive/data/0' has 16 bytes, wanted 20"),
      ("too large a storage", Pickle.storage("0", "HalfStorage", count: 4), "'archive/data/0' has 16 bytes, wanted 8"),
      ("a storage of 2^62 elements", Pickle.storage("0", count: 1 << 62), "larger than a computer can count"),
      ("a negative storage", Pickle.storage("0", count: -4), "refers to something that is no storage"),
      ("complex numbers", Pickle.storage("0", "ComplexFloatStorage", count: 2), "asks for torch.ComplexFloatStorage"),
    ] as [(String, [UInt8], String)])
  func wrongStorages(what: String, storage: [UInt8], words: String) throws {
    let value = Pickle.dictionary([("w", Pickle.tensor(storage, [1], strides: [1]))])
    #expect(try message(Self.file(value)).contains(words), "\(what)")
  }

  @Test func oneStorageOfTwoTypes() throws {
    let other = Pickle.tensor(Pickle.storage("0", "IntStorage", count: 4), [1], strides: [1])
    #expect(
      try message(Self.file(Pickle.dictionary([("a", Self.tensor), ("b", other)]))).contains(
        "occurs with two types or sizes"))
  }

  // MARK: Pickles that would use up memory or the stack

  @Test func deepNestingIsHarmless() throws {
    let depth = 1_000_000
    let lists = [UInt8](repeating: 0x5D, count: depth) + [UInt8](repeating: 0x61, count: depth - 1)
    #expect(try message(Self.file(lists)).contains("it holds a list"))
    let tuples = Pickle.none + [UInt8](repeating: 0x85, count: depth)
    #expect(try message(Self.file(tuples)).contains("it holds a tuple"))
    let marks = [UInt8](repeating: 0x28, count: depth)
    #expect(try message(Self.file(marks)).contains("takes a value that is not there"))
    let state = Pickle.dictionary([("w", Self.tensor), ("deep", lists)])
    #expect(try PyTorchFile(bytes: Self.file(state), path: "x").names == ["w"])
  }

  @Test func aDictionaryThatContainsItselfIsHarmless() throws {
    // memo[0] = d = {}; d["model"] = d; d["w"] = tensor
    let value = [0x7D, 0x71, 0] + Pickle.text("model") + [0x68, 0, 0x73] + Pickle.text("w") + Self.tensor + [0x73]
    #expect(try PyTorchFile(bytes: Self.file(value), path: "x").names == ["w"])
    let list: [UInt8] = [0x5D, 0x71, 0, 0x68, 0, 0x61]
    #expect(try message(Self.file(list)).contains("it holds a list"))
  }

  @Test func billionLaughsAreHarmless() throws {
    // Each list holds the last one ten times.
    var value = Pickle.list([Pickle.text("lol")]) + [0x71, 0]
    for level in 1...60 as ClosedRange<UInt8> {
      value += Pickle.list(Array(repeating: [0x68, level - 1], count: 10)) + [0x71, level]
    }
    let state = Pickle.dictionary([("w", Self.tensor), ("laughs", value)])
    #expect(try PyTorchFile(bytes: Self.file(state), path: "x").names == ["w"])
    // A dictionary made of one long list of pairs, again and again.
    let pair = Pickle.list([Pickle.none, Pickle.none])
    let pairs =
      [0x5D, 0x28] + pair + [0x71, 1]
      + (0..<50_000).flatMap { _ in [0x68, 1] as [UInt8] } + [0x65, 0x71, 0]
    let call = Pickle.global("collections", "OrderedDict") + [0x68, 0, 0x85, 0x52]
    let calls = (0..<50_000).flatMap { _ in call }
    let all = Pickle.dictionary([("w", Self.tensor), ("x", Pickle.tuple([pairs + calls]))])
    #expect(try PyTorchFile(bytes: Self.file(all), path: "x").names == ["w"])
  }

  @Test func aPickleOfMoreThanItsLimitIsNoStateDictionary() throws {
    // Recalls one value again and again.
    let value = Pickle.none + [0x71, 0x68] + [UInt8](repeating: 0x68, count: Unpickler.maxByteCount)
    #expect(try message(Self.file(value)).contains("bytes, and 4194304 are the most"))
    let old = oldPyTorchFile(value, storages: [])
    #expect(throws: CheckpointError.self) { try PyTorchFile(bytes: old, path: "x") }
  }

  // MARK: Zip archives

  @Test(
    arguments: [
      (
        "a comment is fine, its loss is not", zip { $0.comment = "hello" }.dropLast(),
        "no directory at its end: truncated?"
      ),
      ("bytes behind the archive", zip { _ in } + [0], "no directory at its end"),
      ("a compressed entry", zip { $0.entries[0].method = 8 }, "'archive/data.pkl' is compressed or encrypted"),
      ("an encrypted entry", zip { $0.entries[2].flags = 1 }, "'archive/data/0' is compressed or encrypted"),
      (
        "a size beyond the file", zip { $0.entries[2].size = 1 << 31 }, "'archive/data/0' of 2147483648 bytes runs into"
      ),
      ("a size beyond the entry", zip { $0.entries[0].size = 10_000 }, "runs into the zip directory"),
      (
        "an overlap", zip { $0.entries[1].size = 20 },
        "the entries 'archive/byteorder' and 'archive/data/0' of the zip archive overlap"
      ),
      ("another stored size", zip { $0.entries[2].storedSize = 4 }, "'archive/data/0' of 16 bytes is stored in 4"),
      ("a start beyond the file", zip { $0.entries[2].start = 0x7FFF_FFFF }, "refers to byte 2147483647"),
      ("a start at no header", zip { $0.entries[2].start = 1 }, "'archive/data/0' is not at byte 1"),
      ("a start at another entry", zip { $0.entries[2].start = 0 }, "calls 'archive/data.pkl' 'archive/data/0'"),
      ("another name", zip { $0.entries[2].localName = "archive/data/1" }, "calls 'archive/data/1' 'archive/data/0'"),
      ("two of one name", zip { $0.entries.append($0.entries[2]) }, "has the entry 'archive/data/0' twice"),
      ("no pickle", zip { $0.entries.removeFirst() }, "with 0 files called data.pkl"),
      ("two pickles", zip { $0.entries.append(.init(name: "b/data.pkl", bytes: [])) }, "with 2 files called data.pkl"),
      ("big-endian numbers", zip { $0.entries[1].bytes = Array("big".utf8) }, "its numbers are not little-endian"),
      ("too few entries", zip { $0.entryCount = 9 }, "its zip directory has 3 entries, and says 9"),
      ("2^62 entries", zip { $0.entryCount = 1 << 62 }, "and says 4611686018427387904"),
      ("a negative number of entries", zip { $0.entryCount = -1 }, "it counts 18446744073709551615"),
      ("a directory elsewhere", zip { $0.directoryStart = 0 }, "at byte 0 does not end at byte"),
      ("a directory at 2^63", zip { $0.directoryStart = .min }, "it counts 9223372036854775808"),
      ("large sizes that are not there", zip { $0.entries[2].size = .max }, "2 bytes were wanted"),
      (
        "a size of 2^63 - 1",
        zip {
          $0.entries[2].size = .max
          $0.entries[2].extra =
            littleEndian(1 as UInt16) + littleEndian(16 as UInt16) + littleEndian(Int.max) + littleEndian(Int.max)
        },
        "'archive/data/0' of 9223372036854775807 bytes runs into"
      ),
      ("an archive of something else", ZipSample([("a.txt", [1])]).bytes, "with 0 files called data.pkl"),
      ("an empty archive", ZipSample([]).bytes, "with 0 files called data.pkl"),
    ] as [(String, Data, String)])
  func wrongArchives(what: String, bytes: Data, words: String) throws {
    let message = try message(bytes)
    #expect(message.contains(words), "\(what): \(message)")
  }

  @Test func sizesOf64BitsAreRead() throws {
    let bytes = Self.zip {
      $0.comment = "hello"
      $0.entries[2].size = .max
      $0.entries[2].extra =
        littleEndian(0x5455 as UInt16) + [1, 0, 7] + littleEndian(1 as UInt16) + littleEndian(16 as UInt16)
      $0.entries[2].extra += littleEndian(16) + littleEndian(16)
    }
    #expect(try PyTorchFile(bytes: bytes, path: "x").floats(named: "w") == [1, 2, 3, 4])
  }

  // MARK: The old format

  @Test func wrongFilesOfTheOldFormat() throws {
    let storage = Pickle.storage("0", count: 4, isOld: true)
    let value = Pickle.dictionary([("w", Pickle.tensor(storage, [4], strides: [1]))])
    func old(_ storages: [(String, count: Int, [UInt8])]) throws -> String {
      try message(oldPyTorchFile(value, storages: storages))
    }
    #expect(try old([]).contains("it lacks the storage '0'"))
    #expect(try old([("1", 4, Self.wBytes)]).contains("no tensor uses its storage '1'"))
    #expect(try old([("0", 5, Self.wBytes)]).contains("has 5 elements, wanted 4"))
    #expect(try old([("0", -1, Self.wBytes)]).contains("it counts 18446744073709551615"))
    #expect(try old([("0", 4, Self.wBytes + [0])]).contains("its storages end at byte"))
    #expect(try old([("0", 4, Self.wBytes), ("0", 4, Self.wBytes)]).contains("has the storage '0' twice"))
    let part = Pickle.tuple([
      Pickle.text("storage"), Pickle.global("torch", "FloatStorage"), Pickle.text("0"), Pickle.text("cpu"),
      Pickle.integer(4),
      Pickle.tuple([Pickle.text("1"), Pickle.integer(0), Pickle.integer(4)]),
    ])
    let view = Pickle.dictionary([("w", Pickle.tensor(part + [0x51], [4], strides: [1]))])
    #expect(try message(oldPyTorchFile(view, storages: [])).contains("is a part of another one"))
    let headless = PyTorchFile.oldSignature + Pickle.program(Pickle.integer(1002))
    #expect(try message(Data(headless)).contains("another protocol than 1001"))
    let system = Pickle.program(Pickle.dictionary([("little_endian", Pickle.flag(false))]))
    #expect(
      try message(Data(PyTorchFile.oldSignature + Pickle.program(Pickle.integer(1001)) + system)).contains(
        "little-endian"))
  }
}
