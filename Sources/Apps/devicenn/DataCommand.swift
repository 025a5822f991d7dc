import ArgumentParser
import DeviceNN
import Foundation

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Looks at photos before a network does.", subcommands: [DataCheckCommand.self])
}

struct DataCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Counts photos, and finds those that can't be read, are there twice, or are odd.",
    discussion: "Photos that are in the training and in the validation part come first. Nothing is changed.")

  @Argument(help: ArgumentHelp("The photos, as finetune takes them.", valueName: "dir")) var path: String
  @Option(help: ArgumentHelp("The column with the classes, where a CSV file has several. (default: label)", valueName: "name"))
  var labelColumn: String?
  @Option(help: ArgumentHelp("Where a page with samples and findings is written.", valueName: "file.html")) var out: String?
  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    if let out { try AtomicFile.makeFolder(around: out) }
    let check = try DataCheck(path: path, labelColumn: labelColumn)
    if let out { try AtomicFile.write(check.html(), to: out) }
    try say(json ? jsonText(check) : text(check))
  }

  private func text(_ check: DataCheck) -> String {
    let counts = check.parts.map { part in "\(check.pictures.count { $0.part == part }) \(part.rawValue)" }
    var lines = ["\(check.pictures.count) photos of \(check.classes.count) classes: \(counts.joined(separator: ", "))"]
    if let sizes = check.sizes {
      lines[0] += "; \(sizes.smallest.0)x\(sizes.smallest.1) to \(sizes.largest.0)x\(sizes.largest.1), median \(sizes.median.0)x\(sizes.median.1)"
    }
    let findings = check.findings
    for finding in findings {
      let example = finding.examples.first.map { members in
        " (" + members.prefix(2).map { "\(check.pictures[$0].part.rawValue): \(check.pictures[$0].name)" }.joined(separator: " = ")
          + (finding.examples.count > 1 ? ", …)" : ")")
      }
      lines.append("- \(finding.title)\(example ?? "")")
    }
    for bad in check.unreadable.prefix(5) { lines.append("  \(bad.error)") }
    if findings.isEmpty { lines.append("nothing odd was found") }
    if let out { lines.append("the page: \(out)") }
    return lines.joined(separator: "\n")
  }

  private func jsonText(_ check: DataCheck) -> String {
    func number(_ value: Int) -> JSONValue { .number(Double(value)) }
    func size(_ pair: (Int, Int)) -> JSONValue { .list([number(pair.0), number(pair.1)]) }
    let classes = check.classes.indices.map { label in
      JSONValue.object(
        [("class", .text(check.classes[label]))] + check.parts.map { ($0.rawValue, number(check.count(of: label, in: $0))) })
    }
    func names(_ members: [Int]) -> JSONValue {
      .list(members.map { .text("\(check.pictures[$0].part.rawValue): \(check.pictures[$0].name)") })
    }
    let duplicates = check.duplicates.map { group in
      JSONValue.object([
        ("kind", .text(group.kind.rawValue)), ("leak", .flag(group.isLeak)),
        ("severalClasses", .flag(group.hasSeveralClasses)), ("photos", names(group.members)),
      ])
    }
    let unreadable = check.unreadable.map {
      JSONValue.object([("file", .text($0.file)), ("reason", .text("\($0.error)"))])
    }
    let sizes = check.sizes.map {
      JSONValue.object([("smallest", size($0.smallest)), ("median", size($0.median)), ("largest", size($0.largest))])
    }
    let findings = check.findings.map {
      JSONValue.object([
        ("title", .text($0.title)), ("advice", .text($0.advice)), ("photos", .list($0.examples.prefix(100).map(names))),
      ])
    }
    return jsonObject([
      ("path", .text(check.path)), ("photos", number(check.pictures.count)), ("classes", .list(classes)),
      ("sizes", sizes ?? .null), ("imbalance", .number(check.imbalance)), ("unreadable", .list(unreadable)),
      ("duplicates", .list(duplicates)), ("findings", .list(findings)),
    ])
  }
}
