// Boxes as a table: one row a box.

/// A CSV file with the columns image, xmin, ymin, xmax, ymax and class, perhaps pose and split (train, val or test). Corners
/// are in pixels from the picture's top left, 0 being its border. A row without corners and class names a picture without
/// objects.
struct BoxTable {
  struct Picture {
    var image: String
    var split: String
    var objects: [PascalVOC.Object] = []
  }

  /// In the order of their first rows.
  var pictures: [Picture] = []
  var skipped: [SkippedObject] = []

  init(path: String) throws {
    let table = try CSVTable(path: path)
    let (image, label) = (try table.place(of: "image"), try table.place(of: "class"))
    let corners = try ["xmin", "ymin", "xmax", "ymax"].map(table.place)
    let (pose, split) = (table.columns.firstIndex(of: "pose"), table.columns.firstIndex(of: "split"))
    var places: [String: Int] = [:]
    for row in table.rows {
      let (file, part) = (row.fields[image], split.map { row.fields[$0] } ?? "")
      func failure(_ reason: String) -> DataError { .malformedLine(file: path, line: row.line, reason: reason) }
      guard !file.isEmpty else { throw failure("it names no image") }
      let place = places[file] ?? pictures.count
      if place == pictures.count {
        places[file] = place
        pictures.append(Picture(image: file, split: part))
      } else if pictures[place].split != part {
        throw failure("\(file) is in the split '\(part)' here and in '\(pictures[place].split)' in an earlier line")
      }
      let texts = corners.map { row.fields[$0] }
      if texts.allSatisfy(\.isEmpty), row.fields[label].isEmpty { continue }
      let values = texts.compactMap(Float.init).filter { $0.isFinite && abs($0) < 1e6 }
      guard values.count == 4 else { throw failure("'\(texts.joined(separator: ","))' are no four numbers of pixels") }
      let name = row.fields[label]
      guard !name.isEmpty else { throw failure("a box has no class") }
      let box = Box(left: values[0], top: values[1], right: values[2], bottom: values[3])
      guard box.area > 0 else {
        skipped.append(SkippedObject(file: path, line: row.line, name: name, reason: "has no inside: \(texts.joined(separator: ", "))"))
        continue
      }
      let direction = pose.map { row.fields[$0] }
      pictures[place].objects.append(
        PascalVOC.Object(name: name, pose: direction == "" ? nil : direction, box: box, line: row.line))
    }
  }
}
