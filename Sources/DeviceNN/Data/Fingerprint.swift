internal import Foundation

/// A number that changes with everything that is added to it (Fowler, Noll and Vo's hash).
struct Fingerprint {
  private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

  var text: String { String(hash, radix: 16) }

  mutating func add(_ text: String) { for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 } }

  /// The pictures' order, names, labels and files' sizes.
  mutating func add(_ source: any ImageSource, label: (Int) -> String) {
    for i in 0..<source.count {
      let path = (source as? ImageFiles)?.path(at: i)
      let size = path.flatMap { try? FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int } ?? 0
      add("\(source.name(at: i)) \(label(i)) \(size)\n")
    }
  }
}
