internal import Foundation

/// Pictures with a label for each of several tasks, of which any may be missing.
public struct LabelledPictures: Sendable {
  public private(set) var source: any ImageSource
  /// By task.
  public private(set) var targets: [TaskTargets]

  public init(_ source: any ImageSource, targets: [TaskTargets]) {
    precondition(
      targets.allSatisfy { $0.count == source.count },
      "\(source.count) pictures can't have \(targets.map(\.count)) labels")
    (self.source, self.targets) = (source, targets)
  }

  public var count: Int { source.count }

  public func selecting(_ indices: [Int]) -> LabelledPictures {
    LabelledPictures(
      (source as? ImageFiles)?.selecting(indices) ?? ImageSelection(of: source, indices),
      targets: targets.map { $0.selecting(indices) })
  }

  /// The labels of some pictures in a task.
  public func targets(of task: Int, _ indices: [Int]) -> TaskTargets { targets[task].selecting(indices) }
}

/// What a run of several tasks reads.
public struct TaskDataset: Sendable {
  public let path: String
  public let tasks: [LearningTask]
  public private(set) var train: LabelledPictures
  public private(set) var validation: LabelledPictures
  /// Nil where the data set has no such part.
  public private(set) var test: LabelledPictures?
  /// Files that could not be read and were left out, each with its reason.
  public private(set) var skipped: [ImageFolder.BadImage] = []

  public init(path: String, tasks: [LearningTask], train: LabelledPictures, validation: LabelledPictures, test: LabelledPictures? = nil) {
    (self.path, self.tasks, self.train, self.validation, self.test) = (path, tasks, train, validation, test)
  }

  /// A CSV file with a column `path`, relative to its folder, one for each task, and perhaps `split`; an empty cell is a
  /// missing label. Or a folder of pictures that are named as UTKFace's. Without rows for validation a fifth is set aside,
  /// by the seed.
  ///
  /// - Parameters:
  ///   - requests: none takes all columns, and guesses their kinds.
  ///   - parts: those whose files are decoded.
  public init(
    path: String, requests: [TaskRequest] = [], skippingBad: Bool = false, parts: [DataPart] = DataPart.allCases, seed: UInt64 = 0
  ) throws {
    try self.init(unchecked: path, requests: requests, seed: seed)
    try leaveOutBad(of: parts, skippingBad: skippingBad)
    for (task, targets) in zip(tasks, train.targets) where targets.presentCount == 0 {
      throw DataError.malformed(file: path, reason: "no training picture that can be read has a label for '\(task.name)'")
    }
    guard validation.targets.contains(where: { $0.presentCount > 0 }) else {
      throw DataError.malformed(file: path, reason: "no picture for validation has a label of any task")
    }
  }

  /// The pictures of such a file for a model that has learnt `tasks`: labels mean what they meant to it.
  public init(
    path: String, tasks: [LearningTask], skippingBad: Bool = false, parts: [DataPart] = DataPart.allCases, seed: UInt64 = 0
  ) throws {
    try self.init(unchecked: path, requests: tasks.map(TaskRequest.init), tasks: tasks, seed: seed)
    try leaveOutBad(of: parts, skippingBad: skippingBad)
  }

  private mutating func leaveOutBad(of parts: [DataPart], skippingBad: Bool) throws(DataError) {
    if parts.contains(.train) { skipped += try train.leaveOutBad(skippingBad: skippingBad) }
    if parts.contains(.validation) { skipped += try validation.leaveOutBad(skippingBad: skippingBad) }
    if parts.contains(.test) { skipped += try test?.leaveOutBad(skippingBad: skippingBad) ?? [] }
  }

  /// Without decoding files.
  ///
  /// - Parameter tasks: what a model makes of the requests; nil finds it out from the training pictures.
  init(unchecked path: String, requests: [TaskRequest] = [], tasks known: [LearningTask]? = nil, seed: UInt64 = 0) throws {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let table = exists && isFolder.boolValue ? try UTKFace.table(of: path) : try CSVTable(path: path)
    let list = try ListedFiles(table)
    try table.refuse(list.faults)
    if known == nil { try list.requireTraining() }
    var requests = try requests.isEmpty ? list.labelColumns.map { TaskRequest(column: table.columns[$0]) } : list.checked(requests)
    if isFolder.boolValue {
      for i in requests.indices { requests[i].kind = requests[i].kind ?? (requests[i].column == "age" ? .regression : .classes) }
    }
    guard !requests.isEmpty else { throw table.failure(1, "the header has no column besides path and split") }
    let held = list.heldOut(0.2, requests, seed: seed)
    let parts = list.pictures.indices.map { held.contains($0) ? DataPart.validation : list.pictures[$0].part }
    var (tasks, targets): ([LearningTask], [TaskTargets]) = ([], [])
    for (i, request) in requests.enumerated() {
      let place = table.columns.firstIndex(of: request.column)!
      let column = TaskColumn(
        name: request.column,
        cells: zip(list.pictures, parts).map { picture, part in
          let text = picture.row.fields[place].trimmingCharacters(in: .whitespaces)
          return .init(text: text, part: part, line: picture.row.line, file: picture.file)
        }, path: path)
      tasks.append(try known?[i] ?? column.task(request))
      targets.append(try column.targets(of: tasks.last!))
    }
    let all = LabelledPictures(
      list.files(list.pictures, labels: list.pictures.map { _ in 0 }), targets: targets)
    func part(_ wanted: DataPart) -> LabelledPictures { all.selecting(parts.indices.filter { parts[$0] == wanted }) }
    let test = part(.test)
    self.init(path: path, tasks: tasks, train: part(.train), validation: part(.validation), test: test.count > 0 ? test : nil)
    guard validation.count > 0 || known != nil else {
      throw DataError.malformed(file: path, reason: "\(train.count) pictures leave none for validation: five or more are needed")
    }
  }

  /// A number that changes with the pictures' order, names, labels and files' sizes: a resumed run must see what it saw
  /// before.
  public var fingerprint: String {
    var hash = Fingerprint()
    for task in tasks { hash.add("\(task.name) \(task.kind)\n") }
    for part in [train, validation] { hash.add(part.source) { i in part.targets.map { "\(Array($0[i]))" }.joined(separator: " ") } }
    return hash.text
  }

  /// - Throws: a `DataError` where there are none.
  public func pictures(_ part: DataPart) throws(DataError) -> LabelledPictures {
    switch part {
    case .train: return train
    case .validation:
      guard validation.count > 0 else { throw .malformed(file: path, reason: "no picture is for validation") }
      return validation
    case .test:
      guard let test else { throw .noTestPictures(path: path) }
      return test
    }
  }

  /// One of the tasks alone.
  public func selecting(task: Int) -> TaskDataset {
    func only(_ part: LabelledPictures) -> LabelledPictures { LabelledPictures(part.source, targets: [part.targets[task]]) }
    return TaskDataset(path: path, tasks: [tasks[task]], train: only(train), validation: only(validation), test: test.map(only))
  }
}

extension LabelledPictures {
  /// Decodes every file once; throws, or leaves out what can't be read.
  fileprivate mutating func leaveOutBad(skippingBad: Bool) throws(DataError) -> [ImageFolder.BadImage] {
    guard let files = source as? ImageFiles else { return [] }
    let (good, bad) = files.sortedByHealth()
    if bad.isEmpty { return [] }
    guard skippingBad else { throw .unreadable(bad, of: files.count) }
    self = selecting(good)
    return bad
  }
}

extension ListedFiles {
  /// That each is a column, and none is asked for twice.
  fileprivate func checked(_ requests: [TaskRequest]) throws(DataError) -> [TaskRequest] {
    for (i, request) in requests.enumerated() {
      guard labelColumns.contains(where: { table.columns[$0] == request.column }) else { throw table.missing(request.column) }
      if requests[..<i].contains(where: { $0.column == request.column }) {
        throw .malformed(file: table.path, reason: "the task '\(request.column)' is asked for twice")
      }
    }
    return requests
  }

  /// The pictures that are set aside for validation; none where there are some already. Where all pictures with a label are
  /// among them, the first stays: what only they have could not be learnt.
  fileprivate func heldOut(_ fraction: Double, _ requests: [TaskRequest], seed: UInt64) -> Set<Int> {
    guard !pictures.contains(where: { $0.part == .validation }) else { return [] }
    let candidates = pictures.indices.filter { pictures[$0].part == .train }
    var generator = Philox(seed: seed, stream: 1 << 62)
    let order = generator.permutation(of: candidates.count)
    let count = Int((Double(candidates.count) * fraction).rounded())
    var held = Set(order.prefix(count).map { candidates[$0] })
    for request in requests {
      let place = table.columns.firstIndex(of: request.column)!
      func labels(_ i: Int) -> [String] { TaskColumn.labels(pictures[i].row.fields[place], as: request.kind) }
      let all = candidates.map { pictures[$0].row.fields[place] }.filter { !$0.isEmpty }
      guard [.classes, .ordinal, .labels].contains(request.kind ?? TaskRequest.guess(all)) else { continue }
      var learnt = Set(candidates.filter { !held.contains($0) }.flatMap(labels))
      for i in held.sorted() where !learnt.isSuperset(of: labels(i)) {
        held.remove(i)
        learnt.formUnion(labels(i))
      }
    }
    return held
  }
}
