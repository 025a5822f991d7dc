internal import CCurl
import Foundation

/// The head of a response: its status and its fields, whose names are in small letters.
struct HTTPHead {
  var status: Int
  var fields: [String: String] = [:]

  /// Of a line such as `HTTP/1.1 200 OK`.
  init?(statusLine line: String) {
    guard let code = line.firstMatch(of: /^HTTP\/[0-9.]+ ([0-9]{3})/)?.1, let status = Int(code) else { return nil }
    self.status = status
  }

  mutating func add(_ line: String) {
    guard let colon = line.firstIndex(of: ":") else { return }
    let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    fields[line[..<colon].lowercased()] = value
  }

  /// The body's bytes, where the head tells.
  var length: Int? { fields["content-length"].flatMap(Int.init) }

  /// `start` and `total` of a field such as `bytes 500-999/1000`.
  var contentRange: (start: Int?, total: Int?) {
    let match = fields["content-range"]?.wholeMatch(of: /bytes (?:([0-9]+)-[0-9]+|\*)\/([0-9]+|\*)/)
    return (match?.1.flatMap { Int($0) }, match.flatMap { Int($0.2) })
  }

  /// What says later whether the file is still the same: a strong entity tag, or else the date of its last change.
  var validator: String? {
    if let tag = fields["etag"], tag.hasPrefix("\"") { return tag }
    return fields["last-modified"]
  }
}

/// Takes a response as it arrives. What it throws ends the exchange.
protocol HTTPReceiver: AnyObject {
  func receive(_ head: HTTPHead) throws(DownloadError)
  func receive(_ body: UnsafeRawBufferPointer) throws(DownloadError)
}

enum HTTPFailure: Error {
  case noLibrary
  /// It could not begin, broke off, or nothing came for too long.
  case broken(reason: String)
  case receiver(DownloadError)
}

/// One request and its response, on the calling thread.
final class HTTPExchange {
  private let receiver: any HTTPReceiver
  private var head: HTTPHead?
  private var headBytes = 0
  /// The lines that follow a body whose length was not announced are not of interest.
  private var isHeadWhole = false
  private var failure: DownloadError?

  private init(_ receiver: any HTTPReceiver) { self.receiver = receiver }

  /// Gets `url`; `patience` is how many seconds may pass without a byte. Redirects are for the receiver to follow.
  static func get(
    _ url: URL, headers: [String], patience: Int, into receiver: any HTTPReceiver
  ) throws(HTTPFailure) {
    let exchange = HTTPExchange(receiver)
    var reason = [CChar](repeating: 0, count: 256)
    let outcome = exchange.perform(url.absoluteString, headers, patience, &reason)
    switch outcome {
    case HTTPEnded: break
    case HTTPNoLibrary: throw .noLibrary
    case HTTPStopped: throw exchange.failure.map { .receiver($0) } ?? .broken(reason: "its head is too long")
    case HTTPStalled: throw .broken(reason: "nothing came for \(patience) s")
    default: throw .broken(reason: text(reason))
    }
    if !exchange.isHeadWhole { throw .broken(reason: "it sent no response") }
  }

  private func perform(_ url: String, _ headers: [String], _ patience: Int, _ reason: inout [CChar]) -> HTTPOutcome {
    var lines: [UnsafePointer<CChar>?] = headers.map { UnsafePointer(strdup($0)) } + [nil]
    defer { for line in lines { free(UnsafeMutablePointer(mutating: line)) } }
    return url.withCString { url in
      lines.withUnsafeMutableBufferPointer { lines in
        var request = HTTPRequest(
          url: url, headers: lines.baseAddress, patience: patience,
          header: { context, bytes, count in
            let line = UnsafeRawBufferPointer(start: bytes, count: count)
            return Unmanaged<HTTPExchange>.fromOpaque(context!).takeUnretainedValue().receive(line: line)
          },
          body: { context, bytes, count in
            let body = UnsafeRawBufferPointer(start: bytes, count: count)
            return Unmanaged<HTTPExchange>.fromOpaque(context!).takeUnretainedValue().receive(body: body)
          },
          context: Unmanaged.passUnretained(self).toOpaque())
        return http_get(&request, &reason)
      }
    }
  }

  private func receive(line bytes: UnsafeRawBufferPointer) -> Bool {
    headBytes += bytes.count
    guard headBytes < 1 << 18 else { return false }
    guard !isHeadWhole else { return true }
    // Without control characters: parts of it may be shown.
    let line = String(decoding: bytes.filter { $0 >= 0x20 }, as: UTF8.self)
    if let head = HTTPHead(statusLine: line) {
      self.head = head
    } else if !line.isEmpty {
      head?.add(line)
    } else if let head, head.status >= 200 {  // before it may come others, such as 100 Continue
      isHeadWhole = true
      return attempt { () throws(DownloadError) in try receiver.receive(head) }
    }
    return true
  }

  private func receive(body: UnsafeRawBufferPointer) -> Bool {
    attempt { () throws(DownloadError) in try receiver.receive(body) }
  }

  /// Swift's errors must not cross libcurl's frames.
  private func attempt(_ body: () throws(DownloadError) -> Void) -> Bool {
    do throws(DownloadError) { try body() } catch {
      failure = error
      return false
    }
    return true
  }
}

private func text(_ message: [CChar]) -> String {
  String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
