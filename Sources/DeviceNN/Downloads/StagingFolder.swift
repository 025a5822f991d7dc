import Foundation

/// A folder in which one process gathers files until they are all there.
final class StagingFolder {
  /// Says where the files are from.
  static let sourceFile = "source.txt"

  let path: String
  private let descriptor: Int32

  /// Makes the folder, or goes on with the one that is there. Waits while another process (or thread) has it, after
  /// calling `willWait`.
  init(_ path: String, willWait: () -> Void) throws(DownloadError) {
    self.path = path
    var hasWaited = false
    while true {
      do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
        throw .file(.unwritable(path: path, reason: systemReason(error)))
      }
      let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      if folder < 0, errno == ENOENT { continue }
      guard folder >= 0 else { throw .file(unwritable(path, errno)) }
      if flock(folder, LOCK_EX | LOCK_NB) != 0 {
        if !hasWaited { willWait() }
        hasWaited = true
        while flock(folder, LOCK_EX) != 0, errno == EINTR {}
      }
      // Whoever had it may have renamed it.
      if Self.isOpen(path, as: folder) {
        descriptor = folder
        return
      }
      close(folder)
    }
  }

  /// Leaves the folder if there is something to go on with.
  deinit {
    if Self.isOpen(path, as: descriptor), names.allSatisfy({ $0 == Self.sourceFile }) {
      unlink(path + "/" + Self.sourceFile)
      rmdir(path)
    }
    close(descriptor)
  }

  /// Empties the folder if what is in it came from elsewhere.
  func prepare(for source: WeightsSource) throws(DownloadError) {
    if Self.source(in: path) == source.description { return }
    for name in names { try? FileManager.default.removeItem(atPath: path + "/" + name) }
    do throws(FileError) { try AtomicFile.write(source.description + "\n", to: path + "/" + Self.sourceFile) } catch {
      throw .file(error)
    }
  }

  /// Gives the folder its name: from now on it is whole.
  func publish(as place: String) throws(DownloadError) {
    for name in names where name.hasPrefix(".") { unlink(path + "/" + name) }
    rmdir(place)  // an empty folder holds no weights
    guard rename(path, place) == 0 else { throw .file(unwritable(place, errno)) }
  }

  static func source(in folder: String) -> String? {
    (try? String(contentsOfFile: folder + "/" + sourceFile, encoding: .utf8))?.trimmingCharacters(in: .newlines)
  }

  private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

  /// Whether the folder that is open is still the one of that name.
  private static func isOpen(_ path: String, as descriptor: Int32) -> Bool {
    var (named, opened) = (stat(), stat())
    return stat(path, &named) == 0 && fstat(descriptor, &opened) == 0 && named.st_ino == opened.st_ino
      && named.st_dev == opened.st_dev
  }
}

/// What the file system said, of an error of Foundation's.
func systemReason(_ error: any Error) -> String {
  let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError)?.code
  return code.map { String(cString: strerror(Int32($0))) } ?? (error as NSError).localizedDescription
}
