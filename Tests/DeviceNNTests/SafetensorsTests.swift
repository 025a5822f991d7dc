import Foundation
import Testing

@testable import DeviceNN

@Suite struct SafetensorsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  // MARK: What is written is read

  @Test func everyTensorComesBack() throws {
    let path = folder.path(of: "a.safetensors")
    let records = [
      TensorRecord(name: "step", shape: [], [Int64(1 << 40)]),
      TensorRecord(name: "classifier.weight", shape: [2, 3], [0, -1.5, .pi, .infinity, 0x1p-140, 3] as [Float]),
      TensorRecord(name: "bytes", shape: [3], [1, 2, 255] as [UInt8]),
      TensorRecord(name: "epochs", shape: [2], [-7, 9] as [Int32]),
      TensorRecord(name: "nothing", shape: [0, 4], [] as [Float]),
    ]
    try writeSafetensors(records, metadata: ["format": "pt", "wer\"d\\\n": "Blüte 🌼\u{1}"], to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["format": "pt", "wer\"d\\\n": "Blüte 🌼\u{1}"])
    #expect(file.names == ["step", "classifier.weight", "nothing", "epochs", "bytes"].sorted(by: fileOrder(file)))
    for record in records { #expect(try file.record(named: record.name) == record) }
    #expect(try file.floats(named: "classifier.weight", shape: [2, 3]) == [0, -1.5, .pi, .infinity, 0x1p-140, 3])
    #expect(try file.integers(named: "step") == [1 << 40])
    #expect(try file.integers(named: "epochs") == [-7, 9])
    #expect(folder.contents == ["a.safetensors"])
  }

  private func fileOrder(_ file: SafetensorsFile) -> (String, String) -> Bool {
    { (file.type(of: $1)!.byteCount, $0) < (file.type(of: $0)!.byteCount, $1) }
  }

  @Test func theDataIsAlignedAndTheBytesDoNotDependOnTheOrder() throws {
    let records = (1...9).map {
      TensorRecord(name: String(repeating: "x", count: $0), shape: [$0], Array(repeating: Float($0), count: $0))
    }
    for count in 1...9 {
      let (a, b) = (folder.path(of: "a"), folder.path(of: "b"))
      try writeSafetensors(Array(records.prefix(count)), to: a)
      try writeSafetensors(records.prefix(count).reversed(), to: b)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: a))
      #expect(bytes[0] % 8 == 0)
      #expect(bytes == (try Data(contentsOf: URL(fileURLWithPath: b))))
    }
  }

  @Test func halvesAreWhatTheyShouldBe() {
    let cases: [(UInt16, Float)] = [
      (0x0000, 0), (0x3C00, 1), (0xC000, -2), (0x7BFF, 65504), (0x0400, 0x1p-14), (0x0001, 0x1p-24),
      (0x03FF, 0x1.ff8p-15), (0x3555, 0x1.554p-2), (0x7C00, .infinity), (0xFC00, -.infinity),
    ]
    for (bits, value) in cases { #expect(float(half: bits) == value) }
    #expect(float(half: 0x8000).sign == .minus)
    #expect(float(half: 0x7E00).isNaN)
    #expect(float(bfloat16: 0x3FC0) == 1.5)
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func allHalvesAgreeWithTheProcessor() {
      for bits in UInt16.min...UInt16.max {
        let wanted = Float(Float16(bitPattern: bits))
        #expect(float(half: bits) == wanted || wanted.isNaN && float(half: bits).isNaN)
      }
    }
  #endif

  @Test func otherFloatingPointTypesAreConverted() throws {
    let header =
      #"{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"#
      + #""b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},"d":{"dtype":"F64","shape":[1],"data_offsets":[6,14]}}"#
    let data: [UInt8] = [0x00, 0x3C, 0x00, 0xC0, 0xC0, 0x3F] + withUnsafeBytes(of: 0.25) { Array($0) }
    let file = try SafetensorsFile(bytes: safetensors(header, data), path: "x")
    #expect(file.names == ["h", "b", "d"])
    #expect(try file.floats(named: "h") == [1, -2])
    #expect(try file.floats(named: "b") == [1.5])
    #expect(try file.floats(named: "d") == [0.25])
  }

  // MARK: Bad files

  @Test(
    arguments: [
      ("a short file", Data([1, 2, 3]), "it has 3 bytes, and the header's length alone takes 8"),
      ("no file at all", Data(), "it has 0 bytes, and the header's length alone takes 8"),
      (
        "a header beyond the file", safetensors("{}", length: 1000), "claims a header of 1000 bytes, but 2 bytes follow"
      ),
      (
        "a header of 2^63", safetensors("{}", length: 1 << 63),
        "claims a header of 9223372036854775808 bytes, and 100 MB"
      ),
      ("no JSON", safetensors("hello"), "is not the JSON of one: wanted '{' at byte 0, found byte 104"),
      ("half of the JSON", safetensors(#"{"a":{"dtype":"#), "wanted '\"' at byte 14, found its end"),
      ("more than an object", safetensors("{} {}"), "wanted nothing more at byte 3"),
      ("a list", safetensors("[]"), "wanted '{'"),
      (
        "an unknown type", safetensors(entry("F31", "1", 0, 4), bytes: 4),
        "gives tensor 'w' the unknown type 'F31', wanted one of F64"
      ),
      (
        "no shape", safetensors(#"{"w":{"dtype":"F32","data_offsets":[0,4]}}"#, bytes: 4),
        "lacks the dtype, the shape or"
      ),
      (
        "three offsets", safetensors(#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, bytes: 4),
        "the two data_offsets of tensor 'w'"
      ),
      ("a negative extent", safetensors(entry("F32", "-1", 0, 4), bytes: 4), "wanted a whole number"),
      ("a fraction", safetensors(entry("F32", "1.5", 0, 4), bytes: 4), "wanted ']'"),
      (
        "an extent of 2^70", safetensors(entry("F32", "1180591620717411303424", 0, 4), bytes: 4),
        "wanted a whole number below 2^63"
      ),
      (
        "a size that overflows", safetensors(entry("F32", "4611686018427387904,4", 0, 4), bytes: 4),
        "damaged at tensor 'w': found the shape"
      ),
      (
        "a wrong size", safetensors(entry("F32", "2,3", 0, 20), bytes: 20),
        "damaged at tensor 'w': found bytes 0..<20, wanted 24 bytes for [2, 3] of F32"
      ),
      ("an end before the start", safetensors(entry("F32", "1", 8, 4), bytes: 8), "found bytes 8..<4"),
      (
        "truncated data", safetensors(entry("F32", "2", 0, 8), bytes: 5),
        "found 5 bytes of data in the file: truncated?, wanted at least 8"
      ),
      (
        "data behind the last tensor", safetensors(entry("F32", "1", 0, 4), bytes: 5),
        "its tensors end at byte 4 of 5 bytes"
      ),
      (
        "a hole", safetensors(entry("F32", "1", 4, 8), bytes: 8), "found a start at byte 4 that leaves a hole, wanted 0"
      ),
      (
        "an overlap",
        safetensors(
          #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
          bytes: 8),
        "damaged at tensor 'b': found a start at byte 4 that overlaps, wanted 8"
      ),
      (
        "two of one name",
        safetensors(
          #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
          bytes: 2),
        "has the name 'a' twice"
      ),
      ("a name that is no UTF-8", safetensors(Data([0x7B, 0x22, 0xFF, 0x22])), "wanted text in UTF-8"),
      ("half a surrogate pair", safetensors(#"{"\ud83c":{}}"#), "wanted a pair of surrogates"),
      ("metadata that is no text", safetensors(#"{"__metadata__":{"a":1}}"#), "wanted '\"'"),
    ] as [(String, Data, String)])
  func damageIsNamed(what: String, bytes: Data, message: String) throws {
    let path = folder.path(of: "bad.safetensors")
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = try #require(throws: CheckpointError.self) { _ = try SafetensorsFile(path: path) }
    let description = error.description
    #expect(description.hasPrefix(path), "\(what)")
    #expect(description.contains(message), "\(what): \(description)")
    #expect(!description.contains("\n"))
  }

  @Test func everyTruncationIsNoticed() throws {
    let path = folder.path(of: "a")
    try writeSafetensors([("w", [3], [1, 2, 3]), ("b", [1], [4])], metadata: ["k": "v"], to: path)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for count in 0..<whole.count {
      #expect(throws: CheckpointError.self) { try SafetensorsFile(bytes: whole.prefix(count), path: path) }
    }
  }

  @Test func filesThatCannotBeReadAreNamed() throws {
    let missing = folder.path(of: "missing")
    #expect(throws: CheckpointError.unreadable(file: missing, reason: "there is no such file")) {
      try SafetensorsFile(path: missing)
    }
    #expect(throws: CheckpointError.unreadable(file: folder.path, reason: "it is a folder")) {
      try SafetensorsFile(path: folder.path)
    }
  }

  @Test func whatAModelMissesIsSaidInOneLine() throws {
    let path = folder.path(of: "a")
    try writeSafetensors([("w", [3], [1, 2, 3]), ("b", [1], [4])], to: path)
    let file = try SafetensorsFile(path: path)
    try file.check([("w", [3])])
    #expect(throws: CheckpointError.missingTensor(file: path, tensor: "v")) { try file.floats(named: "v") }
    #expect(throws: CheckpointError.wrongShape(file: path, tensor: "w", found: [3], wanted: [1, 3])) {
      try file.floats(named: "w", shape: [1, 3])
    }
    let wanted = [("w", [3, 1]), ("b", [1]), ("c", [2]), ("d", [2]), ("e", [2])]
    let error = try #require(throws: CheckpointError.self) { try file.check(wanted) }
    #expect(
      error.description == "\(path) does not fit the model: tensor 'w' has the shape [3], wanted [3, 1]; "
        + "tensor 'c' [2] is missing; tensor 'd' [2] is missing; and 1 more")
  }

  @Test func integersAreNoFloats() throws {
    let path = folder.path(of: "a")
    try writeSafetensors([TensorRecord(name: "n", shape: [1], [Int64(3)])], to: path)
    let error = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: path).floats(named: "n") }
    #expect(error?.description == "\(path): tensor 'n' is of type I64, wanted F32, F16, BF16 or F64")
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: mobileNet), "there is no \(mobileNet)"))
  func aPublishedCheckpointIsRead() throws {
    let file = try SafetensorsFile(path: mobileNet)
    for name in file.names where file.type(of: name) == .float32 {
      #expect(try file.floats(named: name).allSatisfy(\.isFinite))
    }
    let error = #expect(throws: CheckpointError.self) {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: mobileNet))
      _ = try SafetensorsFile(bytes: bytes.dropLast(100), path: "cut")
    }
    #expect(error?.description.contains("truncated?") == true)
  }

  // MARK: Beside the format's own library

  @Test(.enabled(if: Python.hasSafetensors, "no Python with safetensors (set DEVICENN_PYTHON)"))
  func pythonReadsOursAndWeReadPythons() throws {
    let ours = folder.path(of: "ours")
    let theirs = folder.path(of: "theirs")
    try writeSafetensors(
      [
        TensorRecord(name: "odd", shape: [3], [1, 2, 3] as [UInt8]),
        TensorRecord(name: "w", shape: [2, 2], [1, 2, 3, 4.5] as [Float]),
        TensorRecord(name: "step", shape: [], [Int64(12)]), TensorRecord(name: "empty", shape: [0], [] as [Float]),
      ], metadata: ["größe": "\"7\""], to: ours)
    let script = """
      import sys, torch
      from safetensors import safe_open
      from safetensors.torch import save_file
      with safe_open(sys.argv[1], 'pt') as f:
        assert f.metadata() == {'größe': '"7"'}, f.metadata()
        t = {k: f.get_tensor(k) for k in f.keys()}
      assert t['odd'].tolist() == [1, 2, 3] and t['odd'].dtype == torch.uint8
      assert t['w'].tolist() == [[1, 2], [3, 4.5]] and t['step'].item() == 12 and t['empty'].shape == (0,)
      x = torch.arange(-3, 3) / 7
      save_file({'f16': x.half(), 'bf16': x.bfloat16(), 'f64': x.double(), 'f32': x.float(), 'i64': torch.arange(5),
        'b': torch.tensor([True, False, True])}, sys.argv[2], {'a': 'ü'})
      print(*x.half().float().tolist(), *x.bfloat16().float().tolist(), *x.double().float().tolist())
      """
    let output = try Python.run(script, [ours, theirs])
    let values = output.split(whereSeparator: \.isWhitespace).map { Float(Double($0)!) }
    let file = try SafetensorsFile(path: theirs)
    #expect(try file.floats(named: "f16") + file.floats(named: "bf16") + file.floats(named: "f64") == values)
    #expect(try file.floats(named: "f32") == file.floats(named: "f64"))
    #expect(try file.integers(named: "i64") == [0, 1, 2, 3, 4])
    #expect(try file.integers(named: "b") == [1, 0, 1])
    #expect(file.metadata == ["a": "ü"])
  }
}

// MARK: Files made by hand

private func safetensors(_ header: String, _ data: [UInt8] = [], length: UInt64? = nil) -> Data {
  safetensors(Data(header.utf8), length: length) + Data(data)
}

private func safetensors(_ header: String, bytes: Int) -> Data {
  safetensors(header, [UInt8](repeating: 0, count: bytes))
}

private func safetensors(_ header: Data, length: UInt64? = nil) -> Data {
  withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Data($0) } + header
}

private func entry(_ type: String, _ shape: String, _ start: Int, _ end: Int) -> String {
  "{\"w\":{\"dtype\":\"\(type)\",\"shape\":[\(shape)],\"data_offsets\":[\(start),\(end)]}}"
}

/// Lies beside some checkouts.
private let mobileNet =
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
  + "/../../../shared/data/nets/mobilenet_v2_035_224_bn/mobilenet_v2_035_224_bn.safetensors"

private enum Python {
  static let path = ProcessInfo.processInfo.environment["DEVICENN_PYTHON"] ?? "/tmp/venv/bin/python"
  static let hasSafetensors = (try? run("import torch, safetensors.torch", [])) != nil

  struct Failure: Error { var status: Int32 }

  static func run(_ script: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["-c", script] + arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus) }
    return String(decoding: text, as: UTF8.self)
  }
}
