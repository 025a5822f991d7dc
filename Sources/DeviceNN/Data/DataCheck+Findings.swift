/// One thing that somebody should look at.
public struct DataFinding: Sendable {
  public let title: String
  /// What it means for a training run, or what to do.
  public let advice: String
  /// Groups of pictures, by their numbers, that show it.
  public let examples: [[Int]]
}

extension DataCheck {
  /// How many pictures of a class a part has.
  public func count(of label: Int, in part: DataPart) -> Int { pictures.count { $0.label == label && $0.part == part } }

  public var parts: [DataPart] { DataPart.allCases.filter { sources[$0] != nil } }

  /// Pictures from the smallest to the largest area.
  private var bySize: [Picture] { pictures.sorted { $0.width * $0.height < $1.width * $1.height } }

  /// The smallest, the median and the largest picture's width and height; nil where there is no picture.
  public var sizes: (smallest: (Int, Int), median: (Int, Int), largest: (Int, Int))? {
    let sorted = bySize.map { ($0.width, $0.height) }
    guard !sorted.isEmpty else { return nil }
    return (sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1])
  }

  /// The largest class's training pictures to those of the smallest.
  public var imbalance: Double {
    let counts = classes.indices.map { count(of: $0, in: .train) }
    return Double(counts.max() ?? 0) / Double(max(counts.min() ?? 0, 1))
  }

  /// The first of a group's pictures in each part, then the others.
  private func oneOfEachPart(_ group: Duplicates) -> [Int] {
    let first = parts.compactMap { part in group.members.first { pictures[$0].part == part } }
    return first + group.members.filter { !first.contains($0) }
  }

  /// What is worth a look, the worst first.
  public var findings: [DataFinding] {
    var findings: [DataFinding] = []
    func note(_ count: Int, _ one: String, _ many: String, _ advice: String, _ examples: @autoclosure () -> [[Int]] = []) {
      guard count > 0 else { return }
      findings.append(
        DataFinding(title: count == 1 ? "1 \(one)" : "\(grouped(count)) \(many)", advice: advice, examples: examples()))
    }
    for kind in Duplicates.Kind.allCases {
      let groups = duplicates.filter { $0.isLeak && $0.kind == kind }
      note(
        groups.count, "picture is in several parts: \(kind.rawValue)", "pictures are in several parts: \(kind.rawValue)",
        "What is measured on a picture that was trained on is too good: keep it in one part.", groups.map(oneOfEachPart))
    }
    let contradictions = duplicates.filter(\.hasSeveralClasses)
    note(
      contradictions.count, "picture is in several classes", "pictures are in several classes",
      "One label at least is wrong, or a picture shows both.", contradictions.map(\.members))
    note(
      unreadable.count, "file can't be read", "files can't be read",
      "Repair or delete them, or train with --skip-bad-images.")
    note(
      ignored.count, "file or folder is no picture by its name: \(ignored.listed())",
      "files and folders are no pictures by their names: \(ignored.listed())",
      "Only .jpg, .jpeg, .png and .ppm in the folders of classes are looked at.")
    if let testFault { note(1, "test part is of no use", "", "\(testFault). It is left out of trainings; evaluate --split test can't measure with it.") }
    let lookalikes = ImageDataset.lookalikes(among: classes).map { $0.map { "'\($0)'" }.joined(separator: " and ") }
    note(
      lookalikes.count, "class is spelt in several ways, most likely: \(lookalikes.listed())",
      "classes are spelt in several ways, most likely: \(lookalikes.listed())", "Each spelling is a class of its own.")
    let unmeasured = classes.indices.filter { count(of: $0, in: .validation) == 0 }.map { classes[$0] }
    note(
      unmeasured.count, "class has no validation picture: \(unmeasured.listed())",
      "classes have no validation picture: \(unmeasured.listed())", "Nobody will know how well they are told apart.")
    for kind in Duplicates.Kind.allCases {
      let groups = duplicates.filter { !$0.isLeak && $0.kind == kind }
      note(
        groups.count, "picture is there several times: \(kind.rawValue)", "pictures are there several times: \(kind.rawValue)",
        "They count several times.", groups.map(\.members))
    }
    if imbalance >= 3 {
      findings.append(
        DataFinding(
          title: "the largest class has \(decimal(imbalance, places: 1)) times the smallest one's training pictures",
          advice: "Try --balance weights, and look at recall class by class.", examples: []))
    }
    func odd(_ one: String, _ many: String, _ advice: String, _ isOdd: (Picture) -> Bool) {
      let found = pictures.indices.filter { isOdd(pictures[$0]) }
      // What all are is no oddity.
      if found.count * 2 < pictures.count { note(found.count, one, many, advice, found.map { [$0] }) }
    }
    odd("picture is of nearly one colour", "pictures are of nearly one colour", "They show nothing.") { $0.isUniform }
    odd("picture is very dark", "pictures are very dark", "Look whether anything can be seen.") { $0.isDark && !$0.isUniform }
    odd("picture is very bright", "pictures are very bright", "Look whether anything can be seen.") { $0.isBright && !$0.isUniform }
    odd("picture is grey", "pictures are grey", "Where only one class has them, a network learns that instead.") { $0.isGrey && !$0.isUniform }
    odd("picture is over three times as long as wide", "pictures are over three times as long as wide", "Only their centre is measured.") {
      $0.isElongated
    }
    let median = sizes.map { min($0.median.0, $0.median.1) } ?? 0
    odd("picture is smaller than a quarter of the usual", "pictures are smaller than a quarter of the usual", "They are blurred when they are enlarged.") {
      4 * min($0.width, $0.height) < median
    }
    return findings
  }
}
