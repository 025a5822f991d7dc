// Pictures with marked objects, from a folder of VOC's layout or a CSV file.
internal import Foundation

/// What a network is asked about a picture.
public struct SceneTasks: Sendable, Equatable, Codable {
  /// The kinds of objects to locate; none where there is nothing to locate.
  public var classes: [String] = []
  /// The directions that objects point to.
  public var poses: [String] = []
  /// The classes whose objects point somewhere.
  public var posedClasses: [Int] = []
  /// What a pixel may belong to.
  public var regions: [String] = []
  public var questions: [Question] = []

  /// A question about the whole picture.
  public struct Question: Sendable, Equatable, Codable {
    public var name: String
    public var answers: [String]

    public init(_ name: String, _ answers: [String]) { (self.name, self.answers) = (name, answers) }
  }

  /// One a loss.
  public var names: [String] {
    let maps = [("objects", classes), ("poses", poses), ("regions", regions)]
    return maps.filter { !$0.1.isEmpty }.map(\.0) + questions.map(\.name)
  }

  /// Only the one of this name.
  public func only(_ name: String) -> SceneTasks {
    SceneTasks(
      classes: name == "objects" ? classes : [], poses: name == "poses" ? poses : [], posedClasses: posedClasses,
      regions: name == "regions" ? regions : [], questions: questions.filter { $0.name == name })
  }

  public init(
    classes: [String] = [], poses: [String] = [], posedClasses: [Int] = [], regions: [String] = [], questions: [Question] = []
  ) {
    (self.classes, self.poses, self.posedClasses) = (classes, poses, posedClasses)
    (self.regions, self.questions) = (regions, questions)
  }
}

/// Pictures, each with its annotation.
public struct AnnotatedPictures: ImageSource {
  public let pictures: ImageFiles
  public let annotations: [SceneAnnotation]

  public init(_ pictures: ImageFiles, _ annotations: [SceneAnnotation]) {
    precondition(
      pictures.count == annotations.count, "\(pictures.count) pictures can't have \(annotations.count) annotations")
    (self.pictures, self.annotations) = (pictures, annotations)
  }

  public var count: Int { pictures.count }
  public func label(at index: Int) -> Int32 { 0 }
  public func name(at index: Int) -> String { pictures.name(at: index) }

  /// Decoded whole, since boxes are in the file's pixels.
  public func image(at index: Int, atLeast: Int?) throws(ImageError) -> Image {
    try Image(contentsOf: pictures.path(at: index))
  }

  public func selecting(_ indices: [Int]) -> AnnotatedPictures {
    AnnotatedPictures(pictures.selecting(indices), indices.map { annotations[$0] })
  }
}

public struct SceneDataset: Sendable {
  public let path: String
  public let tasks: SceneTasks
  public var train, validation: AnnotatedPictures
  /// Nil where the data set has no such part.
  public var test: AnnotatedPictures?
  /// Boxes that were left out.
  public var skipped: [SkippedObject] = []

  public init(
    path: String, tasks: SceneTasks, train: AnnotatedPictures, validation: AnnotatedPictures, test: AnnotatedPictures? = nil
  ) {
    (self.path, self.tasks, self.train, self.validation, self.test) = (path, tasks, train, validation, test)
  }

  /// A number that changes with the pictures' order, names, annotations and files' sizes: a resumed run must see what it
  /// saw before.
  var fingerprint: String {
    var hash = Fingerprint()
    hash.add("\(tasks)")
    for part in [train, validation] { hash.add(part.pictures) { "\(part.annotations[$0])" } }
    return hash.text
  }

  /// One of the tasks alone.
  public func only(_ name: String) -> SceneDataset {
    var result = SceneDataset(path: path, tasks: tasks.only(name), train: train, validation: validation, test: test)
    guard let question = tasks.questions.firstIndex(where: { $0.name == name }) else { return result }
    for part in [\SceneDataset.train, \.validation] {
      result[keyPath: part] = AnnotatedPictures(
        self[keyPath: part].pictures,
        self[keyPath: part].annotations.map { SceneAnnotation(answers: [$0.answers[question]]) })
    }
    return result
  }

  /// Whatever a path holds: signs of GTSRB in folders, or boxes. The colours of masks are those of free road and the rest.
  public init(opening path: String) throws {
    if FileManager.default.fileExists(atPath: path + "/train"), !FileManager.default.fileExists(atPath: path + "/JPEGImages") {
      try self.init(trafficSigns: path)
    } else {
      try self.init(path: path, regions: StreetScene.regions)
    }
  }

  /// A folder of VOC's layout (`JPEGImages`, `Annotations`, `ImageSets/Main/{train,val,test}.txt` and perhaps
  /// `SegmentationClass`, whose colours are VOC's), or a CSV file of boxes (`BoxTable`). Where no picture is for validation, a
  /// fifth is set aside by the seed.
  ///
  /// - Parameter classes: those that there may be; nil takes the training pictures', sorted. `regions` names the colours
  ///   of masks.
  public init(path: String, classes: [String]? = nil, regions: [String] = [], seed: UInt64 = 0) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw DataError.noSuchFolder(path: path) }
    var parts = isFolder.boolValue ? try Self.voc(path) : try Self.table(path)
    if parts["val"] == nil, let all = parts["train"], all.count > 1 {
      var generator = Philox(seed: seed, stream: 1 << 62)
      let held = Set(generator.permutation(of: all.count).prefix(max(all.count / 5, 1)))
      parts["val"] = all.indices.filter(held.contains).map { all[$0] }
      parts["train"] = all.indices.filter { !held.contains($0) }.map { all[$0] }
    }
    guard let train = parts["train"], let validation = parts["val"] else {
      throw DataError.malformed(file: path, reason: "it has no pictures for training and validation")
    }
    let objects = train.flatMap(\.objects)
    let known = classes ?? Set(objects.map(\.name)).sorted()
    let poses = Set(objects.compactMap(\.pose)).sorted()
    func part(_ listed: [Listed]) throws -> AnnotatedPictures {
      let annotations = try listed.map { picture in
        SceneAnnotation(
          objects: try picture.objects.map { object in
            guard let label = known.firstIndex(of: object.name) else {
              throw DataError.malformedLine(
                file: picture.annotation, line: object.line,
                reason: "the class '\(object.name)' is not known; known are \(known.joined(separator: ", "))")
            }
            if let pose = object.pose, !poses.contains(pose) {
              throw DataError.malformedLine(
                file: picture.annotation, line: object.line,
                reason: "the pose '\(pose)' is not known; known are \(poses.joined(separator: ", "))")
            }
            return SceneObject(box: object.box, label: label, pose: object.pose.map { poses.firstIndex(of: $0)! })
          }, regions: picture.regions)
      }
      return AnnotatedPictures(
        ImageFiles(root: path, files: listed.map(\.image), labels: listed.map { _ in 0 }), annotations)
    }
    let posed = known.indices.filter { label in objects.contains { $0.name == known[label] && $0.pose != nil } }
    let hasRegions = train.contains { $0.regions != nil }
    self.init(
      path: path, tasks: SceneTasks(
        classes: known, poses: poses, posedClasses: posed, regions: hasRegions ? regions : []),
      train: try part(train), validation: try part(validation), test: try parts["test"].map(part))
    skipped = (train + validation + (parts["test"] ?? [])).flatMap(\.skipped)
  }

  /// A picture with the names of what it shows.
  private struct Listed {
    var image: String
    var annotation: String
    var objects: [PascalVOC.Object]
    var regions: String?
    var skipped: [SkippedObject] = []
  }

  private static func voc(_ path: String) throws -> [String: [Listed]] {
    let files = FileManager.default
    let pictures = ((try? files.contentsOfDirectory(atPath: path + "/JPEGImages")) ?? []).sorted()
    guard !pictures.isEmpty else {
      throw DataError.malformed(file: path, reason: "it has no pictures in 'JPEGImages', as Pascal VOC's layout wants them")
    }
    let byStem = Dictionary(pictures.map { (stem($0), $0) }, uniquingKeysWith: { first, _ in first })
    func listed(_ name: String) throws -> Listed {
      let annotation = "\(path)/Annotations/\(name).xml"
      guard let picture = byStem[name] else {
        throw DataError.malformed(file: path + "/ImageSets/Main", reason: "'\(name)' is listed, but JPEGImages has no such picture")
      }
      let file = try PascalVOC(contentsOf: annotation)
      let mask = "\(path)/SegmentationClass/\(name).png"
      return Listed(
        image: "JPEGImages/" + picture, annotation: annotation, objects: file.objects,
        regions: files.fileExists(atPath: mask) ? mask : nil, skipped: file.skipped)
    }
    var parts: [String: [Listed]] = [:]
    for part in ["train", "val", "test"] {
      guard let list = files.contents(atPath: "\(path)/ImageSets/Main/\(part).txt") else { continue }
      let names = String(decoding: list, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
      if !names.isEmpty { parts[part] = try names.map(listed) }
    }
    if parts.isEmpty { parts["train"] = try pictures.map { try listed(stem($0)) } }
    return parts
  }

  private static func table(_ path: String) throws -> [String: [Listed]] {
    let table = try BoxTable(path: path)
    let folder = AtomicFile.folder(of: path)
    var parts: [String: [Listed]] = [:]
    for picture in table.pictures {
      let part = picture.split.isEmpty ? "train" : picture.split
      guard ["train", "val", "test"].contains(part) else {
        throw DataError.malformed(file: path, reason: "the split '\(part)' of \(picture.image) is none of train, val and test")
      }
      let image = picture.image.hasPrefix("/") ? picture.image : folder + "/" + picture.image
      parts[part, default: []].append(Listed(image: absolute(image), annotation: path, objects: picture.objects))
    }
    parts["train"]?[0].skipped = table.skipped
    return parts
  }

  private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }

  private static func stem(_ name: String) -> String { name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name }
}
