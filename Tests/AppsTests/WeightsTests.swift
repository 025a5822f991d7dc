import Foundation
import HTTPTestServer
import Synchronization
import Testing

/// `devicenn weights` against a hub of the test's own.
@Suite(.timeLimit(.minutes(5))) struct WeightsTests {
  typealias Reply = HTTPTestReply

  let folder = try! TemporaryFolder()
  let model = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 4) }

  private func environment(_ server: HTTPTestServer? = nil, _ more: [String: String] = [:]) -> [String: String] {
    // Empty variables count as unset, whatever the machine has.
    [
      "DEVICENN_CACHE": folder.path, "HF_ENDPOINT": server?.address ?? "", "HF_TOKEN": "", "HF_HUB_OFFLINE": "",
      "HF_HUB_DOWNLOAD_TIMEOUT": "", "no_proxy": "127.0.0.1",
    ].merging(more) { $1 }
  }

  @Test func pullAndList() async throws {
    let model = model
    let server = try HTTPTestServer { request in
      request.path.hasSuffix("/resolve/main/model.safetensors")
        ? .file(model, to: request).cut(by: request.rangeStart == nil ? 1000 : 0) : .init(404)
    }
    let empty = try await devicenn("weights", "list", environment: environment())
    #expect(empty.status == 0 && empty.output == "" && empty.errors.contains(folder.path(of: "weights")))

    let pull = try await devicenn("weights", "pull", "net", "--from", "hf:owner/net", environment: environment(server))
    let path = folder.path(of: "weights/net/model.safetensors")
    #expect(pull.status == 0 && pull.output == path + "\n", "\(pull)")
    #expect(FileManager.default.contents(atPath: path) == Data(model))
    #expect(
      pull.errorLines.count == 2 && pull.errorLines[0].contains("going on")
        && pull.errorLines[1] == "model.safetensors: 300 kB", "\(pull)")

    let again = try await devicenn("weights", "pull", "net", environment: environment(server, ["HF_HUB_OFFLINE": "1"]))
    #expect(again.output == path + "\n" && again.errors == "" && again.status == 0)
    let list = try await devicenn("weights", "list", environment: environment())
    #expect(list.output == "net     300 kB  \(path)\n" && list.errors == "")
  }

  @Test func refusals() async throws {
    let model = model
    let server = try HTTPTestServer { request in
      switch request.path {
      case "/net.pth", "/net-0a1b2c3d.pth": .file(model, to: request)
      case "/stall.pth": .file(model, to: request).cut(by: 1).held()
      default: .init(404)
      }
    }
    func refusal(_ arguments: String..., more: [String: String] = [:], words: String...) async throws {
      let outcome = try await devicenn(["weights", "pull"] + arguments, environment: environment(server, more))
      #expect(outcome.status == 1 && !outcome.isSignalled && outcome.output == "", "\(outcome)")
      #expect(
        outcome.errorLines.last?.hasPrefix("Error: ") == true
          && outcome.errorLines.count { $0.hasPrefix("Error: ") } == 1)
      for word in words { #expect(outcome.errorLines.last?.contains(word) == true, "\(word): \(outcome.errors)") }
      #expect(!FileManager.default.fileExists(atPath: folder.path(of: "weights/net")))
    }
    let address = server.address
    try await refusal("net", words: "'net'", "--from", "resnet18")
    try await refusal("../net", words: "'../net'")
    try await refusal("net", "--from", "ftp://host/net", words: "ftp://host/net")
    try await refusal("net", "--from", address + "/none", words: address + "/none answered 404")
    try await refusal("net", "--from", "hf:owner/net", words: "hf:owner/net has none of model.safetensors")
    try await refusal("net", "--from", address + "/net-0a1b2c3d.pth", words: "SHA-256", "wanted 0a1b2c3d")
    try await refusal(
      "net", "--from", address + "/net.pth", "--sha256", "00000000", words: "SHA-256", "wanted 00000000")
    try await refusal(
      "net", "--from", address + "/net.pth", more: ["HF_HUB_OFFLINE": "1"], words: "HF_HUB_OFFLINE",
      folder.path(of: "weights/net/net.pth"))
    try await refusal("resnet18", more: ["HF_HUB_OFFLINE": "1"], words: "resnet18-f37072fd.pth")
    try await refusal("net", "--from", "hf:owner/net", more: ["HF_ENDPOINT": "nowhere"], words: "HF_ENDPOINT")
    try await refusal(
      "net", "--from", address + "/stall.pth", more: ["HF_HUB_DOWNLOAD_TIMEOUT": "1"],
      words: "broke off after 299999 of 300000 bytes", "nothing came for 1 s",
      folder.path(of: "weights/.net.partial/stall.pth"))
    let digits = try await devicenn("weights", "pull", "net", "--sha256", "xyz", environment: environment(server))
    #expect(digits.status == 64 && digits.errors.contains("--sha256 'xyz'"))
  }

  @Test func aPullThatIsInterruptedOrKilled() async throws {
    let model = model
    let isWell = Mutex(false)
    let server = try HTTPTestServer { request in
      isWell.withLock { $0 } ? .file(model, to: request) : .file(model, to: request).cut(by: 100_000).held()
    }
    let arguments = ["weights", "pull", "net", "--from", server.address + "/net.bin"]
    let partial = folder.path(of: "weights/.net.partial/net.bin")
    for signal in [SIGINT, SIGTERM, SIGKILL] {
      try? FileManager.default.removeItem(atPath: folder.path(of: "weights"))
      let command = try Command(arguments, environment: environment())
      while command.isRunning, size(partial) < 200_000 { try await Task.sleep(for: .milliseconds(2)) }
      command.send(signal)
      let outcome = await command.outcome()
      #expect(outcome.isSignalled && outcome.status == signal && outcome.output == "", "\(outcome)")
      #expect((outcome.errorLines.last?.contains("what has come is kept") == true) == (signal != SIGKILL), "\(outcome)")
      #expect(size(partial) == 200_000)
    }
    isWell.withLock { $0 = true }
    let outcome = try await devicenn(arguments, environment: environment())
    #expect(outcome.status == 0, "\(outcome)")
    #expect(server.requests.last?.rangeStart == 200_000)
    #expect(FileManager.default.contents(atPath: folder.path(of: "weights/net/net.bin")) == Data(model))
  }

  @Test func twoCommandsAtOnce() async throws {
    let model = model
    let server = try HTTPTestServer { .file(model, to: $0) }
    let arguments = ["weights", "pull", "net", "--from", server.address + "/net.bin"]
    let commands = try (0..<4).map { _ in try Command(arguments, environment: environment()) }
    for command in commands {
      let outcome = await command.outcome()
      #expect(outcome.status == 0 && outcome.output == folder.path(of: "weights/net/net.bin") + "\n", "\(outcome)")
    }
    #expect(server.requests.count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path(of: "weights")) == ["net"])
  }

  private func size(_ path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
  }
}
