// What a loader reads from: labelled pictures by number, wherever they lie.
internal import Foundation

/// Labelled pictures, numbered from 0. Read from several threads at once.
public protocol ImageSource: Sendable {
  var count: Int { get }

  /// The class of a picture, an index into the data set's class names.
  func label(at index: Int) -> Int32

  /// What a person calls a picture: its file, or its number.
  func name(at index: Int) -> String

  /// The size of a picture's file; nil where it has none of its own.
  func byteCount(at index: Int) -> Int?

  /// Decodes a picture. Its shorter side need not be longer than `atLeast`, if the source can save time by that.
  func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image
}

extension ImageSource {
  public func name(at index: Int) -> String { "picture \(index)" }
  public func byteCount(at index: Int) -> Int? { nil }
}

/// Files of a folder, each with its class.
public struct ImageFiles: ImageSource, Equatable {
  /// What the files' names are relative to.
  public let root: String
  public let files: [String]
  public let labels: [Int32]

  public init(root: String, files: [String], labels: [Int32]) {
    precondition(files.count == labels.count, "\(files.count) files can't have \(labels.count) labels")
    (self.root, self.files, self.labels) = (root, files, labels)
  }

  public var count: Int { files.count }
  public func label(at index: Int) -> Int32 { labels[index] }
  public func name(at index: Int) -> String { files[index] }
  public func path(at index: Int) -> String { files[index].hasPrefix("/") ? files[index] : root + "/" + files[index] }

  public func byteCount(at index: Int) -> Int? {
    try? FileManager.default.attributesOfItem(atPath: path(at: index))[.size] as? Int
  }

  public func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image {
    try Image(contentsOf: path(at: index), atLeast: atLeast)
  }

  /// Those of these numbers, in this order.
  public func selecting(_ indices: [Int]) -> ImageFiles {
    ImageFiles(root: root, files: indices.map { files[$0] }, labels: indices.map { labels[$0] })
  }

  /// Of each class `fraction`, at least one of two or more, is held out, chosen by the seed.
  func holdingOut(_ fraction: Double, seed: UInt64) -> (kept: [Int], heldOut: [Int]) {
    precondition((0..<1).contains(fraction), "a validation fraction of \(fraction) is not within 0 ..< 1")
    let members = Dictionary(grouping: 0..<count) { labels[$0] }
    var (kept, heldOut): ([Int], [Int]) = ([], [])
    for (label, members) in members.sorted(by: { $0.key < $1.key }) {
      var generator = Philox(seed: seed, stream: UInt64(label))
      let order = generator.permutation(of: members.count).map { members[$0] }
      let wanted = Int((Double(members.count) * fraction).rounded())
      let count = fraction == 0 ? 0 : min(max(wanted, 1), members.count - 1)
      heldOut += order[..<count].sorted()
      kept += order[count...].sorted()
    }
    return (kept, heldOut)
  }
}

/// Some of another source's pictures.
public struct ImageSelection: ImageSource {
  public let source: any ImageSource
  public let indices: [Int]

  public init(of source: any ImageSource, _ indices: [Int]) { (self.source, self.indices) = (source, indices) }

  /// So many of each class, or all where there are fewer, drawn by `seed`, in the source's order.
  public init(of source: any ImageSource, perClass: Int, seed: UInt64) {
    precondition(perClass > 0, "a class needs pictures, not \(perClass)")
    var generator = Philox(seed: seed, stream: 1 << 63)
    let members = Dictionary(grouping: 0..<source.count) { source.label(at: $0) }
    let drawn = members.keys.sorted().flatMap { label in
      generator.permutation(of: members[label]!.count).prefix(perClass).map { members[label]![$0] }
    }
    self.init(of: source, drawn.sorted())
  }

  public var count: Int { indices.count }
  public func label(at index: Int) -> Int32 { source.label(at: indices[index]) }
  public func name(at index: Int) -> String { source.name(at: indices[index]) }
  public func byteCount(at index: Int) -> Int? { source.byteCount(at: indices[index]) }
  public func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image {
    try source.image(at: indices[index], atLeast: atLeast)
  }
}

/// Pictures in memory.
public struct ImageArray: ImageSource {
  public var images: [Image]
  public var labels: [Int32]

  public init(images: [Image], labels: [Int32]) {
    precondition(images.count == labels.count, "\(images.count) pictures can't have \(labels.count) labels")
    (self.images, self.labels) = (images, labels)
  }

  public var count: Int { images.count }
  public func label(at index: Int) -> Int32 { labels[index] }
  public func image(at index: Int, atLeast: Int?) -> Image { images[index] }
}
