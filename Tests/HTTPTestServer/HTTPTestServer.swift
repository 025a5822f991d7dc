// A server for tests of downloads: it answers what a test wants, lies included.
import Foundation
import Synchronization

/// Listens on 127.0.0.1, at a port that the system chooses, until it is let go. A connection serves one request.
public final class HTTPTestServer: Sendable {
  public struct Request: Sendable {
    /// With the query, as it came.
    public var path = ""
    /// The names in small letters.
    public var fields: [String: String] = [:]

    /// Where `Range: bytes=N-` begins.
    public var rangeStart: Int? {
      fields["range"].flatMap {
        Int($0.replacingOccurrences(of: "bytes=", with: "").replacingOccurrences(of: "-", with: ""))
      }
    }
  }

  public let port: UInt16
  private let listener: Int32
  private let log: Log

  private final class Log: Sendable {
    let requests = Mutex<[Request]>([])
  }

  public init(_ respond: @escaping @Sendable (Request) -> HTTPTestReply) throws {
    signal(SIGPIPE, SIG_IGN)
    #if canImport(Darwin)
      listener = socket(AF_INET, SOCK_STREAM, 0)
    #else
      listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isListening else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    port = UInt16(bigEndian: address.sin_port)
    let log = Log()
    self.log = log
    Thread.detachNewThread {
      while true {
        let connection = accept(listener, nil, nil)
        if connection < 0, errno == EINTR || errno == ECONNABORTED { continue }
        guard connection >= 0 else { break }
        Thread.detachNewThread { Self.serve(connection, log, respond) }
      }
      close(listener)
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  public var address: String { "http://127.0.0.1:\(port)" }
  public var requests: [Request] { log.requests.withLock { $0 } }

  private static func serve(_ connection: Int32, _ log: Log, _ respond: (Request) -> HTTPTestReply) {
    defer { close(connection) }
    guard let request = read(connection) else { return }
    log.requests.withLock { $0.append(request) }
    let reply = respond(request)
    reply.bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = send(connection, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, 0)
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
    if !reply.isHeld { shutdown(connection, Int32(SHUT_WR)) }
    // Until the other side has enough: closed before, what is on its way would be lost.
    var byte: UInt8 = 0
    while recv(connection, &byte, 1, 0) > 0 {}
  }

  private static func read(_ connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      guard bytes.count < 1 << 16, recv(connection, &byte, 1, 0) == 1 else { return nil }
      bytes.append(byte)
    }
    var lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines.removeFirst().split(separator: " ")
    guard words.count == 3, words[0] == "GET" else { return nil }
    var request = Request(path: String(words[1]))
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { request.fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    return request
  }
}

/// What goes over the wire, byte for byte.
public struct HTTPTestReply: Sendable {
  public var bytes: [UInt8]
  /// Whether the connection stays open without a further byte.
  public var isHeld = false

  public init(raw: some Sequence<UInt8>) { bytes = Array(raw) }

  public init(_ status: Int, _ fields: [String: String] = [:], _ body: [UInt8] = []) {
    let lines = ["HTTP/1.1 \(status) Words"] + fields.sorted { $0.key < $1.key }.map { "\($0): \($1)" }
    bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
  }

  /// Without the last `count` bytes.
  public func cut(by count: Int) -> HTTPTestReply {
    var reply = self
    reply.bytes.removeLast(count)
    return reply
  }

  public func held() -> HTTPTestReply {
    var reply = self
    reply.isHeld = true
    return reply
  }

  /// A file, or the part of it that was asked for if it still has this tag.
  public static func file(
    _ body: [UInt8], to request: HTTPTestServer.Request, tag: String = "\"1\"", fields: [String: String] = [:]
  ) -> HTTPTestReply {
    var fields = fields.merging(["ETag": tag, "Accept-Ranges": "bytes"]) { $1 }
    guard let start = request.rangeStart, (request.fields["if-range"] ?? tag) == tag else {
      fields["Content-Length"] = "\(body.count)"
      return HTTPTestReply(200, fields, body)
    }
    guard start < body.count else { return HTTPTestReply(416, ["Content-Range": "bytes */\(body.count)"]) }
    fields["Content-Length"] = "\(body.count - start)"
    fields["Content-Range"] = "bytes \(start)-\(body.count - 1)/\(body.count)"
    return HTTPTestReply(206, fields, Array(body[start...]))
  }

  /// A body in pieces, without its length.
  public static func chunked(_ body: [UInt8], size: Int = 1000) -> HTTPTestReply {
    let chunks = stride(from: 0, to: body.count, by: size).flatMap { start in
      let chunk = body[start..<min(start + size, body.count)]
      return Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
    }
    return HTTPTestReply(200, ["Transfer-Encoding": "chunked"], chunks + Array("0\r\n\r\n".utf8))
  }
}
