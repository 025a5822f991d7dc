// Runs the built command as a user does.
import DeviceNN
import Foundation
import Testing

/// What a run of the command came to.
struct Outcome: Sendable {
  /// The exit status, or the number of the signal that ended it.
  var status: Int32
  var isSignalled: Bool
  var output: String
  var errors: String

  var errorLines: [Substring] { errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast() }
}

/// A process of `devicenn` that may be killed.
final class Command: Sendable {
  /// It lies beside the test bundle.
  static let executable: String = {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") }!
    let path = bundle[..<bundle.range(of: ".xctest")!.lowerBound]
    return (String(path) as NSString).deletingLastPathComponent + "/devicenn"
  }()

  private let process = Process()
  private let files: TemporaryFolder
  private let ended: AsyncStream<Void>

  /// Starts the command. With `isMixed` both outputs go to one file, as with `2>&1`.
  init(
    _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:], program: String? = nil,
    isMixed: Bool = false
  ) throws {
    files = try TemporaryFolder()
    process.executableURL = URL(fileURLWithPath: program ?? Self.executable)
    process.arguments = arguments
    var all = ProcessInfo.processInfo.environment
    for name in ["DEVICENN_DEVICE", "DEVICENN_THREADS", "DEVICENN_MEMORY_LIMIT"] { all[name] = nil }
    // What somebody tuned on this machine.
    all["DEVICENN_TUNING"] = "off"
    process.environment = all.merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    process.standardInput = FileHandle.nullDevice
    // Files rather than pipes: whatever is written, nobody has to read it in time.
    let output = try Self.file(files.path(of: "output"))
    process.standardOutput = output
    process.standardError = isMixed ? output : try Self.file(files.path(of: "errors"))
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    ended = stream
    process.terminationHandler = { _ in continuation.finish() }
    try process.run()
  }

  private static func file(_ path: String) throws -> FileHandle {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  var isRunning: Bool { process.isRunning }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for its end.
  func outcome() async -> Outcome {
    for await _ in ended {}
    process.waitUntilExit()
    func text(_ name: String) -> String {
      String(decoding: FileManager.default.contents(atPath: files.path(of: name)) ?? Data(), as: UTF8.self)
    }
    return Outcome(
      status: process.terminationStatus, isSignalled: process.terminationReason == .uncaughtSignal,
      output: text("output"), errors: text("errors"))
  }
}

/// Runs `devicenn` to its end.
func devicenn(_ arguments: String..., environment: [String: String] = [:]) async throws -> Outcome {
  try await Command(arguments, environment: environment).outcome()
}

func devicenn(_ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
  try await Command(arguments, environment: environment).outcome()
}

/// Expects what every refusal must be: one line that holds these words, a status, and nothing on standard output.
func expectRefusal(
  _ outcome: Outcome, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(!outcome.isSignalled && outcome.status == 1, "\(outcome)", sourceLocation: sourceLocation)
  #expect(outcome.output == "", sourceLocation: sourceLocation)
  let lines = outcome.errorLines.filter { !$0.hasPrefix("mobilenet_v2") && !$0.hasPrefix("epoch ") && !$0.hasPrefix("skipped ") }
  #expect(lines.count == 1 && lines[0].hasPrefix("Error: "), "\(outcome.errors)", sourceLocation: sourceLocation)
  for word in words { #expect(outcome.errors.contains(word), "\(word): \(outcome.errors)", sourceLocation: sourceLocation) }
}
