public import Foundation

/// How the network is used. The variables are those of Hugging Face's Python library, `huggingface_hub`.
public struct NetworkSettings: Sendable {
  /// Where `hf:` addresses lead (`HF_ENDPOINT`).
  public var endpoint = URL(string: "https://huggingface.co")!
  /// Sent to the endpoint's host and to no other (`HF_TOKEN`).
  public var token: String?
  /// Whether nothing may be asked for (`HF_HUB_OFFLINE`).
  public var isOffline = false
  /// Seconds without a single byte after which a connection is given up (`HF_HUB_DOWNLOAD_TIMEOUT`).
  public var patience = 30
  /// Seconds from the end of a broken connection to the next one.
  public var pause = 1.0

  public init() {}

  /// What the environment says; empty variables count as unset.
  public init(environment: [String: String]) throws(DownloadError) {
    func value(_ name: String) -> String? {
      let text = environment[name]?.trimmingCharacters(in: .whitespacesAndNewlines)
      return text?.isEmpty == false ? text : nil
    }
    if let address = value("HF_ENDPOINT") {
      endpoint = try httpURL(address, called: "HF_ENDPOINT")
    }
    token = value("HF_TOKEN")
    isOffline = value("HF_HUB_OFFLINE").map { ["1", "ON", "YES", "TRUE"].contains($0.uppercased()) } ?? false
    if let seconds = value("HF_HUB_DOWNLOAD_TIMEOUT").flatMap(Int.init) { patience = min(max(seconds, 1), 3600) }
  }

  /// Whether a request for `url` may carry the token.
  func trusts(_ url: URL) -> Bool {
    url.scheme == endpoint.scheme && url.host == endpoint.host && url.port == endpoint.port
  }
}

/// A URL of http or https, with a host.
func httpURL(_ address: String, called name: String? = nil) throws(DownloadError) -> URL {
  guard let url = URL(string: address), ["http", "https"].contains(url.scheme?.lowercased()), url.host?.isEmpty == false
  else {
    throw .badAddress(address, reason: (name.map { "\($0) " } ?? "it ") + "wants http://… or https://…")
  }
  return url
}
