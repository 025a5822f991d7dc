import Foundation
import Testing

@testable import DeviceNN

/// Random damage: whatever a file holds, a reader gives tensors or a `CheckpointError`, and never ends the process.
/// `DEVICENN_FUZZ_SECONDS` says for how long each reader is tried; without it, it is a few hundred inputs.
@Suite struct CheckpointFuzzTests {
  struct Reader: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let samples: [[UInt8]]
    /// Whether the input was a good one.
    let accepts: @Sendable ([UInt8]) -> Bool
  }

  static let readers: [Reader] = [
    Reader(testDescription: "safetensors", samples: safetensors) { bytes in
      acceptsAll { () throws(CheckpointError) in try SafetensorsFile(bytes: Data(bytes), path: "x") }
    },
    Reader(testDescription: "PyTorch", samples: [Array(RecordedCheckpoints.zip), Array(zip(pickle))]) { bytes in
      acceptsAll { () throws(CheckpointError) in try PyTorchFile(bytes: Data(bytes), path: "x") }
    },
    // Damage of the archive hides its pickle, so that has a turn of its own.
    Reader(testDescription: "pickles", samples: [pickle, Pickle.program(Pickle.dictionary([("model", state)]))]) {
      bytes in
      acceptsAll { () throws(CheckpointError) in try PyTorchFile(bytes: zip(bytes), path: "x") }
    },
    Reader(
      testDescription: "old PyTorch",
      samples: [RecordedCheckpoints.old, RecordedCheckpoints.training].map { Array($0) }
    ) { bytes in
      acceptsAll { () throws(CheckpointError) in
        try PyTorchFile(
          bytes: Data(PyTorchFile.oldSignature + bytes.dropFirst(PyTorchFile.oldSignature.count)), path: "x")
      }
    },
    Reader(testDescription: "configurations", samples: [Array(configuration.json.utf8)]) { bytes in
      (try? TimmConfiguration(parsing: Data(bytes), file: "x")) != nil
    },
    Reader(
      testDescription: "indices", samples: [Array(#"{"metadata":{"size":1.5},"weight_map":{"a":"b","c":"d"}}"#.utf8)]
    ) {
      (try? ShardedSafetensors(index: Data($0), path: "/nowhere/x")) != nil
    },
  ]

  @Test(arguments: readers) func damageNeverEndsTheProcess(reader: Reader) {
    let seconds = ProcessInfo.processInfo.environment["DEVICENN_FUZZ_SECONDS"].flatMap(Double.init)
    let start = ContinuousClock.now
    var (tried, accepted) = (0, 0)
    while seconds.map({ start.duration(to: .now) < .seconds($0) }) ?? (tried < 400) {
      var random = Philox(seed: 4, stream: UInt64(tried))
      if reader.accepts(Self.damaged(reader.samples, using: &random)) { accepted += 1 }
      tried += 1
    }
    if seconds != nil { print("\(reader.testDescription): \(tried) inputs, of which \(accepted) were opened") }
    // The damage is neither all fatal nor all harmless: otherwise this would try nothing.
    #expect(accepted < tried)
    for sample in reader.samples where reader.testDescription != "indices" { #expect(reader.accepts(sample)) }
  }

  private static func acceptsAll(_ open: () throws(CheckpointError) -> any Checkpoint) -> Bool {
    do throws(CheckpointError) {
      let checkpoint = try open()
      for name in checkpoint.names {
        let record = try checkpoint.record(named: name)
        #expect(record.shape == checkpoint.shape(of: name) && record.type == checkpoint.type(of: name))
        _ = (record.floats, record.integers)
      }
      return true
    } catch {
      return false
    }
  }

  /// One of the samples with one to four changes.
  private static func damaged(_ samples: [[UInt8]], using random: inout Philox) -> [UInt8] {
    var bytes = samples.randomElement(using: &random)!
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
      switch Int.random(in: 0..<8, using: &random) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 2:
        bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, 0x28, 0x2E, 0x51, 0x52, 0x68, 0x71, 0x74].randomElement(using: &random)!
      case 3: bytes.removeSubrange(place..<end)
      case 4: bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
      case 5: bytes.removeLast(bytes.count - place)
      case 6:
        let number: [Int] = [0, 1, -1, 1 << 16, 1 << 31, 1 << 32, 200 << 30, .max, .min]
        for (offset, byte) in littleEndian(number.randomElement(using: &random)!).prefix(end - place).enumerated() {
          bytes[place + offset] = byte
        }
      default:
        let other = samples.randomElement(using: &random)!
        let from = Int.random(in: 0..<other.count, using: &random)
        bytes.replaceSubrange(place..<end, with: other[from..<min(other.count, from + 32)])
      }
    }
    return bytes
  }

  // MARK: Samples

  private static let state = Pickle.dictionary([
    ("w", Pickle.tensor(Pickle.storage("0", count: 6), [2, 3], strides: [1, 2])),
    ("b", Pickle.tensor(Pickle.storage("1", "BFloat16Storage", count: 4), offset: 1, [3], strides: [1])),
  ])

  private static let pickle = Pickle.program(state)

  private static func zip(_ pickle: [UInt8]) -> Data {
    ZipSample([
      ("a/data.pkl", pickle), ("a/data/0", floatBytes([1, 2, 3, 4, 5, 6])),
      ("a/data/1", [0, 0, 128, 63, 0, 64, 64, 64]),
    ]).bytes
  }

  private static let configuration: TimmConfiguration = {
    var configuration = TimmConfiguration(architecture: "resnet18", classCount: 2)
    configuration.labels = ["a", "b"]
    configuration.modelArguments = ["drop_rate": .number(0.1)]
    return configuration
  }()

  private static let safetensors: [[UInt8]] = {
    let entries =
      #"{"__metadata__":{"a":"b"},"w":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]},"n":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}"#
    let small = #"{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#
    return [(entries, 12), (small, 8)].map {
      littleEndian($0.0.utf8.count) + Array($0.0.utf8) + [UInt8](repeating: 60, count: $0.1)
    }
  }()
}
