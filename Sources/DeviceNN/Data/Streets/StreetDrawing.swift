// A data set of scenes that needs no download: drawn streets, for demonstrations and tests of whole trainings.
internal import Foundation

/// A drawn street, with what is to be seen in it.
public struct StreetScene: Sendable {
  public static let classes = ["car", "pedestrian", "sign"]
  /// Where signs point.
  public static let poses = ["Ahead", "Left", "Right"]
  /// What a pixel belongs to.
  public static let regions = ["else", "free road"]

  public var image: Image
  public var objects: [SceneObject]
  /// In the colours of VOC's masks.
  public var mask: Image
}

/// Draws streets in Pascal VOC's layout below `directory`: pictures, boxes with the signs' directions as poses, masks of the
/// free road, and lists of the parts.
///
/// Pedestrians, signs and cars vary in size, place, pose and colour, hide each other and may be cut off; road, houses, sky,
/// light, focus and noise vary. More pictures leave the first ones as they were.
public func drawStreets(to directory: String, train: Int = 300, val: Int = 100, size: Int = 192, seed: UInt64 = 0) throws {
  for folder in ["JPEGImages", "Annotations", "SegmentationClass", "ImageSets/Main"] {
    try FileManager.default.createDirectory(atPath: "\(directory)/\(folder)", withIntermediateDirectories: true)
  }
  @Sendable func name(_ part: String, _ number: Int) -> String { "\(part)_\("\(10000 + number)".dropFirst())" }
  let pictures = (0..<train).map { ("train", $0) } + (0..<val).map { ("val", $0) }
  let errors = concurrentMap(pictures.count) { index -> (any Error)? in
    let (part, number) = pictures[index]
    var generator = Philox(seed: seed, stream: (part == "train" ? 0 : 1 << 32) | UInt64(number))
    let scene = drawStreet(size: size, using: &generator)
    let file = name(part, number)
    let annotation = PascalVOC(
      width: size, height: size,
      objects: scene.objects.map { object in
        .init(
          name: StreetScene.classes[object.label], pose: object.pose.map { StreetScene.poses[$0] }, box: object.box, line: 0)
      })
    do {
      try writeImageFile(
        scene.image.jpegData(quality: 80 + generator.integer(below: 16)), to: "\(directory)/JPEGImages/\(file).jpg")
      try writeImageFile(scene.mask.pngData(), to: "\(directory)/SegmentationClass/\(file).png")
      try AtomicFile.write(annotation.xml(picture: file + ".jpg"), to: "\(directory)/Annotations/\(file).xml")
      return nil
    } catch {
      return error
    }
  }
  if let error = errors.lazy.compactMap({ $0 }).first { throw error }
  for (part, count) in [("train", train), ("val", val)] {
    try AtomicFile.write(
      (0..<count).map { name(part, $0) + "\n" }.joined(), to: "\(directory)/ImageSets/Main/\(part).txt")
  }
}

/// One picture: what stands far away first, so that what is near hides it.
func drawStreet(size: Int, using generator: inout Philox) -> StreetScene {
  let road = Road(using: &generator)
  var canvas = StreetBackground(road, using: &generator).canvas(size: size)
  let things = streetThings(on: road, using: &generator).sorted { $0.depth < $1.depth }
  var owner = [Int](repeating: -1, count: size * size)
  var pixelCounts: [Int] = []
  for (i, thing) in things.enumerated() {
    if let shadow = thing.shadow {
      canvas.overlay(within: shadow.region) { p in shadow.covers(p) ? (Colour(0, 0, 0), 0.35) : nil }
    }
    if let pole = thing.pole {
      let paint = canvas.overlay(within: pole.region) { p in pole.covers(p) ? (Colour(0.45, 0.46, 0.48), 1) : nil }
      for pixel in paint { owner[pixel] = -2 }
    }
    let covered = canvas.overlay(within: thing.region) { p in thing.paint(p).map { ($0, 1) } }
    pixelCounts.append(covered.count)
    for pixel in covered { owner[pixel] = i }
  }
  let objects = things.indices.compactMap { i -> SceneObject? in
    let visible = owner.indices.filter { owner[$0] == i }
    // What is mostly hidden, or a few pixels, nobody would mark.
    guard visible.count >= 20, Float(visible.count) >= 0.35 * Float(pixelCounts[i]) else { return nil }
    let (columns, rows) = (visible.map { $0 % size }, visible.map { $0 / size })
    let box = Box(
      left: Float(columns.min()!), top: Float(rows.min()!), right: Float(columns.max()! + 1), bottom: Float(rows.max()! + 1))
    return SceneObject(box: box, label: things[i].label, pose: things[i].pose)
  }
  let free = maskColour(of: 1)
  var mask = Image(width: size, height: size)
  for i in owner.indices where owner[i] == -1 {
    let p = SIMD2(Float(i % size) + 0.5, Float(i / size) + 0.5) / Float(size)
    if road.covers(p) { mask[i % size, i / size] = free }
  }
  canvas.addCameraFaults(blur: 0.006, exposure: 0.55...1.15, using: &generator)
  return StreetScene(image: canvas.image(), objects: objects, mask: mask)
}
