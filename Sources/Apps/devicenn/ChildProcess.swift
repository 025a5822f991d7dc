import Dispatch
import Foundation

/// This program with other arguments, in a process of its own: a broken driver may end it, or never answer.
struct ChildProcess {
  /// How it ended without an answer.
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private let process = Process()
  private let output = Pipe()

  var identifier: pid_t { process.processIdentifier }

  /// Starts it.
  ///
  /// - Parameter input: what it reads from standard input. In a file, because it may be longer than a pipe holds, and a
  ///   child that ends early must not end this process too.
  init(_ arguments: [String], input: Data = Data()) throws {
    let path = NSTemporaryDirectory() + "devicenn-\(getpid())-\(UUID().uuidString)"
    try input.write(to: URL(fileURLWithPath: path))
    defer { unlink(path) }
    process.executableURL = Bundle.main.executableURL
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    process.standardOutput = output
    // What drivers say there would stand in the middle of a report.
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  /// The JSON that it prints, where it succeeds within so many seconds; it is killed then.
  func answer<Answer: Decodable>(within seconds: Int, as type: Answer.Type) -> Result<Answer, Failure> {
    let identifier = identifier
    let timer = DispatchSource.makeTimerSource(queue: .global())
    timer.schedule(deadline: .now() + .seconds(seconds))
    timer.setEventHandler { kill(identifier, SIGKILL) }
    timer.resume()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    timer.cancel()
    process.waitUntilExit()
    if process.terminationStatus == 0, let answer = try? JSONDecoder().decode(type, from: bytes) { return .success(answer) }
    let isSignalled = process.terminationReason == .uncaughtSignal
    return .failure(
      Failure(
        description: isSignalled && process.terminationStatus == SIGKILL
          ? "it did not answer within \(seconds) s"
          : "its driver ended the process with \(isSignalled ? "signal" : "status") \(process.terminationStatus)"))
  }
}
