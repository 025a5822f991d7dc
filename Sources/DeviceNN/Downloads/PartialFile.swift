import Foundation

/// What has come of a file so far, and beside it, in a hidden `.NAME.origin`, of which file it is: an address and what
/// the server gave to know that version by.
final class PartialFile {
  let path: String
  private let descriptor: Int32
  private var originPath: String {
    (path as NSString).deletingLastPathComponent + "/." + (path as NSString).lastPathComponent + ".origin"
  }

  init(path: String) throws(DownloadError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .file(unwritable(path, errno)) }
  }

  deinit { close(descriptor) }

  /// Bytes on the disk.
  var count: Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(DownloadError) {
    if let code = writeAll(bytes, to: descriptor) { throw .file(unwritable(path, code)) }
  }

  /// Begins anew, with a version that `validator` names.
  func restart(from url: URL, validator: String?) throws(DownloadError) {
    guard ftruncate(descriptor, 0) == 0 else { throw .file(unwritable(path, errno)) }
    unlink(originPath)
    guard let validator else { return }
    do throws(FileError) { try AtomicFile.write(url.absoluteString + "\n" + validator + "\n", to: originPath) } catch {
      throw .file(error)
    }
  }

  /// What names the version that the bytes here are of, where it is known and they came from `url`.
  func validator(of url: URL) -> String? {
    let lines = try? String(contentsOfFile: originPath, encoding: .utf8).split(separator: "\n")
    guard let lines, lines.count == 2, lines[0] == url.absoluteString else { return nil }
    return String(lines[1])
  }

  /// The file is what it should be.
  func finish() throws(DownloadError) {
    guard synchronizeToDisk(descriptor) == 0 else { throw .file(unwritable(path, errno)) }
  }

  func remove() {
    unlink(path)
    unlink(originPath)
  }
}
