// What somebody marked in a picture.

/// A thing in a picture. Numbers count from 0 in the data set's names.
public struct SceneObject: Sendable, Equatable {
  public var box: Box
  public var label: Int
  /// Where it points; nil where that is not known, or it points nowhere.
  public var pose: Int?

  public init(box: Box, label: Int, pose: Int? = nil) { (self.box, self.label, self.pose) = (box, label, pose) }
}

/// What is known of a picture.
public struct SceneAnnotation: Sendable, Equatable {
  /// None is an answer: there is nothing to locate.
  public var objects: [SceneObject]
  /// The picture whose colours say what each pixel belongs to; nil where nobody marked that.
  public var regions: String?
  /// For each question about the whole picture the number of its answer; nil where nobody gave one.
  public var answers: [Int?]

  public init(objects: [SceneObject] = [], regions: String? = nil, answers: [Int?] = []) {
    (self.objects, self.regions, self.answers) = (objects, regions, answers)
  }

  /// How much of a box must be left for it to be an object still.
  static let leastVisiblePart: Float = 0.3

  /// The objects where `map` moves them, within `width` x `height` pixels. One of which less than three tenths are left, or
  /// less than a pixel, is none any more.
  public func objects(movedBy map: PixelMap, width: Int, height: Int) -> [SceneObject] {
    let bounds = Box(left: 0, top: 0, right: Float(width), bottom: Float(height))
    return objects.compactMap { object in
      var moved = object
      let whole = map(object.box)
      moved.box = whole.intersection(bounds)
      let isVisible = moved.box.area >= Self.leastVisiblePart * whole.area && min(moved.box.width, moved.box.height) >= 1
      return isVisible ? moved : nil
    }
  }
}

/// Something in an annotation that was left out, and why.
public struct SkippedObject: Sendable, Equatable {
  public let file: String
  public let line: Int
  public let name: String
  public let reason: String
}

extension SkippedObject: CustomStringConvertible {
  public var description: String { "\(file), line \(line): the box of '\(name)' \(reason)" }
}
