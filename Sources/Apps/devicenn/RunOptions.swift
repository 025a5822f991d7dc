import ArgumentParser
import DeviceNN
import Foundation

/// Where a training on photos is kept, and how it goes about it.
struct RunOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The run's folder. (default: runs/DATA-TIME)", valueName: "run")) var out: String?
  @Flag(help: "Continue the run in --out, with the options that it was started with.") var resume = false
  @Flag(help: "Leave out photos that can't be read, and say which.") var skipBadImages = false
  @Flag(help: "Print JSON lines: one an epoch, then the result.") var json = false

  func validate() throws {
    if resume && out == nil { throw ValidationError("--resume needs --out: the folder of the run to go on with.") }
    if out == "" { throw ValidationError("--out is empty: the run's folder is missing.") }
  }

  /// The folder of a run on some data.
  func folder(data: String?) -> RunFolder { RunFolder(out ?? "runs/\(data.map(baseName) ?? "run")-\(runTime())") }

  private func baseName(_ path: String) -> String {
    let name = URL(fileURLWithPath: path)
    return (name.pathExtension == "csv" ? name.deletingPathExtension() : name).lastPathComponent
  }
}
