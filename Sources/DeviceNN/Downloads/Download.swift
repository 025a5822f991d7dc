import Foundation

/// One file from the network: gone on with where an earlier attempt broke off, and checked.
///
/// Bytes go from the connection to the disk in pieces. Where some have come, a connection that breaks is made again, up
/// to five times in a row that bring nothing new; after that, what has come stays where it is, and the next download
/// goes on from there.
struct Download {
  let url: URL
  /// Where the file comes to lie. What is there already counts as its beginning.
  let path: String
  /// What the caller knows of it.
  var checksum: Checksum?
  let settings: NetworkSettings
  let report: (DownloadEvent) -> Void

  static let attempts = 5

  func run() throws(DownloadError) {
    let file = try PartialFile(path: path)
    let transfer = Transfer(of: url, to: file, settings: settings, isCheckable: checksum != nil, report: report)
    var (most, fruitless) = (file.count, 0)
    while true {
      do throws(DownloadError) {
        try transfer.run()
        break
      } catch {
        if case .broken(_, _, let received, _, _) = error {
          fruitless = received > most ? 1 : fruitless + 1
          most = max(most, received)
        }
        guard case .broken(_, let reason, let received, _, _) = error, most > 0, fruitless < Self.attempts else {
          if file.count == 0 { file.remove() }
          throw error
        }
        report(.notice("\(transfer.name): \(reason) after \(byteCount(received)); going on"))
        Thread.sleep(forTimeInterval: settings.pause)
      }
    }
    do throws(DownloadError) {
      try verify(path, from: url.absoluteString, checksum ?? transfer.publishedChecksum)
    } catch {
      file.remove()
      throw error
    }
    try file.finish()
    report(.finished(DownloadProgress(file: transfer.name, received: file.count, total: file.count)))
  }
}

/// Compares a file with its checksum, if there is one.
func verify(_ path: String, from origin: String, _ checksum: Checksum?) throws(DownloadError) {
  guard let checksum else { return }
  let digest: String
  do throws(FileError) { digest = try sha256(ofFile: path) } catch { throw .file(error) }
  guard checksum.matches(digest) else { throw .wrongChecksum(url: origin, found: digest, wanted: checksum) }
}
