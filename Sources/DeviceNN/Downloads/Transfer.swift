import Foundation

/// Attempts to get the rest of a file: each is a request, and as many more as the answers redirect to.
final class Transfer {
  let url: URL
  /// The SHA-256 and the size that the endpoint gives for a file that another host serves.
  private(set) var publishedChecksum: Checksum?
  private var publishedSize: Int?

  private let file: PartialFile
  private let settings: NetworkSettings
  /// Whether the caller can tell a file that was put together from two versions.
  private let isCheckable: Bool
  private let report: (DownloadEvent) -> Void
  private let start = ContinuousClock.now
  private var newBytes = 0

  /// Where the current request goes, and what its answer says: where else to go, that nothing is missing, and how long
  /// the whole file is.
  private var current: URL
  private var target: String?
  private var isComplete = false
  private var length: Int?

  init(
    of url: URL, to file: PartialFile, settings: NetworkSettings, isCheckable: Bool,
    report: @escaping (DownloadEvent) -> Void
  ) {
    (self.url, self.file, self.settings, self.isCheckable, self.report) = (url, file, settings, isCheckable, report)
    current = url
  }

  var name: String { (file.path as NSString).lastPathComponent }

  /// One attempt. `DownloadError.broken` is what another may mend.
  func run() throws(DownloadError) {
    (current, isComplete) = (url, false)
    let headers = try rangeHeaders()
    for _ in 0...10 {
      target = nil
      do throws(HTTPFailure) {
        try HTTPExchange.get(current, headers: headers + authorization, patience: settings.patience, into: self)
      } catch {
        throw failure(error)
      }
      guard let target else {
        guard let wanted = publishedSize ?? length, file.count != wanted, !isComplete else { return }
        throw broken("it ended there", wanted: wanted)
      }
      current = try redirected(to: target)
    }
    throw .badRedirect(url: url.absoluteString, target: current.absoluteString, reason: "it is the eleventh redirect")
  }

  /// Asks for what is missing, and for all if the file has changed since the rest came.
  private func rangeHeaders() throws(DownloadError) -> [String] {
    guard file.count > 0 else { return [] }
    let range = "Range: bytes=\(file.count)-"
    if let validator = file.validator(of: url) { return [range, "If-Range: " + validator] }
    if isCheckable { return [range] }
    try file.restart(from: url, validator: nil)
    return []
  }

  private var authorization: [String] {
    guard let token = settings.token, settings.trusts(current) else { return [] }
    return ["Authorization: Bearer " + token]
  }

  private func redirected(to target: String) throws(DownloadError) -> URL {
    func refusal(_ reason: String) -> DownloadError {
      .badRedirect(url: current.absoluteString, target: target, reason: reason)
    }
    guard let next = URL(string: target, relativeTo: current)?.absoluteURL, next.host?.isEmpty == false else {
      throw refusal("it is no address")
    }
    guard
      next.scheme?.lowercased() == "https"
        || next.scheme?.lowercased() == "http" && current.scheme?.lowercased() == "http"
    else {
      throw refusal("it is not encrypted, or no web address")
    }
    return next
  }

  private func broken(_ reason: String, wanted: Int?) -> DownloadError {
    .broken(url: url.absoluteString, reason: reason, received: file.count, wanted: wanted, path: file.path)
  }

  private func failure(_ error: HTTPFailure) -> DownloadError {
    switch error {
    case .noLibrary: .noLibrary(url: url.absoluteString)
    case .broken(let reason): broken(reason, wanted: publishedSize ?? length)
    case .receiver(let error): error
    }
  }
}

extension Transfer: HTTPReceiver {
  func receive(_ head: HTTPHead) throws(DownloadError) {
    if settings.trusts(current) { notePublished(head) }
    switch head.status {
    case 200:
      try file.restart(from: url, validator: head.validator)
      try expect(head.length)
    case 206 where file.count > 0:
      let (start, total) = head.contentRange
      guard start == file.count else {
        try file.restart(from: url, validator: nil)
        throw broken("it answered with other bytes than it was asked for", wanted: total)
      }
      try expect(total ?? head.length.map { file.count + $0 })
    case 416 where file.count > 0:
      isComplete = head.contentRange.total == file.count
      if !isComplete {
        try file.restart(from: url, validator: nil)
        throw broken("it has fewer bytes than came before", wanted: head.contentRange.total)
      }
    case 301, 302, 303, 307, 308:
      guard let location = head.fields["location"] else { fallthrough }
      target = location
    default:
      throw .refused(
        url: current.absoluteString, status: head.status, hasToken: settings.token != nil && settings.trusts(current))
    }
  }

  func receive(_ body: UnsafeRawBufferPointer) throws(DownloadError) {
    guard target == nil, !isComplete else { return }
    if let wanted = publishedSize ?? length, file.count + body.count > wanted {
      let found = file.count + body.count
      file.remove()
      throw .wrongSize(url: url.absoluteString, found: found, wanted: wanted)
    }
    try file.append(body)
    newBytes += body.count
    let rate = Double(newBytes) / max((ContinuousClock.now - start) / .seconds(1), 1e-3)
    report(
      .progress(
        DownloadProgress(file: name, received: file.count, total: publishedSize ?? length, bytesPerSecond: rate)))
  }

  /// Hugging Face's hub names a large file by its SHA-256, and says so before it redirects to where the bytes are.
  private func notePublished(_ head: HTTPHead) {
    let tag = head.fields["x-linked-etag"] ?? ([200, 206].contains(head.status) ? head.fields["etag"] : nil)
    if let tag, let checksum = Checksum(tag.replacing("\"", with: "")), checksum.description.utf8.count == 64 {
      publishedChecksum = checksum
    }
    if let size = head.fields["x-linked-size"].flatMap(Int.init) { publishedSize = size }
  }

  private func expect(_ length: Int?) throws(DownloadError) {
    self.length = length
    guard let length, let publishedSize, length != publishedSize else { return }
    file.remove()
    throw .wrongSize(url: url.absoluteString, found: length, wanted: publishedSize)
  }
}
