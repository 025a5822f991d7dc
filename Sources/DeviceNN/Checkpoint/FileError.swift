/// What the file system refused: every case names the file and says why, in one line.
public enum FileError: Error, Equatable, Sendable {
  case unreadable(path: String, reason: String)
  /// Nothing of the new contents was left behind; what was at `path` before is still there.
  case unwritable(path: String, reason: String)
}

extension FileError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path) could not be read: \(reason)"
    case .unwritable(let path, let reason): "\(path) could not be written: \(reason)"
    }
  }
}
