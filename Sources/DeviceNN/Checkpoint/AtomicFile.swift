// The one place that writes the files of a run: each is whole or absent, whatever happens while it is written.
public import Foundation
import Synchronization

/// A file that comes into being at once.
///
/// The bytes go to a temporary name in the same folder, to the disk (`fsync`), and only then, by a rename, to
/// their own name: a reader sees the old file or the new one, and so does the next run after a crash.
public struct AtomicFile: ~Copyable {
  private let path: String
  private let partialPath: String
  private let descriptor: Int32

  /// Writes what `body` appends to `path`. When anything fails, the error names the file, nothing new is left
  /// behind, and a file that was there before stays as it was.
  public static func write(
    to path: String, _ body: (borrowing AtomicFile) throws(FileError) -> Void
  ) throws(FileError) {
    limitsAreErrors
    removePartials(in: folder(of: path))
    let file = try AtomicFile(path: path)
    do throws(FileError) {
      try body(file)
      try file.commit()
    } catch {
      unlink(file.partialPath)
      throw error
    }
    try synchronize(folder: folder(of: path), for: path)
  }

  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(to: path) { file throws(FileError) in try file.append(text) }
  }

  public static func write(_ bytes: Data, to path: String) throws(FileError) {
    try write(to: path) { file throws(FileError) in try file.append(bytes) }
  }

  public func append(_ text: String) throws(FileError) { try append(Data(text.utf8)) }

  public func append(_ bytes: Data) throws(FileError) {
    let failure = bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    if let failure { throw unwritable(path, failure) }
  }

  private init(path: String) throws(FileError) {
    self.path = path
    let number = counter.add(1, ordering: .relaxed).oldValue
    let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
    partialPath = "\(Self.folder(of: path))/.\(name)\(Self.partialMark)\(getpid())-\(number)"
    descriptor = open(partialPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw unwritable(path, errno) }
  }

  private func commit() throws(FileError) {
    guard synchronizeToDisk(descriptor) == 0 else { throw unwritable(path, errno) }
    guard rename(partialPath, path) == 0 else { throw unwritable(path, errno) }
  }

  deinit { close(descriptor) }
}

// MARK: Folders

extension AtomicFile {
  /// Makes a folder, and those around it, where there is none.
  public static func makeFolder(_ path: String) throws(FileError) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw .unwritable(path: path, reason: "it is a file, and a folder was wanted") }
      return
    }
    try makeFolder(folder(of: path))
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw unwritable(path, errno) }
  }

  /// Makes the folder around a file that is written after long work, and throws now where it could not be written then.
  public static func makeFolder(around path: String) throws(FileError) {
    let folder = folder(of: path)
    try makeFolder(folder)
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      throw .unwritable(path: path, reason: "it is a folder, and a file was wanted")
    }
    guard access(folder, W_OK) == 0 else { throw unwritable(path, errno) }
  }
}

// MARK: Temporary names

extension AtomicFile {
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// A run that was killed while it wrote leaves a temporary file; the next write into that folder, of whichever
  /// file, removes it. The temporary file of a process that is still running is not touched.
  private static func removePartials(in folder: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(".") {
      guard let mark = name.range(of: partialMark, options: .backwards),
        let process = name[mark.upperBound...].split(separator: "-").first.flatMap({ pid_t($0) })
      else { continue }
      if kill(process, 0) != 0, errno == ESRCH { unlink(folder + "/" + name) }
    }
  }

  private static let partialMark = ".partial-"

  /// A rename is only on the disk when its folder is.
  private static func synchronize(folder: String, for path: String) throws(FileError) {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }  // a folder that may be written but not listed
    defer { close(descriptor) }
    // Some file systems know no fsync of a folder (EINVAL): there is nothing more to be done then.
    if fsync(descriptor) != 0, errno == EIO || errno == ENOSPC { throw unwritable(path, errno) }
  }
}

private let counter = Atomic(0)

/// Past a limit on file sizes (`ulimit -f`) the kernel kills a process unless it ignores this signal; ignored,
/// the limit is an error of the write, like a full disk.
private let limitsAreErrors: Void = {
  _ = signal(SIGXFSZ, SIG_IGN)
}()

func unwritable(_ path: String, _ code: Int32) -> FileError {
  .unwritable(path: path, reason: String(cString: strerror(code)))
}

/// Writes all of `bytes`; returns the error number of what stopped it.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
  var rest = bytes[...]
  while let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
    // macOS refuses more than 2 GiB at once.
    let count = write(descriptor, start, min(rest.count, 1 << 30))
    if count < 0, errno == EINTR { continue }
    if count < 0 { return errno }
    rest = rest.dropFirst(count)
  }
  return nil
}

/// macOS's fsync stops at the disk's own cache.
func synchronizeToDisk(_ descriptor: Int32) -> Int32 {
  #if canImport(Darwin)
    if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
  #endif
  return fsync(descriptor)
}
