import DeviceNN
import Foundation
import Testing

/// Tuning as a user asks for it, on the fallback, whose tiles are fixed: algorithms alone.
@Suite struct TuneTests {
  let cache = try! TemporaryFolder()

  private var environment: [String: String] { ["DEVICENN_CACHE": cache.path(of: ""), "DEVICENN_TUNING": ""] }
  private let tune = ["tune", "--device", "cpu", "--shapes-of", "squeezenet1_1", "--batch", "1", "--image-size", "32"]

  private func file() -> String? {
    let folder = cache.path(of: "tuning")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.first { $0.hasSuffix(".json") && !$0.hasPrefix(".") }.map { folder + "/" + $0 }
  }

  /// The trials in the file.
  private func algorithms() throws -> NSArray {
    let object = try JSONSerialization.jsonObject(with: Data(text().utf8)) as? [String: Any]
    return try #require(object?["algorithms"] as? NSArray)
  }

  private func text() -> String { file().flatMap { try? String(contentsOfFile: $0, encoding: .utf8) } ?? "" }

  @Test func anInterruptedOneGoesOnAndDevicesReadWhatWasFound() async throws {
    let command = try Command(tune, environment: environment)
    // A thread, because other suites keep all tasks waiting.
    Thread {
      while command.isRunning, !text().contains("\"candidates\"") { Thread.sleep(forTimeInterval: 0.005) }
      command.send(SIGINT)
    }.start()
    let interrupted = await command.outcome()
    #expect(interrupted.isSignalled && interrupted.status == SIGINT, "\(interrupted)")
    #expect(interrupted.errors.contains("to go on: devicenn tune --device cpu"), "\(interrupted)")
    let done = try algorithms()
    #expect(done.count > 0)

    let rest = try await devicenn(tune, environment: environment)
    #expect(rest.status == 0, "\(rest)")
    let path = try #require(file())
    #expect(rest.output.contains("all together") && rest.output.contains("kept in \(path)"), "\(rest)")
    // Nothing was measured again: times would differ.
    #expect(try algorithms().count > done.count && algorithms().subarray(with: NSRange(0..<done.count)) as NSArray == done)

    let again = try await devicenn(tune, environment: environment)
    #expect(again.status == 0 && !again.output.contains("as it is"), "\(again)")

    // What is there now is read, and what is broken is told of, once.
    let use = ["profile", "--kernel", "matmul", "--shape", "3,4,5", "--runs", "1", "--device", "cpu"]
    let sound = try await devicenn(use, environment: environment)
    #expect(sound.status == 0 && sound.errors == "", "\(sound)")
    try String(text().dropLast(9)).write(toFile: path, atomically: true, encoding: .utf8)
    let broken = try await devicenn(use, environment: environment)
    #expect(broken.status == 0 && broken.errorLines.count == 1, "\(broken)")
    for word in [path, "it is not JSON", "the defaults are used", "devicenn tune --device cpu"] {
      #expect(broken.errors.contains(word), "\(word): \(broken)")
    }
    let ignored = try await devicenn(use, environment: environment.merging(["DEVICENN_TUNING": "off"]) { $1 })
    #expect(ignored.status == 0 && ignored.errors == "", "\(ignored)")
  }

  @Test func whatCanNotBeTuned() async throws {
    let unknown = try await devicenn(["tune", "--shapes-of", "alexnet9", "--device", "cpu"], environment: environment)
    #expect(unknown.status == 1 && unknown.errors.contains("alexnet9"), "\(unknown)")
    let small = try await devicenn(["tune", "--image-size", "8"], environment: environment)
    #expect(small.status == 64 && small.errors.contains("--image-size 32"), "\(small)")
    let device = try await devicenn(["tune", "--device", "opencl:77"], environment: environment)
    #expect(device.status == 1 && device.errors.contains("opencl:77"), "\(device)")
  }
}
