import Foundation
internal import Kernels

/// Weights that were downloaded, each under a name: a folder of files, whole or absent.
///
/// What is still on its way lies in a hidden folder beside it, which a later pull goes on with, and which only one
/// process works in at a time.
public struct WeightsCache: Sendable {
  public let folder: String

  /// The folder `weights` in `$DEVICENN_CACHE`, `$XDG_CACHE_HOME/devicenn` or `~/.cache/devicenn`.
  public init() { self.init(folder: Setting.cacheFolder.appendingPathComponent("weights").path) }

  public init(folder: String) { self.folder = folder }

  public struct Entry: Sendable, Equatable {
    public var name: String
    public var path: String
    /// Of all its files.
    public var bytes: Int
    /// Where it came from; nil where somebody put it here by hand.
    public var source: String?
  }

  /// What is here, by name.
  public func entries() -> [Entry] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter(Self.isName).sorted().compactMap { name in
      guard let path = try? path(of: name) else { return nil }
      let bytes = files(of: name).reduce(0) { sum, file in
        let attributes = try? FileManager.default.attributesOfItem(atPath: place(of: name) + "/" + file)
        return sum + (attributes?[.size] as? Int ?? 0)
      }
      return Entry(name: name, path: path, bytes: bytes, source: StagingFolder.source(in: place(of: name)))
    }
  }

  /// The file of weights, or the folder where there are several files (`config.json`, shards).
  public func path(of name: String) throws(DownloadError) -> String {
    guard Self.isName(name) else { throw .badName(name) }
    let files = files(of: name)
    guard !files.isEmpty else {
      throw .notInCache(name: name, path: place(of: name), isPublished: PublishedWeights.source(of: name) != nil)
    }
    return files.count == 1 ? place(of: name) + "/" + files[0] : place(of: name)
  }

  /// Downloads weights, unless they are here, and returns what `path(of:)` does. Blocks until they are whole.
  ///
  /// - Parameters:
  ///   - source: nil for where they are published.
  ///   - checksum: of the file of weights. Without it, the one in the file's name or the hub's is taken, if there is one.
  public func pull(
    _ name: String, from source: WeightsSource? = nil, checksum: Checksum? = nil, settings: NetworkSettings,
    report: @escaping (DownloadEvent) -> Void = { _ in }
  ) throws(DownloadError) -> String {
    guard Self.isName(name) else { throw .badName(name) }
    if let path = try present(name, from: source, checksum) { return path }
    guard let source = source ?? PublishedWeights.source(of: name) else {
      throw .unknownName(name, known: PublishedWeights.names)
    }
    let staging = try StagingFolder(folder + "/." + name + ".partial") {
      report(.notice("another process pulls \(name); waiting for it"))
    }
    // The other process may have been done meanwhile.
    if let path = try present(name, from: source, checksum) { return path }
    try staging.prepare(for: source)
    try WeightsFetch(
      source: source, checksum: checksum, folder: staging.path, place: place(of: name), settings: settings,
      report: report
    ).run()
    try staging.publish(as: place(of: name))
    return try path(of: name)
  }

  /// What is here already, unless it is something else than is wanted.
  private func present(
    _ name: String, from source: WeightsSource?, _ checksum: Checksum?
  ) throws(DownloadError) -> String? {
    guard let path = try? path(of: name) else { return nil }
    if let source, let stored = StagingFolder.source(in: place(of: name)), stored != source.description {
      throw .otherSource(path: place(of: name), stored: stored, given: source.description)
    }
    if let checksum {
      let files = files(of: name)
      let file = files.count == 1 ? files[0] : files.first { WeightsFetch.weights.contains($0) } ?? ""
      try verify(place(of: name) + "/" + file, from: path, checksum)
    }
    return path
  }

  private func place(of name: String) -> String { folder + "/" + name }

  private func files(of name: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place(of: name))) ?? []
    return names.filter { !$0.hasPrefix(".") && $0 != StagingFolder.sourceFile }.sorted()
  }

  static func isName(_ name: String) -> Bool { name.wholeMatch(of: /[A-Za-z0-9_-][A-Za-z0-9._-]*/) != nil }
}
