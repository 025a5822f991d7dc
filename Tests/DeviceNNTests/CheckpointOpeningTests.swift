import Foundation
import Testing

@testable import DeviceNN

/// Whatever lies at a path is recognised by its content.
@Suite struct CheckpointOpeningTests {
  let folder = try! TemporaryFolder()

  private func writeShards() throws {
    try writeSafetensors(
      [("a", [1], [1]), ("b", [2], [2, 3])], metadata: ["format": "pt"], to: folder.path(of: "m-1.safetensors"))
    try writeSafetensors([("c", [1], [4]), ("not in the index", [1], [5])], to: folder.path(of: "m-2.safetensors"))
  }

  private let index = "model.safetensors.index.json"

  private func writeIndex(_ text: String) throws -> String { try folder.write(Array(text.utf8), index) }

  private func message(_ path: String) throws -> String {
    try #require(throws: CheckpointError.self) { _ = try openCheckpoint(path) }.description
  }

  @Test func formatsAreKnownByTheirContent() throws {
    try writeSafetensors([("w", [1], [1])], to: folder.path(of: "a.pth"))
    #expect(try openCheckpoint(folder.path(of: "a.pth")).format == .safetensors)
    #expect(try openCheckpoint(folder.write(Array(RecordedCheckpoints.zip), "b.safetensors")).format == .pyTorch)
    #expect(try openCheckpoint(folder.write(Array(RecordedCheckpoints.old), "c.zip")).format == .oldPyTorch)
    // A header of 123 bytes begins like JSON.
    let header = #"{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#
    let bytes = littleEndian(123) + Array((header + String(repeating: " ", count: 123 - header.utf8.count)).utf8)
    #expect(bytes[0] == UInt8(ascii: "{"))
    #expect(try openCheckpoint(folder.write(bytes, "d.json")).format == .safetensors)
  }

  @Test func shardsAreOneCheckpoint() throws {
    try writeShards()
    let path = try writeIndex(
      #"{"metadata": {"total_size": 16.0}, "weight_map": {"c": "m-2.safetensors", "a": "m-1.safetensors", "b": "m-1.safetensors"}}"#
    )
    for path in [path, folder.path] {
      let checkpoint = try openCheckpoint(path)
      #expect(checkpoint.format == .shardedSafetensors)
      #expect(checkpoint.names.sorted() == ["a", "b", "c"])
      #expect(checkpoint.metadata == ["format": "pt"])
      #expect(try checkpoint.floats(named: "b", shape: [2]) == [2, 3])
      #expect(try checkpoint.floats(named: "c") == [4])
      #expect(!checkpoint.contains("not in the index") && checkpoint.type(of: "a") == .float32)
      #expect(throws: CheckpointError.missingTensor(file: checkpoint.path, tensor: "d")) {
        try checkpoint.record(named: "d")
      }
    }
  }

  @Test(
    arguments: [
      ("{", "wanted '\"' at byte 1, found its end"), ("{}", "has no object 'weight_map'"),
      (#"{"weight_map": []}"#, "has no object 'weight_map'"), (#"{"weight_map": {"a": 1}}"#, "gives 'a' no file name"),
      (#"{"weight_map": {"a": "m-3.safetensors"}}"#, "m-3.safetensors could not be read: there is no such file"),
      (#"{"weight_map": {"c": "m-1.safetensors"}}"#, "m-1.safetensors has no tensor 'c'"),
      (#"{"weight_map": {"a": "m-1.safetensors", "a": "m-2.safetensors"}}"#, "has the name 'a' twice"),
      (#"{"weight_map": {"a": "../m-1.safetensors"}}"#, "wanted one of the same folder"),
      (#"{"weight_map": {"a": "/etc/passwd"}}"#, "wanted one of the same folder"),
      (#"{"weight_map": {"a": ""}}"#, "wanted one of the same folder"),
      (#"{"weight_map": {"a": ".."}}"#, "it is a folder"),
      (#"{"weight_map": {"a": "model.safetensors.index.json"}}"#, "is not a whole safetensors file"),
      (String(repeating: #"{"a":"#, count: 100_000), "nested less than 64 deep"),
    ]) func wrongIndices(text: String, words: String) throws
  {
    try writeShards()
    let message = try message(writeIndex(text))
    #expect(message.contains(words), "\(message)")
  }

  @Test func everyTruncatedIndexIsNoticed() throws {
    try writeShards()
    let text = Array(#"{"metadata":{},"weight_map":{"a":"m-1.safetensors","c":"m-2.safetensors"}}"#.utf8)
    for count in 1..<text.count {
      let path = try folder.write(Array(text.prefix(count)), index)
      #expect(throws: CheckpointError.self) { try openCheckpoint(path) }
    }
  }

  @Test func foldersHoldOneOfSeveralFiles() throws {
    #expect(
      try message(folder.path).contains(
        "holds none of model.safetensors, model.safetensors.index.json, pytorch_model.bin"))
    try folder.write(Array(RecordedCheckpoints.old), "pytorch_model.bin")
    #expect(try openCheckpoint(folder.path).path == folder.path + "/pytorch_model.bin")
    try writeSafetensors([("w", [1], [1])], to: folder.path(of: "model.safetensors"))
    #expect(try openCheckpoint(folder.path).format == .safetensors)
    #expect(try message(folder.path(of: "nothing")).hasSuffix("could not be read: there is no such file"))
  }

  @Test func filesOfAnythingElseAreNamed() throws {
    for bytes in [[], [0x50, 0x4B], [0x80, 2]] as [[UInt8]] {
      #expect(try message(folder.write(bytes, "x")).contains("is not a whole safetensors file"))
    }
    for bytes in [Array("hello, world".utf8), [0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 0x4A, 0x46, 0x49]] {
      #expect(try message(folder.write(bytes, "x")).hasSuffix("it begins neither as safetensors nor as a file of PyTorch"))
    }
  }

  @Test(arguments: [
    ("mobilenet_v2_100_224.safetensors", "mobilenet_v2_100"), ("resnet18-f37072fd.safetensors", "resnet18"),
    ("mine.safetensors", "mobilenet_v2_035"), ("resnet18x.safetensors", "mobilenet_v2_035"),
  ])
  func theNetworkIsTheOneThatTheFileIsCalledAfter(file: String, backbone: String) throws {
    let path = folder.path(of: file)
    try writeSafetensors([("w", [1], [1])], to: path)
    #expect(try PretrainedModel(weights: path, backbone: nil).backbone.name == backbone)
    #expect(try PretrainedModel(weights: path, backbone: "resnet50").backbone.name == "resnet50")
  }
}
