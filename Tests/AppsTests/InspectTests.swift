import DeviceNN
import Foundation
import Testing

@Suite struct InspectTests {
  let folder = try! TemporaryFolder()

  private func write(_ name: String) throws -> String {
    let path = folder.path(of: name)
    try writeSafetensors(
      [
        TensorRecord(name: "conv.weight", shape: [2, 3], [Float](repeating: 0, count: 6)),
        TensorRecord(name: "bn.running_mean", shape: [2], [0, 0] as [Float]),
        TensorRecord(name: "bn.num_batches_tracked", shape: [], [3] as [Int64]),
      ], metadata: ["format": "pt", "note": "two\nlines"], to: path)
    return path
  }

  @Test func aTable() async throws {
    let path = try write("a.safetensors")
    let outcome = try await devicenn("inspect", path)
    #expect(outcome.status == 0 && outcome.errors == "")
    #expect(
      outcome.output == """
        \(path): safetensors file
          format: pt
          note: two?lines
        bn.num_batches_tracked  I64      []
        bn.running_mean         F32      [2]
        conv.weight             F32      [2, 3]
        3 tensors, 6 parameters

        """)
  }

  private struct Answer: Decodable {
    struct Tensor: Decodable, Equatable {
      var name: String
      var type: String
      var shape: [Int]
    }
    var path: String
    var format: String
    var metadata: [String: String]
    var parameters: Int
    var tensors: [Tensor]
  }

  @Test func json() async throws {
    let path = try write("model.safetensors")
    let outcome = try await devicenn("inspect", folder.path, "--json")
    let answer = try JSONDecoder().decode(Answer.self, from: Data(outcome.output.utf8))
    #expect(answer.path == path && answer.format == "safetensors file" && answer.parameters == 6)
    #expect(answer.metadata["note"] == "two\nlines" && answer.tensors.count == 3)
    #expect(answer.tensors.last == .init(name: "conv.weight", type: "F32", shape: [2, 3]))
  }

  @Test func whatCannotBeOpened() async throws {
    expectRefusal(try await devicenn("inspect", folder.path(of: "nothing")), "there is no such file")
    expectRefusal(try await devicenn("inspect", folder.path), "holds none of model.safetensors")
    expectRefusal(
      try await devicenn("inspect", folder.write(Array("hello, world".utf8), "x")), "begins neither as safetensors nor")
  }
}
