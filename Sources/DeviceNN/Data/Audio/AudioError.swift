/// What is wrong with a sound file, as one line that says what was wanted.
public enum AudioError: Error, Equatable, Sendable {
  case unreadable(file: String, reason: String)
  /// It is no WAV file, or one of a kind that is not read.
  case unknownFormat(file: String, found: String)
  case damaged(file: String, reason: String)
  case unsupportedRate(file: String, rate: Int)
  /// The file is whole, and there is no sound in it.
  case empty(file: String)
  /// A sample, counted from 0, is no number.
  case notFinite(file: String, sample: Int, found: String)
}

extension AudioError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) can't be read: \(reason)"
    case .unknownFormat(let file, let found):
      "\(file) is \(found), but WAV with integers of 8, 16, 24 or 32 bits or floats was wanted"
    case .damaged(let file, let reason): "\(file) is a damaged WAV file: \(reason)"
    case .unsupportedRate(let file, let rate): "\(file) has \(rate) samples a second, but 8000 to 48000 were wanted"
    case .empty(let file): "\(file) holds no sound: it has no samples"
    case .notFinite(let file, let sample, let found): "\(file): sample \(sample) is \(found), but a finite number was wanted"
    }
  }
}
