/// What is wrong with a folder of training data, as one line that says what to change.
public enum DataError: Error, Equatable, Sendable {
  case noSuchFolder(path: String)
  case notAFolder(path: String)
  /// `looseImages` pictures lie in the folder itself, where class folders were wanted.
  case noClassFolders(path: String, looseImages: Int)
  case noTrainingFolder(path: String, found: String)
  case onlyOneClass(path: String, name: String)
  case emptyClass(path: String, name: String)
  case unknownValidationClasses(path: String, names: [String], known: [String])
  /// `files` are the first few of `count`, each with its reason.
  case unreadableImages(files: [String], count: Int, total: Int)
  case classWithoutGoodImages(name: String, skipped: Int)
  case malformed(file: String, reason: String)
  /// Lines count from 1.
  case malformedLine(file: String, line: Int, reason: String)
  /// Each fault with its lines.
  case malformedLines(file: String, faults: [String])
  case noTestPictures(path: String)
  /// A part without pictures, or with none that can be read; nil stands for all parts.
  case nothingToMeasure(path: String, part: DataPart?)
}

extension DataError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSuchFolder(let path): "there is no folder \(path)"
    case .notAFolder(let path): "\(path) is a file, but a folder of class folders was wanted, a .csv or an .npz file"
    case .noClassFolders(let path, 0) where isPart(path): "\(path) holds no class folders; wanted is \(path)/CLASS/picture.jpg"
    case .noClassFolders(let path, 0):
      "\(path) holds no class folders; wanted is \(path)/CLASS/picture.jpg or \(path)/train/CLASS/picture.jpg"
    case .noClassFolders(let path, let looseImages):
      "\(path) holds \(looseImages) pictures but no class folders; put them into one folder a class: \(path)/CLASS/picture.jpg"
    case .noTrainingFolder(let path, let found):
      "\(path) holds a folder '\(found)' but none called 'train'"
    case .onlyOneClass(let path, let name):
      "\(path) holds only one class, '\(name)', but telling classes apart takes two or more"
    case .emptyClass(let path, let name):
      "the class '\(name)' is empty: \(path) holds no jpg, jpeg, png or ppm files"
    case .unknownValidationClasses(let path, let names, let known):
      "\(path) holds \(names.count == 1 ? "the class" : "classes") \(quoted(names)), which the training folder lacks; it has \(quoted(known))"
    case .unreadableImages(let files, let count, let total):
      "\(count) of \(total) pictures can't be read: \(files.joined(separator: "; "))"
        + (count > files.count ? "; and \(count - files.count) more" : "")
        + ". Repair or delete them, or skip them with --skip-bad-images"
    case .classWithoutGoodImages(let name, let skipped):
      "the class '\(name)' has no training picture left after \(skipped) that can't be read were skipped"
    case .malformed(let file, let reason): "\(file) is not what was expected: \(reason)"
    case .malformedLine(let file, let line, let reason): "\(file), line \(line): \(reason)"
    case .malformedLines(let file, let faults):
      "\(file), " + faults.prefix(5).joined(separator: "; ") + (faults.count > 5 ? "; and \(faults.count - 5) other faults" : "")
    case .nothingToMeasure(let path, let part):
      "\(path) has no picture \(part.map { "in its part '\($0.rawValue)' " } ?? "")to measure with"
    case .noTestPictures(let path):
      "\(path) has no test pictures besides those for validation; wanted are test/CLASS/ beside val/CLASS/, rows of a CSV "
        + "file whose split is test, or the arrays test_images and test_labels"
    }
  }
}

/// Whether a folder is one of the parts of a data set by its name.
private func isPart(_ path: String) -> Bool { path.split(separator: "/").last.map { DataPart(named: String($0)) != nil } ?? false }

private func quoted(_ names: [String]) -> String { names.map { "'\($0)'" }.listed(first: 8) }

extension [String] {
  /// The first few, and how many more there are.
  package func listed(first most: Int = 3) -> String {
    prefix(most).joined(separator: ", ") + (count > most ? " and \(count - most) more" : "")
  }
}
