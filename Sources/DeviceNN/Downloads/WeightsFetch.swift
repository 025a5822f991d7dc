import Foundation

/// Brings all files of some weights into a folder.
struct WeightsFetch {
  let source: WeightsSource
  let checksum: Checksum?
  let folder: String
  /// Where the folder is going to be.
  let place: String
  let settings: NetworkSettings
  let report: (DownloadEvent) -> Void

  func run() throws(DownloadError) {
    switch source {
    case .url(let url): try fetch(url)
    case .hub(let repository): try fetch(repository)
    }
  }

  private func fetch(_ url: URL) throws(DownloadError) {
    let name = url.lastPathComponent
    guard WeightsCache.isName(name), name != StagingFolder.sourceFile else {
      throw .badAddress(url.absoluteString, reason: "its last part, '\(name)', can't be a file's name")
    }
    let checksum = checksum ?? Checksum(inName: name)
    if url.isFileURL { return try copy(url.path, to: name, checksum) }
    try download(url, to: name, checksum)
  }

  private func download(_ url: URL, to name: String, _ checksum: Checksum?) throws(DownloadError) {
    if settings.isOffline { throw .offline(url: url.absoluteString, path: place + "/" + name) }
    try Download(url: url, path: folder + "/" + name, checksum: checksum, settings: settings, report: report).run()
  }

  private func copy(_ path: String, to name: String, _ checksum: Checksum?) throws(DownloadError) {
    guard access(path, R_OK) == 0 else {
      throw .file(.unreadable(path: path, reason: String(cString: strerror(errno))))
    }
    try verify(path, from: path, checksum)
    let copy = folder + "/" + name
    unlink(copy)
    do { try FileManager.default.copyItem(atPath: path, toPath: copy) } catch {
      throw .file(.unreadable(path: path, reason: systemReason(error)))
    }
  }

  // MARK: The hub

  /// The formats that this package reads, the best first.
  static let weights = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"]

  private func fetch(_ repository: HubRepository) throws(DownloadError) {
    try fetchIfThere("config.json", of: repository)
    for name in Self.weights where try fetchIfThere(name, of: repository, checksum) {
      if name.hasSuffix(".index.json") {
        for shard in try shards(of: name, in: repository) { try download(shard, of: repository) }
      }
      return
    }
    throw .noWeights(repository: source.description, tried: Self.weights)
  }

  @discardableResult
  private func fetchIfThere(
    _ name: String, of repository: HubRepository, _ checksum: Checksum? = nil
  ) throws(DownloadError) -> Bool {
    do throws(DownloadError) { try download(name, of: repository, checksum) } catch {
      guard case .refused(_, 404, _) = error else { throw error }
      return false
    }
    return true
  }

  private func download(
    _ name: String, of repository: HubRepository, _ checksum: Checksum? = nil
  ) throws(DownloadError) {
    try download(repository.url(of: name, at: settings.endpoint), to: name, checksum)
  }

  private struct Index: Decodable {
    var weight_map: [String: String]
  }

  private func shards(of index: String, in repository: HubRepository) throws(DownloadError) -> [String] {
    let url = repository.url(of: index, at: settings.endpoint).absoluteString
    if checksum != nil { throw .badIndex(url: url, reason: "one SHA-256 can't check the several files that it names") }
    let path = folder + "/" + index
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard let size = attributes?[.size] as? Int, size < 64 << 20,
      let bytes = FileManager.default.contents(atPath: path),
      let map = try? JSONDecoder().decode(Index.self, from: bytes).weight_map
    else { throw .badIndex(url: url, reason: "it is no JSON object with a weight_map of names") }
    let shards = Set(map.values).sorted()
    for name in shards where !name.hasSuffix(".safetensors") || !WeightsCache.isName(name) {
      throw .badIndex(url: url, reason: "'\(name)' is not the name of a safetensors file in the same folder")
    }
    return shards
  }
}
