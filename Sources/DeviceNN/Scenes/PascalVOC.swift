// Boxes as XML, as the Pascal VOC challenge had them (Everingham et al. 2010) and most labelling tools write them.
internal import Foundation

/// A picture's annotation before its names became numbers.
struct PascalVOC: Equatable {
  struct Object: Equatable {
    var name: String
    /// nil for `Unspecified`.
    var pose: String?
    var box: Box
    var line: Int
  }

  /// The picture's; 0 where the file does not say it.
  var width, height: Int
  var objects: [Object]
  var skipped: [SkippedObject] = []

  /// Corners in files are those of the first and the last pixel, counted from 1. Boxes that reach over a border are cut there;
  /// those without an inside, or outside of the picture, are left out and said so.
  init(contentsOf path: String) throws {
    let root = try XMLElement(parsing: try imageFileBytes(path), path: path)
    guard root.name == "annotation" else {
      throw DataError.malformedLine(file: path, line: root.line, reason: "it holds '\(root.name)', but an 'annotation' was wanted")
    }
    func number(_ name: String, of element: XMLElement, in parent: String) throws(DataError) -> Float {
      guard let field = element.first(name) else {
        throw .malformedLine(file: path, line: element.line, reason: "the \(parent) has no '\(name)'")
      }
      guard let value = Float(field.text), value.isFinite, abs(value) < 1e6 else {
        throw .malformedLine(file: path, line: field.line, reason: "'\(name)' is '\(field.text)', but a number of pixels was wanted")
      }
      return value
    }
    let size = root.first("size")
    width = try size.map { size throws(DataError) in Int(try number("width", of: size, in: "size")) } ?? 0
    height = try size.map { size throws(DataError) in Int(try number("height", of: size, in: "size")) } ?? 0
    objects = []
    for element in root.all("object") {
      guard let name = element.first("name")?.text, !name.isEmpty else {
        throw DataError.malformedLine(file: path, line: element.line, reason: "an object has no name")
      }
      guard let corners = element.first("bndbox") else {
        throw DataError.malformedLine(file: path, line: element.line, reason: "the object '\(name)' has no 'bndbox'")
      }
      let (left, top) = (try number("xmin", of: corners, in: "box"), try number("ymin", of: corners, in: "box"))
      let (right, bottom) = (try number("xmax", of: corners, in: "box"), try number("ymax", of: corners, in: "box"))
      func skip(_ reason: String) {
        skipped.append(SkippedObject(file: path, line: corners.line, name: name, reason: reason))
      }
      guard right > left, bottom > top else {
        skip("has no inside: \(Int(left)), \(Int(top)) to \(Int(right)), \(Int(bottom))")
        continue
      }
      var box = Box(left: left - 1, top: top - 1, right: right, bottom: bottom)
      if width > 0, height > 0 {
        box = box.intersection(Box(left: 0, top: 0, right: Float(width), bottom: Float(height)))
        guard box.area > 0 else {
          skip("is outside of the picture of \(width)x\(height) pixels")
          continue
        }
      }
      let pose = element.first("pose")?.text
      objects.append(
        Object(name: name, pose: pose == "Unspecified" || pose == "" ? nil : pose, box: box, line: element.line))
    }
  }

  init(width: Int, height: Int, objects: [Object]) {
    (self.width, self.height, self.objects) = (width, height, objects)
  }

  /// The file's text.
  func xml(picture: String) -> String {
    func lines(_ object: Object) -> String {
      """
        <object>
          <name>\(escaped(object.name))</name>
          <pose>\(escaped(object.pose ?? "Unspecified"))</pose>
          <bndbox>
            <xmin>\(Int(object.box.left.rounded()) + 1)</xmin>
            <ymin>\(Int(object.box.top.rounded()) + 1)</ymin>
            <xmax>\(Int(object.box.right.rounded()))</xmax>
            <ymax>\(Int(object.box.bottom.rounded()))</ymax>
          </bndbox>
        </object>

      """
    }
    return """
      <annotation>
        <filename>\(escaped(picture))</filename>
        <size>
          <width>\(width)</width>
          <height>\(height)</height>
          <depth>3</depth>
        </size>
      \(objects.map(lines).joined())</annotation>

      """
  }
}

/// The colours in which VOC's masks show the classes 0, 1, 2, …: bits of the number, spread over the three channels.
func maskColour(of label: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
  var (red, green, blue, rest) = (0, 0, 0, label)
  for bit in (0..<8).reversed() {
    red |= (rest & 1) << bit
    green |= (rest >> 1 & 1) << bit
    blue |= (rest >> 2 & 1) << bit
    rest >>= 3
  }
  return (UInt8(red), UInt8(green), UInt8(blue))
}
