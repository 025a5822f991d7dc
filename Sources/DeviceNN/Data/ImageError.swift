/// Why a file did not become a picture. Every case names the file, since the reader has thousands.
public enum ImageError: Error, Equatable, Sendable {
  /// The file could not be read at all; `reason` is the system's.
  case unreadable(file: String, reason: String)
  /// The first bytes belong to no format that is read here; `found` says what they look like.
  case unknownFormat(file: String, found: String)
  /// The file says it is a `format`, but is truncated or damaged; `reason` is the decoder's.
  case damaged(file: String, format: String, reason: String)
  /// The picture would take more memory than any photograph.
  case tooLarge(file: String, width: Int, height: Int, limit: Int)
  /// A file could not be written.
  case unwritable(file: String, reason: String)
}

extension ImageError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) can't be read: \(reason)"
    case .unknownFormat(let file, let found): "\(file) is \(found), but JPEG, PNG or PPM (P6) was wanted"
    case .damaged(let file, let format, let reason): "\(file) is a damaged \(format) file: \(reason)"
    case .tooLarge(let file, let width, let height, let limit):
      "\(file) has \(width)x\(height) pixels, but at most \(limit / 1_000_000) million were wanted"
    case .unwritable(let file, let reason): "\(file) can't be written: \(reason)"
    }
  }

  /// What is wrong, without the file's name: for lists that name it already.
  var reason: String {
    switch self {
    case .unreadable(_, let reason), .unwritable(_, let reason): reason
    case .unknownFormat(_, let found): found
    case .damaged(_, let format, let reason): "damaged \(format): \(reason)"
    case .tooLarge(_, let width, let height, _): "\(width)x\(height) pixels are too many"
    }
  }
}
