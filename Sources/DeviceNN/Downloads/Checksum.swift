import Foundation

/// The SHA-256 that a file should have, or its first digits.
public struct Checksum: Sendable, Equatable, CustomStringConvertible {
  /// 8 to 64 hexadecimal digits, the letters small.
  public let description: String

  /// Nil where `digits` is nothing of the kind.
  public init?(_ digits: String) {
    guard (8...64).contains(digits.utf8.count), digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
    description = digits.lowercased()
  }

  /// What PyTorch's convention puts into a file's name: `resnet18-f37072fd.pth`. Digits alone are taken for a date.
  init?(inName name: String) {
    guard let digits = name.wholeMatch(of: /.*-([0-9a-f]{8,64})\.(pth|pt)/)?.1, digits.contains(where: \.isLetter)
    else {
      return nil
    }
    self.init(String(digits))
  }

  func matches(_ digest: String) -> Bool { digest.hasPrefix(description) }
}

/// The SHA-256 of a file, read in pieces.
func sha256(ofFile path: String) throws(FileError) -> String {
  guard let file = FileHandle(forReadingAtPath: path) else {
    throw .unreadable(path: path, reason: String(cString: strerror(errno)))
  }
  defer { try? file.close() }
  var hash = SHA256()
  while true {
    let piece: Data?
    do { piece = try file.read(upToCount: 1 << 20) } catch {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard let piece, !piece.isEmpty else { return hash.digest() }
    piece.withUnsafeBytes { hash.update($0) }
  }
}
