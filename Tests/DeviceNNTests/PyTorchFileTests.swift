import Foundation
import Testing

@testable import DeviceNN

@Suite struct PyTorchFileTests {
  // MARK: What torch.save wrote

  @Test(arguments: [(RecordedCheckpoints.zip, CheckpointFormat.pyTorch), (RecordedCheckpoints.old, .oldPyTorch)])
  func everyTensorOfARecordedFileIsRight(bytes: Data, format: CheckpointFormat) throws {
    let file = try PyTorchFile(bytes: bytes, path: "x")
    #expect(file.format == format)
    #expect(file.names == ["conv.weight", "conv.bias", "half", "brain", "double", "bn.num_batches_tracked"])
    #expect(try file.floats(named: "conv.weight", shape: [4, 3]) == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    #expect(try file.floats(named: "conv.bias", shape: [2]) == [5, 6])
    #expect(try file.floats(named: "half") == [0, 1, 2, 3])
    #expect(try file.floats(named: "brain") == [8, 9, 10, 11])
    #expect(try file.floats(named: "double") == [3, 7, 11])
    #expect(try file.integers(named: "bn.num_batches_tracked") == [7])
    #expect(file.shape(of: "bn.num_batches_tracked") == [])
    #expect(file.names.map { file.type(of: $0) } == [.float32, .float32, .float16, .bfloat16, .float64, .int64])
    #expect(!file.contains("other"))
    #expect(throws: CheckpointError.missingTensor(file: "x", tensor: "other")) { try file.record(named: "other") }
  }

  @Test func aTrainingCheckpointGivesItsStateDictionary() throws {
    let file = try PyTorchFile(bytes: RecordedCheckpoints.training, path: "x")
    #expect(file.names == ["w"])
    #expect(try file.floats(named: "w", shape: [3, 2]) == [0, 2, 4, 6, 8, 10])
    #expect(file.metadata == ["epoch": "3", "arch": "tiny"])
  }

  // MARK: What our own writers write

  private let w = Pickle.storage("0", count: 6)
  private let wBytes = floatBytes([1, 2, 3, 4, 5, 6])

  private func file(_ value: [UInt8], isZip64: Bool = true) throws -> PyTorchFile {
    var sample = ZipSample(pyTorchEntries(value, storages: [("0", wBytes)]))
    sample.isZip64 = isZip64
    return try PyTorchFile(bytes: sample.bytes, path: "x")
  }

  @Test(arguments: ["state_dict", "model", "model_state_dict"]) func stateDictionariesAreFound(key: String) throws {
    let state = Pickle.dictionary([("w", Pickle.tensor(w, [2, 3], strides: [3, 1]))])
    let optimizer = Pickle.dictionary([("state", Pickle.list([Pickle.tuple([Pickle.none, Pickle.integer(-5)])]))])
    let members = [
      ("epoch", Pickle.integer(300)), ("best", Pickle.number(71.5)), ("done", Pickle.flag(false)),
      ("scaler", Pickle.none),
      ("optimizer", optimizer), (key, state),
    ]
    let file = try file(Pickle.dictionary(members))
    #expect(file.names == ["w"])
    #expect(file.metadata == ["epoch": "300", "best": "71.5", "done": "false"])
  }

  @Test func aTensorCalledModelIsNoStateDictionary() throws {
    let tensor = Pickle.tensor(w, [6], strides: [1])
    #expect(try file(Pickle.dictionary([("model", tensor), ("x", tensor)])).names == ["model", "x"])
  }

  @Test func prefixesOfWrappersAreRemoved() throws {
    let tensor = Pickle.tensor(w, [6], strides: [1])
    for prefix in ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."] {
      let file = try file(Pickle.dictionary([(prefix + "a.b", tensor), (prefix + "module", tensor)]))
      #expect(file.names == ["a.b", "module"])
    }
    // A part of the network may have that name.
    #expect(try file(Pickle.dictionary([("module.a", tensor), ("b", tensor)])).names == ["module.a", "b"])
  }

  @Test func stridesOffsetsAndSharedStorages() throws {
    let cases: [(name: String, offset: Int, shape: [Int], strides: [Int], values: [Float])] = [
      ("all", 0, [2, 3], [3, 1], [1, 2, 3, 4, 5, 6]), ("transposed", 0, [3, 2], [1, 3], [1, 4, 2, 5, 3, 6]),
      ("tail", 4, [2], [1], [5, 6]), ("every other", 1, [3], [2], [2, 4, 6]), ("last", 5, [], [], [6]),
      ("one of each", 3, [1, 1], [100, Int.max], [4]), ("column", 1, [2, 1], [3, 9], [2, 5]),
      ("twice", 2, [2], [0], [3, 3]), ("nothing", 6, [0, 3], [3, 1], []),
      ("overlapping", 0, [2, 2], [1, 1], [1, 2, 2, 3]),
      ("deep", 0, [1, 3, 1, 2], [6, 1, 1, 3], [1, 4, 2, 5, 3, 6]),
    ]
    let members = cases.map { ($0.name, Pickle.tensor(w, offset: $0.offset, $0.shape, strides: $0.strides)) }
    for isZip64 in [true, false] {
      let file = try file(Pickle.dictionary(members), isZip64: isZip64)
      for wanted in cases {
        #expect(try file.floats(named: wanted.name, shape: wanted.shape) == wanted.values, "\(wanted)")
      }
    }
    let old = oldPyTorchFile(
      Pickle.dictionary([("w", Pickle.tensor(Pickle.storage("0", count: 6, isOld: true), offset: 3, [3], strides: [1]))]
      ),
      storages: [("0", 6, wBytes)])
    #expect(try PyTorchFile(bytes: old, path: "x").floats(named: "w") == [4, 5, 6])
  }

  @Test func aTensorInOrderIsNotCopied() throws {
    let bytes = ZipSample(
      pyTorchEntries(
        Pickle.dictionary([("w", Pickle.tensor(w, offset: 2, [2], strides: [1]))]), storages: [("0", wBytes)])
    ).bytes
    let record = try PyTorchFile(bytes: bytes, path: "x").record(named: "w")
    let isInside = bytes.withUnsafeBytes { whole in
      record.bytes.withUnsafeBytes {
        whole.baseAddress! < $0.baseAddress! && $0.baseAddress! < whole.baseAddress! + whole.count
      }
    }
    #expect(isInside)
  }

  @Test func otherTypesAndPythonTwo() throws {
    // Types without a storage of their own: their storages are bytes.
    let untyped = Pickle.tuple([
      Pickle.text("storage"), Pickle.global("torch.storage", "UntypedStorage"), Pickle.text("1"), Pickle.text("cpu"),
      Pickle.integer(6),
    ])
    let typed = Pickle.call(
      "torch._utils", "_rebuild_tensor_v3",
      [
        untyped + [0x51], Pickle.integer(1), Pickle.tuple([Pickle.integer(2)]), Pickle.tuple([Pickle.integer(1)]),
        Pickle.flag(false), Pickle.orderedDictionary, Pickle.global("torch", "uint16"),
      ])
    // Python 2 pickled an ordered dictionary as a list of pairs, and text as bytes.
    let key: [UInt8] = [0x55, 1] + Array("u".utf8)
    let value = Pickle.call("collections", "OrderedDict", [Pickle.list([Pickle.list([key, typed])])])
    let bytes = ZipSample(pyTorchEntries(value, storages: [("1", [1, 0, 2, 0, 3, 1])])).bytes
    let file = try PyTorchFile(bytes: bytes, path: "x")
    #expect(file.type(of: "u") == .uint16)
    #expect(try file.integers(named: "u") == [2, 259])
  }

  @Test func attributesOfADictionaryAreIgnored() throws {
    let metadata = Pickle.dictionary([("_metadata", Pickle.orderedDictionary)])
    let state = Pickle.orderedDictionary + Pickle.text("w") + Pickle.tensor(w, [6], strides: [1]) + [0x73]
    #expect(try file(state + metadata + [0x62]).names == ["w"])
  }
}
