import Foundation
import HTTPTestServer
import Synchronization
import Testing

@testable import DeviceNN

/// Single files from a server that does its worst.
@Suite(.timeLimit(.minutes(5))) struct DownloadTests {
  typealias Reply = HTTPTestReply
  typealias Request = HTTPTestServer.Request

  let folder = try! TemporaryFolder()
  var cache: WeightsCache { WeightsCache(folder: folder.path(of: "weights")) }
  /// 100 kB that no two places have alike.
  let body: [UInt8] = {
    var random = Philox(seed: 7)
    return (0..<100_000).map { _ in UInt8(random.integer(below: 256)) }
  }()
  var digest: String { sha256(body) }

  private func sha256(_ bytes: [UInt8]) -> String {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update($0) }
    return hash.digest()
  }

  private func settings(_ server: HTTPTestServer? = nil, patience: Int = 60) -> NetworkSettings {
    var settings = NetworkSettings()
    if let server { settings.endpoint = URL(string: server.address)! }
    (settings.patience, settings.pause) = (patience, 0)
    return settings
  }

  /// Pulls `net` from `/net.bin` of the server.
  @discardableResult
  private func pull(
    _ server: HTTPTestServer, _ file: String = "net.bin", sha256: String? = nil, patience: Int = 60,
    report: @escaping (DownloadEvent) -> Void = { _ in }
  ) throws(DownloadError) -> [UInt8] {
    let path = try cache.pull(
      "net", from: WeightsSource(server.address + "/" + file), checksum: sha256.map { Checksum($0)! },
      settings: settings(patience: patience), report: report)
    return [UInt8](FileManager.default.contents(atPath: path)!)
  }

  /// What waits to be gone on with.
  private func kept(_ file: String = "net.bin") -> [UInt8]? {
    FileManager.default.contents(atPath: cache.folder + "/.net.partial/" + file).map { [UInt8]($0) }
  }

  /// Expects a refusal in one line that has these words, and nothing in the cache.
  private func expectError(
    _ words: String..., sourceLocation: SourceLocation = #_sourceLocation, pull: () throws(DownloadError) -> [UInt8]
  ) {
    do throws(DownloadError) {
      _ = try pull()
      Issue.record("no error", sourceLocation: sourceLocation)
    } catch {
      let text = "\(error)"
      for word in words { #expect(text.contains(word), "\(text)", sourceLocation: sourceLocation) }
      #expect(!text.contains("\n"), sourceLocation: sourceLocation)
    }
    #expect(cache.entries() == [], sourceLocation: sourceLocation)
  }

  // MARK: Whole files

  @Test func aWholeFile() throws {
    let body = body
    let server = try HTTPTestServer { .file(body, to: $0) }
    var events: [DownloadEvent] = []
    #expect(try pull(server) { events.append($0) } == body)
    let path = folder.path(of: "weights/net/net.bin")
    #expect(try cache.path(of: "net") == path)
    #expect(cache.entries() == [.init(name: "net", path: path, bytes: body.count, source: server.address + "/net.bin")])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path(of: "weights")) == ["net"])
    let states = events.compactMap { if case .progress(let state) = $0 { state } else { nil } }
    #expect(states.map(\.received) == states.map(\.received).sorted() && states.last?.received == body.count)
    #expect(states.allSatisfy { $0.total == body.count && $0.file == "net.bin" })
    guard case .finished(let last) = events.last else { throw CancellationError() }
    #expect(last.received == body.count)

    #expect(try pull(server, sha256: digest) == body)
    #expect(server.requests.count == 1, "what is here was asked for again")
    #expect(throws: DownloadError.wrongChecksum(url: path, found: digest, wanted: Checksum("00000000")!)) {
      try pull(server, sha256: "00000000")
    }
    #expect(server.requests[0].fields["range"] == nil && server.requests[0].fields["authorization"] == nil)
    #expect(throws: DownloadError.self) { try pull(server, "other.bin") }
  }

  @Test(arguments: [0, 1, 999, 1000, 1001, 100_000]) func piecesWithoutALength(count: Int) throws {
    let body = Array(body.prefix(count))
    let server = try HTTPTestServer { _ in .chunked(body) }
    #expect(try pull(server) == body)
  }

  @Test func aBodyThatEndsWithItsConnection() throws {
    let body = body
    let server = try HTTPTestServer { _ in .init(200, [:], body) }
    #expect(try pull(server, sha256: digest) == body)
  }

  @Test func filesOfThisMachine() throws {
    let file = try folder.write(body, "a net.bin".replacing(" ", with: "-"))
    let path = try cache.pull("here", from: WeightsSource(file), checksum: Checksum(digest), settings: settings())
    #expect(FileManager.default.contents(atPath: path) == Data(body))
    _ = try cache.pull("url", from: WeightsSource("file://" + file), settings: settings())
    #expect(throws: DownloadError.wrongChecksum(url: file, found: digest, wanted: Checksum("00000000")!)) {
      try cache.pull("wrong", from: WeightsSource(file), checksum: Checksum("00000000"), settings: settings())
    }
    #expect(throws: DownloadError.file(.unreadable(path: file + "x", reason: "No such file or directory"))) {
      try cache.pull("missing", from: WeightsSource(file + "x"), settings: settings())
    }
    #expect(cache.entries().map(\.name) == ["here", "url"])
  }

  // MARK: Connections that break

  @Test func aBrokenDownloadGoesOn() throws {
    let body = body
    let server = try HTTPTestServer { .file(body, to: $0).cut(by: $0.rangeStart == nil ? 40_000 : 0) }
    var notices: [String] = []
    let bytes = try pull(server, sha256: digest) { if case .notice(let line) = $0 { notices.append(line) } }
    #expect(bytes == body)
    #expect(server.requests.map(\.rangeStart) == [nil, 60_000])
    #expect(server.requests[1].fields["if-range"] == "\"1\"")
    #expect(notices.count == 1 && notices[0].contains("60.0 kB"), "\(notices)")
  }

  @Test func chunksThatBreakOff() throws {
    let body = body
    let server = try HTTPTestServer { request in
      guard request.rangeStart == nil else { return .file(body, to: request, tag: "\"2\"") }
      return Reply(raw: Array(Reply.chunked(body).bytes.dropLast(5_000)))
    }
    #expect(try pull(server, sha256: digest) == body)
    #expect(server.requests.count == 2)
  }

  @Test func theNextPullGoesOnToo() throws {
    let body = body
    let isWell = Mutex(false)
    let server = try HTTPTestServer { request in
      if isWell.withLock({ $0 }) { return .file(body, to: request) }
      return request.rangeStart == nil ? .file(body, to: request).cut(by: 1) : .init(raw: [])
    }
    expectError(
      "broke off after 99999 of 100000 bytes", server.address, folder.path(of: "weights/.net.partial/net.bin")
    ) {
      () throws(DownloadError) in try pull(server)
    }
    #expect(server.requests.count == 5)
    #expect(kept() == Array(body.dropLast()))
    isWell.withLock { $0 = true }
    #expect(try pull(server) == body)
    #expect(server.requests.last?.rangeStart == 99_999)
    #expect(kept() == nil)
  }

  @Test func eachByteCountsAsProgress() throws {
    let body = Array(body.prefix(40))
    let server = try HTTPTestServer { request in
      let missing = body.count - (request.rangeStart ?? 0)
      return .file(body, to: request).cut(by: missing - 1)
    }
    #expect(try pull(server) == body)
    #expect(server.requests.count == 40)
  }

  @Test func aFileThatChangedIsBegunAnew() throws {
    let (old, new) = (body, Array(body.reversed()))
    let isNew = Mutex(false)
    let server = try HTTPTestServer { request in
      if isNew.withLock({ $0 }) { return .file(new, to: request, tag: "\"2\"") }
      isNew.withLock { $0 = true }
      return .file(old, to: request).cut(by: 10)
    }
    #expect(try pull(server) == new)
    #expect(server.requests.map(\.rangeStart) == [nil, 99_990])
  }

  @Test func aServerThatIgnoresRanges() throws {
    let body = body
    let count = Mutex(0)
    let server = try HTTPTestServer { _ in
      let number = count.withLock { number in
        number += 1
        return number
      }
      return Reply(200, ["Content-Length": "100000", "ETag": "\"1\""], body).cut(by: number < 3 ? 100 : 0)
    }
    #expect(try pull(server) == body)
    #expect(server.requests.map(\.rangeStart) == [nil, 99_900, 99_900])
  }

  @Test func aServerThatNamesNoVersion() throws {
    let body = body
    let server = try HTTPTestServer { request in
      let start = request.rangeStart ?? 0
      let fields = ["Content-Length": "\(100_000 - start)", "Content-Range": "bytes \(start)-99999/100000"]
      return Reply(start == 0 ? 200 : 206, fields, Array(body[start...])).cut(by: start == 0 ? 10 : 0)
    }
    // Only with a checksum can it be told whether two halves belong together.
    #expect(try pull(server, sha256: digest) == body)
    #expect(server.requests.map(\.rangeStart) == [nil, 99_990])
    let other = WeightsCache(folder: folder.path(of: "other"))
    #expect(throws: DownloadError.self) {
      try other.pull("net", from: WeightsSource(server.address + "/net.bin"), settings: settings())
    }
    #expect(server.requests.dropFirst(2).allSatisfy { $0.rangeStart == nil })
  }

  @Test func halvesOfTwoVersions() throws {
    let (old, new) = (body, Array(body.reversed()))
    let server = try HTTPTestServer { request in
      request.rangeStart == nil ? .file(old, to: request).cut(by: 5) : .file(new, to: request)
    }
    let wanted = sha256(new)
    expectError("SHA-256", "wanted \(wanted)") { () throws(DownloadError) in try pull(server, sha256: wanted) }
    #expect(kept() == nil)
  }

  @Test func answersWithOtherBytes() throws {
    let body = body
    let server = try HTTPTestServer { request in
      guard let start = request.rangeStart else { return .file(body, to: request).cut(by: 50) }
      return Reply(206, ["Content-Range": "bytes \(start - 1)-99999/100000"], Array(body[(start - 1)...]))
    }
    // It begins anew, breaks off, gets other bytes again …
    expectError("broke off after 99950 of 100000 bytes") { () throws(DownloadError) in try pull(server) }
    #expect(server.requests.map(\.rangeStart) == [nil, 99_950, nil, 99_950, nil])
  }

  @Test func moreKeptThanThereIs() throws {
    let body = body
    let isShort = Mutex(false)
    let server = try HTTPTestServer { request in
      if isShort.withLock({ $0 }) { return .file(Array(body.prefix(1000)), to: request) }
      isShort.withLock { $0 = true }
      return .file(body, to: request).cut(by: 50)
    }
    #expect(try pull(server) == Array(body.prefix(1000)))
    #expect(server.requests.map(\.rangeStart) == [nil, 99_950, nil])
  }

  @Test func aServerThatStalls() throws {
    let body = body
    let silent = try HTTPTestServer { _ in Reply(raw: []).held() }
    expectError("could not be had: nothing came for 1 s", silent.address) { () throws(DownloadError) in
      try pull(silent, patience: 1)
    }
    #expect(kept() == nil && silent.requests.count == 1)
    let stalling = try HTTPTestServer { request in
      request.rangeStart == nil ? .file(body, to: request).cut(by: 100).held() : Reply(raw: []).held()
    }
    expectError("broke off after 99900 of 100000 bytes (nothing came for 1 s)") { () throws(DownloadError) in
      try pull(stalling, patience: 1)
    }
    #expect(kept() == Array(body.dropLast(100)))
  }

  @Test func nobodyListens() throws {
    let port = try HTTPTestServer { _ in Reply(raw: []) }.port
    #expect(throws: DownloadError.self) {
      try cache.pull("net", from: WeightsSource("http://127.0.0.1:\(port)/net.bin"), settings: settings())
    }
    #expect(cache.entries() == [])
  }

  // MARK: Lies

  @Test func lengthsThatLie() throws {
    let body = body
    let long = try HTTPTestServer { request in
      request.rangeStart == nil ? Reply(200, ["Content-Length": "200000", "ETag": "\"1\""], body) : .init(raw: [])
    }
    expectError("100000 of 200000 bytes") { () throws(DownloadError) in try pull(long) }
    let short = try HTTPTestServer { _ in Reply(200, ["Content-Length": "500"], body) }
    expectError("SHA-256", digest) { () throws(DownloadError) in try pull(short, sha256: digest) }
    // Nobody could know.
    #expect(try pull(short) == Array(body.prefix(500)))
  }

  @Test func aWrongHash() throws {
    let body = body
    let server = try HTTPTestServer { .file(body, to: $0) }
    let wanted = String(repeating: "0", count: 64)
    expectError(server.address, "has the SHA-256 \(digest), wanted \(wanted):") { () throws(DownloadError) in
      try pull(server, sha256: wanted)
    }
    #expect(kept() == nil)
    // As PyTorch names files.
    expectError("has the SHA-256 \(digest), wanted 0a1b2c3d…") { () throws(DownloadError) in
      try pull(server, "net-0a1b2c3d.pth")
    }
    let name = "net-\(digest.prefix(8)).pth"
    #expect(Checksum(inName: name) != nil)
    #expect(try pull(server, name) == body)
  }

  @Test(arguments: [
    "hello\r\n\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\0\0\0\0", "HTTP/1.1 100 Continue\r\n\r\n",
  ])
  func noHTTP(text: String) throws {
    let server = try HTTPTestServer { _ in Reply(raw: text.utf8) }
    expectError("could not be had") { () throws(DownloadError) in try pull(server) }
  }

  @Test func anEndlessHead() throws {
    let line = "X: " + String(repeating: "x", count: 1000) + "\r\n"
    let head = "HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 1000)
    let server = try HTTPTestServer { _ in Reply(raw: head.utf8).held() }
    expectError("head is too long") { () throws(DownloadError) in try pull(server) }
  }

  // MARK: Answers that are no files

  @Test(arguments: [
    (400, "400"), (401, "HF_TOKEN may open it"), (403, "HF_TOKEN may open it"), (404, "there is no such file"),
    (429, "too often"), (500, "the server has failed"), (503, "the server has failed"), (204, "204 where 200"),
    (206, "206"),
    (302, "302"), (304, "304"),
  ])
  func statuses(status: Int, words: String) throws {
    let server = try HTTPTestServer { _ in
      Reply(status, [:], status == 204 || status == 304 ? [] : Array("<html>".utf8))
    }
    expectError(server.address + "/net.bin", "\(status)", words) { () throws(DownloadError) in try pull(server) }
    #expect(server.requests.count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache.folder) == [])
  }

  @Test func anErrorKeepsWhatHasCome() throws {
    let body = body
    let server = try HTTPTestServer { $0.rangeStart == nil ? .file(body, to: $0).cut(by: 1) : .init(500) }
    expectError("500") { () throws(DownloadError) in try pull(server) }
    #expect(kept()?.count == 99_999)
  }

  @Test func redirectsAreFollowed() throws {
    let body = body
    let other = try HTTPTestServer { request in
      request.path == "/d%20e/net?signature=a%2Fb"
        ? .file(body, to: request).cut(by: request.rangeStart == nil ? 7 : 0) : .init(404)
    }
    let address = other.address
    let server = try HTTPTestServer { request in
      switch request.path {
      case "/net.bin": Reply(302, ["Location": "/a/b"], Array("moved".utf8))
      case "/a/b": Reply(301, ["Location": "c?x=1"])
      case "/a/c?x=1": Reply(307, ["Location": "../last"])
      case "/last": Reply(308, ["Location": address + "/d%20e/net?signature=a%2Fb"])
      default: Reply(404)
      }
    }
    #expect(try pull(server, sha256: digest) == body)
    #expect(
      server.requests.map(\.path) == ["/net.bin", "/a/b", "/a/c?x=1", "/last", "/net.bin", "/a/b", "/a/c?x=1", "/last"])
    #expect(other.requests.map(\.rangeStart) == [nil, 99_993])
  }

  @Test func redirectsThatAreNot() throws {
    let server = try HTTPTestServer { request in
      switch request.path {
      case "/loop": Reply(302, ["Location": "/loop"])
      case "/file": Reply(302, ["Location": "file:///etc/passwd"])
      case "/nothing": Reply(302, ["Location": "http://"])
      default: Reply(302)
      }
    }
    expectError("redirects to", "eleventh") { () throws(DownloadError) in try pull(server, "loop") }
    expectError("file:///etc/passwd", "not followed") { () throws(DownloadError) in try pull(server, "file") }
    expectError("not followed") { () throws(DownloadError) in try pull(server, "nothing") }
    expectError("answered 302") { () throws(DownloadError) in try pull(server, "no-location") }
  }

  // MARK: Several at once

  @Test func twoPullsAtOnce() async throws {
    let body = body
    let isWaiting = DispatchSemaphore(value: 0)
    let hasBegun = DispatchSemaphore(value: 0)
    let server = try HTTPTestServer { request in
      hasBegun.signal()
      isWaiting.wait()
      return .file(body, to: request)
    }
    let (cache, settings) = (cache, settings())
    let source = try WeightsSource(server.address + "/net.bin")
    let paths = Mutex<[String]>([])
    let group = DispatchGroup()
    func start(_ report: @escaping @Sendable (DownloadEvent) -> Void) {
      group.enter()
      Thread.detachNewThread {
        if let path = try? cache.pull("net", from: source, settings: settings, report: report) {
          paths.withLock { $0.append(path) }
        }
        group.leave()
      }
    }
    start { _ in }
    await withCheckedContinuation { done in
      Thread.detachNewThread {
        hasBegun.wait()
        done.resume()
      }
    }
    start { event in
      if case .notice(let line) = event, line.contains("another process pulls net") { isWaiting.signal() }
    }
    await withCheckedContinuation { done in group.notify(queue: .global()) { done.resume() } }
    let path = try cache.path(of: "net")
    #expect(paths.withLock { $0 } == [path, path])
    #expect(server.requests.count == 1)
    #expect(FileManager.default.contents(atPath: path) == Data(body))
  }
}
