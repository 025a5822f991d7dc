// What a loader reads from: labelled pictures by number, wherever they lie.

/// Labelled pictures, numbered from 0. Read from several threads at once.
public protocol ImageSource: Sendable {
  var count: Int { get }

  /// The class of a picture, an index into the data set's class names.
  func label(at index: Int) -> Int32

  /// What a person calls a picture: its file, or its number.
  func name(at index: Int) -> String

  /// Decodes a picture. Its shorter side need not be longer than `atLeast`, if the source can save time by that.
  func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image
}

extension ImageSource {
  public func name(at index: Int) -> String { "picture \(index)" }
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
  public func path(at index: Int) -> String { root + "/" + files[index] }

  public func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image {
    try Image(contentsOf: path(at: index), atLeast: atLeast)
  }

  /// Those of these numbers, in this order.
  public func selecting(_ indices: [Int]) -> ImageFiles {
    ImageFiles(root: root, files: indices.map { files[$0] }, labels: indices.map { labels[$0] })
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
