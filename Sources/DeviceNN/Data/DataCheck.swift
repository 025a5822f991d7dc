// What a person would want to know of a data set before training on it. Nothing is changed.
internal import Foundation

/// What was found in a data set: counts, sizes, files that can't be read, and pictures that are there twice or are odd.
public struct DataCheck: Sendable {
  public let path: String
  public let classes: [String]
  /// Those that could be read, the training pictures first.
  public let pictures: [Picture]
  public let unreadable: [ImageFolder.BadImage]
  /// What lies in the folders of pictures and is none by its name.
  public let ignored: [String]
  /// What keeps pictures for a test from being used.
  public let testFault: DataError?
  /// Groups of pictures that are the same, those first that are in several parts.
  public let duplicates: [Duplicates]
  let sources: [DataPart: any ImageSource]

  public struct Picture: Sendable {
    public let name: String
    public let part: DataPart
    /// The number in its part.
    public let index: Int
    public let label: Int
    public let width, height: Int
    /// The mean and the standard deviation of the grey picture, 0 … 255.
    public let brightness, contrast: Float
    /// Whether red, green and blue are nearly the same everywhere.
    public let isGrey: Bool
    let bytesDigest: String?
    let pixelsDigest: UInt64
    let thumbnail: Thumbnail
  }

  public struct Duplicates: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      case sameBytes = "same bytes"
      case samePixels = "same pixels"
      /// By `Thumbnail`, mirror images included.
      case near = "nearly the same"
    }

    public let kind: Kind
    /// Numbers in `pictures`.
    public let members: [Int]
    /// Whether the pictures are in several parts: what is measured was trained on.
    public let isLeak: Bool
    /// Whether they are of several classes: one label at least is wrong.
    public let hasSeveralClasses: Bool
  }

  /// - Throws: what opening a data set throws, but not for single files that can't be read.
  public init(path: String, labelColumn: String? = nil) throws {
    let data = try ImageDataset(unchecked: path, labelColumn: labelColumn)
    var sources: [DataPart: any ImageSource] = [.train: data.train, .validation: data.validation]
    sources[.test] = data.test
    var pictures: [Picture] = []
    var unreadable: [ImageFolder.BadImage] = []
    for part in DataPart.allCases {
      guard let source = sources[part] else { continue }
      for (index, result) in concurrentMap(source.count, { Picture.read(source, $0, part) }).enumerated() {
        switch result {
        case .success(let picture): pictures.append(picture)
        case .failure(let error):
          let file = (source as? ImageFiles)?.path(at: index) ?? source.name(at: index)
          unreadable.append(ImageFolder.BadImage(file: file, error: error))
        }
      }
    }
    (self.path, classes, self.pictures, self.unreadable, self.sources) = (path, data.classes, pictures, unreadable, sources)
    (ignored, testFault) = (data.ignored, data.testFault)
    duplicates = Self.duplicates(of: pictures, sources)
  }
}

extension DataCheck.Picture {
  /// Pictures are decoded at about this size: enough for what is looked at here.
  private static let size = 64

  fileprivate static func read(
    _ source: any ImageSource, _ index: Int, _ part: DataPart
  ) -> Result<DataCheck.Picture, ImageError> {
    Result { () throws(ImageError) in
      guard let files = source as? ImageFiles else {
        let image = try source.image(at: index, atLeast: nil)
        return Self(image, source, index, part, (image.width, image.height), digest: nil)
      }
      let path = files.path(at: index)
      let bytes = try imageFileBytes(path)
      let image = try Image(decoding: bytes, name: path, atLeast: size)
      var sha = SHA256()
      bytes.withUnsafeBytes { sha.update($0) }
      return Self(image, source, index, part, Image.fullSize(of: bytes, decoded: image), digest: sha.digest())
    }
  }

  private init(
    _ image: Image, _ source: any ImageSource, _ index: Int, _ part: DataPart, _ size: (width: Int, height: Int),
    digest: String?
  ) {
    (self.part, self.index, width, height) = (part, index, size.width, size.height)
    name = source.name(at: index)
    label = Int(source.label(at: index))
    var (sum, squares, spread) = (0, 0, 0)
    var pixels: UInt64 = 0xcbf2_9ce4_8422_2325
    image.pixels.withUnsafeBufferPointer { bytes in
      for i in stride(from: 0, to: bytes.count, by: 3) {
        let (red, green, blue) = (Int(bytes[i]), Int(bytes[i + 1]), Int(bytes[i + 2]))
        let grey = (299 * red + 587 * green + 114 * blue) / 1000
        sum &+= grey
        squares &+= grey &* grey
        spread &+= max(red, green, blue) &- min(red, green, blue)
        pixels = (pixels ^ UInt64(red << 16 | green << 8 | blue)) &* 0x100_0000_01b3
      }
    }
    let count = Float(image.width * image.height)
    brightness = Float(sum) / count
    contrast = max(0, Float(squares) / count - brightness * brightness).squareRoot()
    isGrey = Float(spread) / count < 2
    (bytesDigest, pixelsDigest, thumbnail) = (digest, pixels, Thumbnail(image))
  }

  /// So little differs within it that it shows nothing.
  public var isUniform: Bool { contrast < 5 }
  public var isDark: Bool { brightness < 20 }
  public var isBright: Bool { brightness > 240 }
  /// One side is more than three times the other.
  public var isElongated: Bool { max(width, height) > 3 * min(width, height) }
}

// MARK: Duplicates

extension DataCheck {
  private static func duplicates(of pictures: [Picture], _ sources: [DataPart: any ImageSource]) -> [Duplicates] {
    func group(_ kind: Duplicates.Kind, _ members: [Int]) -> Duplicates {
      Duplicates(
        kind: kind, members: members.sorted(), isLeak: Set(members.map { pictures[$0].part }).count > 1,
        hasSeveralClasses: Set(members.map { pictures[$0].label }).count > 1)
    }
    // Each step leaves one picture of a group for the next ones.
    var left = Array(pictures.indices)
    func take(_ kind: Duplicates.Kind, _ groups: [[Int]]) -> [Duplicates] {
      let gone = Set(groups.flatMap { $0.dropFirst() })
      left.removeAll(where: gone.contains)
      return groups.map { group(kind, $0) }
    }
    let files = left.filter { pictures[$0].bytesDigest != nil }
    let sameBytes = Dictionary(grouping: files) { pictures[$0].bytesDigest! }.values.filter { $0.count > 1 }
    var found = take(.sameBytes, Array(sameBytes))

    // Small pictures that are equal are only candidates.
    let candidates = Dictionary(grouping: left) { PixelKey(pictures[$0]) }.values.filter { $0.count > 1 }
    let samePixels = concurrentMap(candidates.count) { number in
      Dictionary(grouping: candidates[number]) { member in
        (try? sources[pictures[member].part]!.image(at: pictures[member].index, atLeast: nil))?.pixels ?? []
      }.filter { !$0.key.isEmpty && $0.value.count > 1 }.map(\.value)
    }
    found += take(.samePixels, samePixels.flatMap { $0 })
    found += take(.near, nearGroups(left.filter { !pictures[$0].isUniform }, pictures))
    func order(_ group: Duplicates) -> (Int, Int, Int) {
      (group.isLeak ? 0 : 1, Duplicates.Kind.allCases.firstIndex(of: group.kind)!, group.members[0])
    }
    return found.sorted { order($0) < order($1) }
  }

  private struct PixelKey: Hashable {
    let width, height: Int
    let digest: UInt64

    init(_ picture: Picture) { (width, height, digest) = (picture.width, picture.height, picture.pixelsDigest) }
  }

  /// Each group's first picture with all later ones that look like it. Pictures that only have one in common are not linked
  /// by it: in a set of alike pictures such a chain would never end.
  private static func nearGroups(_ members: [Int], _ pictures: [Picture]) -> [[Int]] {
    let thumbnails = members.map { pictures[$0].thumbnail }
    let neighbours = concurrentMap(members.count) { first in
      let (thumbnail, mirrored) = (thumbnails[first], thumbnails[first].mirrored)
      return (first + 1..<max(members.count, first + 1)).filter {
        max(thumbnail.correlation(with: thumbnails[$0]), mirrored.correlation(with: thumbnails[$0])) > Thumbnail.threshold
      }
    }
    var isTaken = Array(repeating: false, count: members.count)
    return members.indices.compactMap { first in
      guard !isTaken[first] else { return nil }
      let others = neighbours[first].filter { !isTaken[$0] }
      for other in others { isTaken[other] = true }
      return others.isEmpty ? nil : ([first] + others).map { members[$0] }
    }
  }
}

extension Image {
  /// What a file's picture is like when nothing is left out; `decoded` may be smaller.
  fileprivate static func fullSize(of bytes: [UInt8], decoded: Image) -> (width: Int, height: Int) {
    guard ImageFormat(of: bytes) == .jpeg, let size = jpegSize(of: bytes) else { return (decoded.width, decoded.height) }
    return size
  }
}
