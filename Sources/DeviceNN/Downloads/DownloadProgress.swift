import Foundation

/// What a download says while it runs.
public enum DownloadEvent: Sendable {
  case progress(DownloadProgress)
  /// A file is whole and checked.
  case finished(DownloadProgress)
  /// Something that a user should know, in one line.
  case notice(String)
}

/// Where the download of a file is.
public struct DownloadProgress: Sendable, Equatable {
  public var file: String
  public var received: Int
  /// Bytes of the whole file, where the server tells.
  public var total: Int?
  public var bytesPerSecond: Double?

  public init(file: String, received: Int, total: Int? = nil, bytesPerSecond: Double? = nil) {
    self.file = file
    self.received = received
    self.total = total
    self.bytesPerSecond = bytesPerSecond
  }

  var secondsLeft: Double? {
    guard let total, let bytesPerSecond, bytesPerSecond > 0 else { return nil }
    return Double(max(total - received, 0)) / bytesPerSecond
  }
}

extension DownloadProgress: ProgressLine {
  public func line(width: Int, isUnicode: Bool) -> String {
    let count = total.map { "\(byteCount(received)) of \(byteCount($0))" } ?? byteCount(received)
    let words = [bytesPerSecond.map { byteCount(Int($0)) + "/s" }, secondsLeft.map { clock(seconds: $0) + " left" }]
    return progressLine(
      head: file, fraction: total.map { $0 > 0 ? Double(received) / Double($0) : 1 }, count: count,
      words: words.compactMap { $0 }, width: width, isUnicode: isUnicode)
  }
}

/// A file's size in decimal units: 12 bytes, 9.83 MB, 528 MB.
public func byteCount(_ bytes: Int) -> String {
  let value = Double(bytes)
  return switch value {
  case ..<1e3: "\(bytes) bytes"
  case ..<1e6: threeDigits(value / 1e3) + " kB"
  case ..<1e9: threeDigits(value / 1e6) + " MB"
  default: threeDigits(value / 1e9) + " GB"
  }
}
