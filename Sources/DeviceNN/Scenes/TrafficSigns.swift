// The German traffic sign recognition benchmark (Stallkamp et al. 2012): signs that were cut out of pictures of streets.

extension SceneDataset {
  /// Folders `train/CC` and `test/CC` with the numbers of the benchmark's classes as names, 00 to 42. Two questions about each
  /// picture: which sign it is, and which shape it has.
  public init(trafficSigns path: String) throws {
    let folder = try ImageFolder(path)
    let numbers = try folder.classes.map { name throws(DataError) in
      guard let number = Int(name), signNames.indices.contains(number) else {
        throw .malformed(file: path, reason: "'\(name)' is no class of GTSRB; they are 00 to 42")
      }
      return number
    }
    let shapes = ["circle", "triangle", "triangle pointing down", "diamond", "octagon"]
    func annotated(_ files: ImageFiles) -> AnnotatedPictures {
      AnnotatedPictures(
        files, files.labels.map { SceneAnnotation(answers: [Int($0), shapeOfSign(numbers[Int($0)])]) })
    }
    self.init(
      path: path,
      tasks: SceneTasks(questions: [.init("sign", numbers.map { signNames[$0] }), .init("shape", shapes)]),
      train: annotated(folder.train), validation: annotated(folder.validation), test: folder.test.map(annotated))
  }
}

private func shapeOfSign(_ number: Int) -> Int {
  switch number {
  case 11, 18...31: 1
  case 13: 2
  case 12: 3
  case 14: 4
  default: 0
  }
}

private let signNames = [
  "20 km/h", "30 km/h", "50 km/h", "60 km/h", "70 km/h", "80 km/h", "end of 80 km/h", "100 km/h", "120 km/h",
  "no overtaking", "no overtaking by trucks", "right of way", "priority road", "give way", "stop", "no vehicles",
  "no trucks", "no entry", "danger", "bend to the left", "bend to the right", "double bend", "bumpy road",
  "slippery road", "road narrows", "road works", "traffic lights", "pedestrians", "children", "bicycles", "ice or snow",
  "wild animals", "end of limits", "turn right", "turn left", "straight on", "straight or right", "straight or left",
  "keep right", "keep left", "roundabout", "end of no overtaking", "end of no overtaking by trucks",
]
