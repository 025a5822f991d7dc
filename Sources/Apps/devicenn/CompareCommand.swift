import ArgumentParser
import DeviceNN
import Foundation

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Puts runs side by side, the best first, with the options that differ.")

  @Argument(help: ArgumentHelp("Folders of runs, two or more.", valueName: "run")) var runs: [String]
  @Option(help: ArgumentHelp("Where to draw the runs' curves, as a page.", valueName: "file")) var out: String?
  @Flag(help: "Print one JSON object a line and run.") var json = false

  func validate() throws {
    if runs.count < 2 { throw ValidationError("\(runs[0]) alone has nothing to be compared with: name two runs or more.") }
  }

  func run() throws {
    if let out { try AtomicFile.makeFolder(around: out) }
    let folders = runs.map { RunFolder($0) }
    if folders[0].isMultiTask {
      let comparison = try TaskRunComparison(folders)
      try show(comparison.text, comparison.jsonLines, comparison.html)
    } else {
      let comparison = try Comparison(folders)
      if let warning = comparison.warning { complain("Warning: \(warning)") }
      try show(comparison.text, comparison.jsonLines, comparison.html)
    }
  }

  private func show(_ text: String, _ jsonLines: [String], _ html: () -> String) throws {
    if let out { try AtomicFile.write(html(), to: out) }
    if json {
      try jsonLines.forEach(say)
    } else {
      try say(text.trimmingCharacters(in: .newlines))
      if let out { try say("the curves: \(out)") }
    }
  }
}
