internal import Foundation

/// Why weights could not be had, in one line that names the address, what came, what was wanted, and what helps.
public enum DownloadError: Error, Equatable, Sendable {
  /// No address can be made of what was given.
  case badAddress(String, reason: String)
  /// A name that can't be the name of a folder.
  case badName(String)
  /// Nobody publishes weights by this name that this package knows of.
  case unknownName(String, known: [String])
  case notInCache(name: String, path: String, isPublished: Bool)
  /// The cache holds weights of this name from another place.
  case otherSource(path: String, stored: String, given: String)
  /// The network is not to be used; the file would have its place at `path`.
  case offline(url: String, path: String)
  case noLibrary(url: String)
  /// The server's answer is not the file.
  case refused(url: String, status: Int, hasToken: Bool)
  case badRedirect(url: String, target: String, reason: String)
  /// What has come so far is kept at `path`.
  case broken(url: String, reason: String, received: Int, wanted: Int?, path: String)
  case wrongSize(url: String, found: Int, wanted: Int)
  case wrongChecksum(url: String, found: String, wanted: Checksum)
  /// A repository without weights in a format that this package reads.
  case noWeights(repository: String, tried: [String])
  case badIndex(url: String, reason: String)
  case file(FileError)
}

extension DownloadError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .badAddress(let address, let reason): "'\(address)' is no address of weights: \(reason)"
    case .badName(let name):
      "'\(name)' can't be a name in the cache: wanted letters, digits, '.', '_' and '-', the first one no '.'"
    case .unknownName(let name, let known):
      "no published weights are known for '\(name)': say where with --from; known are \(known.joined(separator: ", "))"
    case .notInCache(let name, let path, let isPublished):
      "\(path) does not exist: 'devicenn weights pull \(name)\(isPublished ? "" : " --from …")' makes it"
    case .otherSource(let path, let stored, let given):
      "\(path) holds weights from \(stored), not from \(given): take another name, or delete it"
    case .offline(let url, let path):
      "HF_HUB_OFFLINE forbids to ask for \(url): unset it, or put the file at \(path) yourself"
    case .noLibrary(let url):
      "\(url) can't be asked for: libcurl is not installed (libcurl4 in Debian and Ubuntu, libcurl in Fedora)"
    case .refused(let url, let status, let hasToken): "\(url) answered \(meaning(of: status, hasToken: hasToken))"
    case .badRedirect(let url, let target, let reason):
      "\(url) redirects to '\(target)', which is not followed: \(reason)"
    case .broken(let url, let reason, 0, _, _): "\(url) could not be had: \(reason)"
    case .broken(let url, let reason, let received, let wanted, let path):
      "\(url) broke off after \(received)\(wanted.map { " of \($0)" } ?? "") bytes (\(reason)): the same command goes on "
        + "from what is kept at \(path)"
    case .wrongSize(let url, let found, let wanted):
      "\(url) offers \(found) bytes, but \(wanted) were published: nothing was kept"
    case .wrongChecksum(let url, let found, let wanted):
      "\(url) has the SHA-256 \(found), wanted \(wanted)\(wanted.description.utf8.count < 64 ? "…" : ""): it is damaged "
        + "or another file"
    case .noWeights(let repository, let tried):
      "\(repository) has none of \(tried.joined(separator: ", ")), or does not exist"
    case .badIndex(let url, let reason): "\(url) is no index of safetensors files: \(reason)"
    case .file(let error): "\(error)"
    }
  }

  private func meaning(of status: Int, hasToken: Bool) -> String {
    switch status {
    case 401, 403:
      "\(status): "
        + (hasToken
          ? "the token in HF_TOKEN does not open it" : "it is not public, or does not exist: HF_TOKEN may open it")
    case 404: "404: there is no such file"
    case 429: "429: it was asked too often; try again later"
    case 500...: "\(status): the server has failed; try again later"
    default: "\(status) where 200 was wanted"
    }
  }
}
