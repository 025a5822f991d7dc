import Foundation
import HTTPTestServer
import Testing

@testable import DeviceNN

/// Repositories on a hub, and what the cache makes of names and addresses.
@Suite(.timeLimit(.minutes(5))) struct HubTests {
  typealias Reply = HTTPTestReply

  let folder = try! TemporaryFolder()
  var cache: WeightsCache { WeightsCache(folder: folder.path(of: "weights")) }
  let model = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) }
  let config = Array(#"{"architecture": "net"}"#.utf8)

  private func sha256(_ bytes: [UInt8]) -> String {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update($0) }
    return hash.digest()
  }

  private func settings(_ server: HTTPTestServer, token: String? = nil) -> NetworkSettings {
    var settings = NetworkSettings()
    (settings.endpoint, settings.token, settings.pause) = (URL(string: server.address)!, token, 0)
    return settings
  }

  private func pull(
    _ server: HTTPTestServer, _ address: String = "hf:owner/net", token: String? = nil, checksum: Checksum? = nil
  ) throws(DownloadError) -> String {
    try cache.pull("net", from: WeightsSource(address), checksum: checksum, settings: settings(server, token: token))
  }

  private func error(_ body: () throws(DownloadError) -> String) -> String {
    do throws(DownloadError) { return "no error but " + (try body()) } catch { return "\(error)" }
  }

  /// A hub that holds these files, the large ones on another host, as Hugging Face does.
  private func hub(
    _ files: [String: [UInt8]], revision: String = "main", store: HTTPTestServer? = nil, hash: String? = nil,
    size: Int? = nil
  ) throws -> HTTPTestServer {
    try HTTPTestServer { request in
      let prefix = "/owner/net/resolve/\(revision)/"
      guard request.path.hasPrefix(prefix), let file = files[String(request.path.dropFirst(prefix.count))] else {
        return Reply(404, ["X-Error-Code": "EntryNotFound"])
      }
      guard let store, file.count > 1000 else {
        return .file(file, to: request, tag: "\"6c1ab58c8a09a6b4a3d3c0c7a0a0a0a0a0a0a0a0\"")
      }
      return Reply(
        302,
        [
          "Location": store.address + request.path, "X-Linked-ETag": "\"\(hash ?? self.sha256(file))\"",
          "X-Linked-Size": "\(size ?? file.count)",
        ])
    }
  }

  private func store(_ files: [String: [UInt8]]) throws -> HTTPTestServer {
    try HTTPTestServer { request in
      let name = request.path.split(separator: "/").last.map(String.init) ?? ""
      return files[name].map { .file($0, to: request, tag: "\"\(String(repeating: "ab", count: 32))\"") } ?? Reply(404)
    }
  }

  @Test func aRepository() throws {
    let files = ["config.json": config, "model.safetensors": model]
    let store = try store(files)
    let hub = try hub(files, store: store)
    let path = try pull(hub, token: "secret")
    #expect(path == folder.path(of: "weights/net"))
    for (name, bytes) in files { #expect(FileManager.default.contents(atPath: path + "/" + name) == Data(bytes)) }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
        "config.json", "model.safetensors", "source.txt",
      ])
    #expect(cache.entries().map(\.source) == ["hf:owner/net"])
    #expect(cache.entries()[0].bytes == model.count + config.count)
    #expect(
      hub.requests.map(\.path) == ["/owner/net/resolve/main/config.json", "/owner/net/resolve/main/model.safetensors"])
    // The token is for the hub alone.
    #expect(hub.requests.allSatisfy { $0.fields["authorization"] == "Bearer secret" })
    #expect(store.requests.count == 1 && store.requests[0].fields["authorization"] == nil)
  }

  @Test func aRevision() throws {
    let hub = try hub(["model.safetensors": model], revision: "refs%2Fpr%2F1")
    #expect(try pull(hub, "hf:owner/net@refs/pr/1") == folder.path(of: "weights/net/model.safetensors"))
    #expect(hub.requests.allSatisfy { $0.fields["authorization"] == nil })
    #expect(cache.entries()[0].source == "hf:owner/net@refs/pr/1")
  }

  @Test func shards() throws {
    let index = Array(
      #"{"metadata": {}, "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-1.safetensors"}}"#.utf8)
    let files = [
      "model.safetensors.index.json": index, "m-1.safetensors": model, "m-2.safetensors": Array(model.reversed()),
    ]
    let path = try pull(try hub(files, store: try store(files)))
    for (name, bytes) in files { #expect(FileManager.default.contents(atPath: path + "/" + name) == Data(bytes)) }

    var missing = files
    missing["m-2.safetensors"] = nil
    let other = WeightsCache(folder: folder.path(of: "other"))
    let hub = try hub(missing)
    #expect(
      throws: DownloadError.refused(
        url: hub.address + "/owner/net/resolve/main/m-2.safetensors", status: 404, hasToken: false)
    ) {
      try other.pull("net", from: WeightsSource("hf:owner/net"), settings: settings(hub))
    }
  }

  @Test(arguments: [
    "{", "[]", #"{"weight_map": ["a"]}"#, #"{"weight_map": {"a": "../../evil.safetensors"}}"#,
    #"{"weight_map": {"a": "/evil.safetensors"}}"#, #"{"weight_map": {"a": "evil.sh"}}"#,
    #"{"weight_map": {"a": ".safetensors"}}"#,
  ])
  func indicesThatAreNone(text: String) throws {
    let hub = try hub(["model.safetensors.index.json": Array(text.utf8)])
    #expect(error { () throws(DownloadError) in try pull(hub) }.contains("is no index of safetensors files"))
    #expect(cache.entries() == [])
  }

  @Test func theOldFormat() throws {
    let hub = try hub(["pytorch_model.bin": model])
    #expect(try pull(hub, checksum: Checksum(sha256(model))) == folder.path(of: "weights/net/pytorch_model.bin"))
  }

  @Test func nothingToLoad() throws {
    let hub = try hub(["README.md": config])
    #expect(
      error { () throws(DownloadError) in try pull(hub) }.hasPrefix("hf:owner/net has none of model.safetensors, "))
  }

  @Test func aHashThatIsNotTheHubs() throws {
    let files = ["model.safetensors": model]
    let wanted = sha256(config)
    let hub = try hub(files, store: try store(files), hash: wanted)
    #expect(
      error { () throws(DownloadError) in try pull(hub) }.contains("has the SHA-256 \(sha256(model)), wanted \(wanted)")
    )
    #expect(cache.entries() == [])
  }

  @Test(arguments: [49_999, 50_001]) func aSizeThatIsNotTheHubs(size: Int) throws {
    let files = ["model.safetensors": model]
    let hub = try hub(files, store: try store(files), size: size)
    #expect(
      error { () throws(DownloadError) in try pull(hub) }.contains("offers 50000 bytes, but \(size) were published"))
    let chunked = try HTTPTestServer { _ in .chunked(Array(repeating: 1, count: 50_000)) }
    let other = try self.hub(files, store: chunked, size: size)
    #expect(error { () throws(DownloadError) in try pull(other) }.contains("\(size)"))
    #expect(cache.entries() == [])
  }

  @Test func aPrivateRepository() throws {
    let hub = try HTTPTestServer { $0.fields["authorization"] == "Bearer right" ? .init(404) : .init(401) }
    #expect(error { () throws(DownloadError) in try pull(hub) }.contains("HF_TOKEN may open it"))
    #expect(
      error { () throws(DownloadError) in try pull(hub, token: "wrong") }.contains(
        "the token in HF_TOKEN does not open it"))
    #expect(error { () throws(DownloadError) in try pull(hub, token: "right") }.contains("has none of"))
  }

  @Test func offline() throws {
    let hub = try hub(["model.safetensors": model])
    var settings = settings(hub)
    settings.isOffline = true
    let cache = cache
    for (address, file) in [("hf:owner/net", "config.json"), (hub.address + "/net.bin", "net.bin")] {
      let text = error { () throws(DownloadError) in
        try cache.pull("net", from: WeightsSource(address), settings: settings)
      }
      #expect(text.contains("HF_HUB_OFFLINE") && text.contains(folder.path(of: "weights/net/" + file)), "\(text)")
    }
    #expect(hub.requests.isEmpty)
    // Where it says that the file belongs, it is found.
    let path = try folder.write(model, "weights/net/net.bin")
    #expect(try cache.pull("net", settings: settings) == path)
    #expect(cache.entries() == [.init(name: "net", path: path, bytes: model.count, source: nil)])
  }

  @Test func theEnvironment() throws {
    let settings = try NetworkSettings(environment: [
      "HF_ENDPOINT": "https://hub.example/a/", "HF_TOKEN": " secret\n", "HF_HUB_OFFLINE": "yes",
      "HF_HUB_DOWNLOAD_TIMEOUT": "7",
    ])
    #expect(settings.token == "secret" && settings.isOffline && settings.patience == 7)
    let repository = try HubRepository("a/b@v1")
    #expect(repository.url(of: "c", at: settings.endpoint).absoluteString == "https://hub.example/a/a/b/resolve/v1/c")
    for (other, trusts) in [
      ("https://hub.example/x", true), ("http://hub.example/x", false), ("https://hub.example:444/x", false),
      ("https://hub.example.org/x", false), ("https://cdn.hub.example/x", false),
    ] {
      #expect(settings.trusts(URL(string: other)!) == trusts, "\(other)")
    }
    let plain = try NetworkSettings(environment: ["HF_HUB_OFFLINE": "0", "HF_TOKEN": "", "HF_ENDPOINT": ""])
    #expect(!plain.isOffline && plain.token == nil && plain.endpoint.absoluteString == "https://huggingface.co")
    #expect(throws: DownloadError.self) { try NetworkSettings(environment: ["HF_ENDPOINT": "hub.example"]) }
  }

  @Test(arguments: [
    "", "hf:", "hf:a/b/c", "hf:../a", "hf:a/..", "hf:a/b@", "hf:a/b@../c", "hf:a b", "ftp://host/a", "http:///a",
    "https://",
  ])
  func addressesThatAreNone(address: String) {
    #expect(throws: DownloadError.self) { try WeightsSource(address) }
  }

  @Test(arguments: ["", ".", "..", ".hidden", "a/b", "../a", "a b", "a\n", "ä"]) func namesThatAreNone(name: String) {
    #expect(throws: DownloadError.badName(name)) { try cache.path(of: name) }
    #expect(throws: DownloadError.badName(name)) { try cache.pull(name, settings: NetworkSettings()) }
  }

  @Test func namesThatAreUnknown() {
    #expect(
      error { () throws(DownloadError) in try cache.path(of: "resnet18") }.contains("'devicenn weights pull resnet18'"))
    #expect(
      error { () throws(DownloadError) in try cache.path(of: "mine") }.contains("'devicenn weights pull mine --from …'")
    )
    let text = error { () throws(DownloadError) in try cache.pull("resnet19", settings: NetworkSettings()) }
    #expect(text.contains("resnet18") && text.contains("--from"))
  }

  @Test func whatIsPublished() {
    #expect(PublishedWeights.names.count == 29)
    for name in PublishedWeights.names {
      switch PublishedWeights.source(of: name) {
      case .url(let url):
        #expect(Checksum(inName: url.lastPathComponent) != nil, "\(url)")
        #expect(url.scheme == "https")
      case .hub(let repository): #expect(repository.name.hasPrefix("timm/\(name)."))
      case nil: Issue.record("\(name) has no source")
      }
    }
    #expect(PublishedWeights.source(of: "nothing") == nil)
  }

  @Test func aPlaceThatIsNoFolder() throws {
    let file = try folder.write([1], "file")
    let hub = try hub(["model.safetensors": model])
    #expect(
      error { () throws(DownloadError) in
        try WeightsCache(folder: file).pull("net", from: WeightsSource("hf:owner/net"), settings: settings(hub))
      }.contains(file))
    #expect(hub.requests.isEmpty)
  }
}
