// What a command says on standard output, and how it ends early.
import ArgumentParser
import DeviceNN
import Dispatch
import Foundation

/// Writes a line to standard output at once, so that it stands in order with what goes to standard error, and a program
/// that reads a pipe has each epoch when it is done.
func say(_ line: String) throws {
  do { try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8)) } catch {
    throw FileError.unwritable(path: "standard output", reason: String(cString: strerror(errno)))
  }
}

/// Writes a line to standard error. If that fails there is nobody left to tell.
func complain(_ line: String) { try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8)) }

/// Calls `farewell` when somebody presses Ctrl-C or a scheduler ends the program, and then lets the signal end it, so
/// that shells see what happened. Lasts as long as what it returns.
func whenInterrupted(_ farewell: @escaping @Sendable (_ end: () -> Void) -> Void) -> [any DispatchSourceSignal] {
  // Whoever started this program may have blocked the signals, as Dispatch's threads do.
  var signals = sigset_t()
  sigemptyset(&signals)
  for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
  pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  return [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
    source.setEventHandler {
      farewell {
        signal(number, SIG_DFL)
        kill(getpid(), number)
      }
    }
    source.resume()
    return source
  }
}

extension ProgressBar {
  /// Says how a run goes on when somebody interrupts it.
  ///
  /// - Parameters:
  ///   - command: what trains it, after `devicenn`.
  ///   - options: what it takes again, beside `--resume`, `--out` and `--device`.
  func sayHowToGoOn(
    with run: RunFolder, command: String, on device: DeviceOption, options: String = ""
  ) -> [any DispatchSourceSignal] {
    let resumption = "devicenn \(command) --resume --out \(quoted(run.path))\(options)"
      + (device.name.map { " --device \(quoted($0))" } ?? "")
    return whenInterrupted { [self] end in
      print(run.isRun ? "interrupted; to go on: \(resumption)" : "interrupted", then: end)
    }
  }
}

/// Runs a command of this program and shows it first, so that it can be repeated and changed.
func runShown<Shown: ParsableCommand>(_ command: Shown.Type, _ name: String, _ arguments: [String]) throws {
  try say("\n$ devicenn \(name) \(arguments.joined(separator: " "))")
  var command = try Shown.parse(arguments)
  try command.run()
}

/// Throws if writing to `paths` would replace one of the files that a command reads.
func refuse(_ paths: some Sequence<String>, amongInputs inputs: [String]) throws {
  func place(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
  let read = Dictionary(inputs.map { (place($0), $0) }) { first, _ in first }
  for path in paths {
    guard let input = read[place(path)] else { continue }
    throw FileError.unwritable(path: path, reason: "it is '\(input)', which is read; choose another place")
  }
}

/// Answers each file that can be read. One that can't be is named on standard error, and the command fails in the end.
func forEachFile<Content>(
  _ paths: [String], read: (String) throws -> Content, answer: (String, Content) throws -> Void,
  refusal: (String, any Error) throws -> Void = { _, _ in }
) throws {
  var failures = 0
  for path in paths {
    let content: Content
    do { content = try read(path) } catch {
      complain("Error: \(error)")
      try refusal(path, error)
      failures += 1
      continue
    }
    try answer(path, content)
  }
  if failures > 0 { throw ExitCode.failure }
}
