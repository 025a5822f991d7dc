public import Foundation

/// Where weights are published.
public enum WeightsSource: Sendable, Equatable {
  /// One file: http, https or file.
  case url(URL)
  /// A repository on Hugging Face's hub.
  case hub(HubRepository)

  /// Of `hf:OWNER/NAME`, `hf:OWNER/NAME@REVISION`, `https://…`, `file:…` or the path of a file.
  public init(_ address: String) throws(DownloadError) {
    if address.hasPrefix("hf:") {
      self = .hub(try HubRepository(String(address.dropFirst(3))))
    } else if address.contains("://") {
      self = .url(
        address.hasPrefix("file:") ? URL(fileURLWithPath: URL(string: address)?.path ?? "") : try httpURL(address))
    } else {
      guard !address.isEmpty else { throw .badAddress(address, reason: "it is empty") }
      self = .url(URL(fileURLWithPath: address))
    }
  }
}

extension WeightsSource: CustomStringConvertible {
  public var description: String {
    switch self {
    case .url(let url): url.absoluteString
    case .hub(let repository): "hf:\(repository)"
    }
  }
}

/// A model's files on the hub, at a branch, tag or commit.
public struct HubRepository: Sendable, Equatable, CustomStringConvertible {
  /// Such as `timm/resnet18.a1_in1k`.
  public let name: String
  public let revision: String

  /// Of `OWNER/NAME` or `OWNER/NAME@REVISION`.
  public init(_ text: String) throws(DownloadError) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    (name, revision) = (parts[0], parts.count > 1 ? parts[1] : "main")
    // A dot at the front would be a step to another folder of the server.
    guard name.wholeMatch(of: /([A-Za-z0-9_-][A-Za-z0-9._-]*\/)?[A-Za-z0-9_-][A-Za-z0-9._-]*/) != nil,
      revision.wholeMatch(of: /[A-Za-z0-9_-][A-Za-z0-9._\/-]*/) != nil
    else { throw .badAddress("hf:" + text, reason: "wanted hf:OWNER/NAME or hf:OWNER/NAME@REVISION") }
  }

  public var description: String { revision == "main" ? name : "\(name)@\(revision)" }

  func url(of file: String, at endpoint: URL) -> URL {
    // A branch's name may hold slashes, which are a part of it here: refs/pr/1.
    let branch = revision.replacing("/", with: "%2F")
    let base = endpoint.absoluteString.trimmingSuffix("/")
    return URL(string: "\(base)/\(name)/resolve/\(branch)/\(file)")!
  }
}

extension String {
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var text = self
    while text.last == character { text.removeLast() }
    return text
  }
}
