import DeviceNN
import Foundation
import Kernels
import Testing

/// What the command prints when all is well.
@Suite struct OutputTests {
  let folder = try! TemporaryFolder()

  private struct Answer: Decodable {
    struct Guess: Decodable {
      var `class`: String
      var probability: Double
    }
    var image: String
    var predictions: [Guess]?
    var error: String?
  }

  private struct Measurement: Decodable {
    struct Class: Decodable {
      var `class`: String
      var photos: Int
      var precision: Double?
      var recall: Double?
    }
    var accuracy: Double
    var loss: Double
    var photos: Int
    var classes: [Class]
  }

  private struct Result: Decodable {
    var run: String
    var validationAccuracy: Double
    var validationLoss: Double
    var seconds: Double
  }

  private func decode<T: Decodable>(_ type: T.Type, _ line: some StringProtocol) throws -> T {
    try JSONDecoder().decode(type, from: Data(line.utf8))
  }

  /// Trains, evaluates and predicts on one device, and reads what programs would.
  private func expectJSON(device: String) async throws {
    let out = folder.path(of: "run with ümläut, \(device)")
    let training = try await devicenn(training(out, epochs: 2, device: device, "--json"))
    #expect(training.status == 0, "\(training.errors)")
    let lines = training.output.split(separator: "\n")
    #expect(lines.count == 3)
    for (number, line) in lines.dropLast().enumerated() { #expect(try decode(EpochMetrics.self, line).epoch == number + 1) }
    let result = try decode(Result.self, lines.last!)
    #expect(result.run == out)
    #expect(try MetricsLog.read(RunFolder(out).metricsPath).last?.validationAccuracy == result.validationAccuracy)

    let evaluation = try await devicenn("evaluate", "--model", out, "--data", Flowers.shared.path, "--json", "--device", device)
    #expect(evaluation.errors == "")
    let measurement = try decode(Measurement.self, evaluation.output)
    #expect(measurement.accuracy == result.validationAccuracy)
    #expect(abs(measurement.loss - result.validationLoss) < 1e-6)
    #expect(measurement.photos == 12 && measurement.classes.map(\.class) == ["daisy", "pansy", "tulip"])
    #expect(measurement.classes.allSatisfy { $0.photos == 4 })

    let photos = ["pansy", "daisy"].map { Flowers.shared.path + "/val/\($0)/\($0)_001.jpg" }
    let prediction = try await devicenn(["predict", "--model", out, "--json", "--device", device] + photos)
    #expect(prediction.errors == "" && prediction.status == 0)
    let answers = try prediction.output.split(separator: "\n").map { try decode(Answer.self, $0) }
    #expect(answers.map(\.image) == photos)
    for answer in answers {
      let probabilities = try #require(answer.predictions).map(\.probability)
      #expect(probabilities.count == 3 && probabilities == probabilities.sorted(by: >))
      #expect(abs(probabilities.reduce(0, +) - 1) < 1e-9)
    }
  }

  @Test func jsonOnTheCPU() async throws { try await expectJSON(device: "cpu") }

  static let hasOpenCL = Device.available().contains { $0.identifier == "opencl:0" }
  static let needsOpenCL = ProcessInfo.processInfo.environment["DEVICENN_REQUIRE_OPENCL"] == "1"

  @Test(.enabled(if: hasOpenCL || needsOpenCL, "there is no OpenCL device")) func jsonThroughOpenCL() async throws {
    try await expectJSON(device: "opencl")
  }

  @Test func brokenPhotosDoNotStopTheOthers() async throws {
    let out = folder.path(of: "run")
    #expect(try await devicenn(training(out, epochs: 1)).status == 0)
    let (good, other) = (Flowers.shared.path + "/val/tulip/tulip_000.jpg", Flowers.shared.path + "/val/tulip/tulip_001.jpg")
    let (missing, text) = (folder.path(of: "missing.jpg"), try folder.write(Array("hello".utf8), "text.png"))
    let plain = try await devicenn("predict", "--model", out, "--device", "cpu", good, missing, text, other)
    #expect(plain.status == 1)
    #expect(plain.output.split(separator: "\n").map { $0.split(separator: ":")[0] } == [Substring(good), Substring(other)])
    #expect(plain.errorLines.count == 2 && plain.errorLines.allSatisfy { $0.hasPrefix("Error: ") })
    #expect(plain.errorLines[0].contains(missing) && plain.errorLines[1].contains("\(text) is a text file"))
    let json = try await devicenn("predict", "--model", out, "--device", "cpu", "--json", good, missing, text, other)
    #expect(json.status == 1)
    let answers = try json.output.split(separator: "\n").map { try decode(Answer.self, $0) }
    #expect(answers.map { $0.error == nil } == [true, false, false, true])
  }

  @Test func devicesAndHelp() async throws {
    let devices = try await devicenn("devices")
    #expect(devices.output.hasPrefix("cpu ") && devices.status == 0)
    let lines = try await devicenn("devices", "--json").output.split(separator: "\n")
    #expect(lines.count == devices.output.split(separator: "\n").count)
    for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    let commands = [
      "finetune", "evaluate", "predict", "devices", "demo", "bench", "doctor", "inspect", "weights", "models", "lr-find",
      "compare", "export", "data",
    ]
    for command in commands {
      let help = try await devicenn(command, "--help")
      #expect(help.status == 0 && help.errors == "" && help.output.contains("USAGE: devicenn \(command)"), "\(help)")
      #expect(try await devicenn("--help").output.contains("  \(command) "))
    }
  }

  @Test func bothOutputsInOrder() async throws {
    let mixed = try await Command(training(folder.path(of: "run"), epochs: 2, "--json"), isMixed: true).outcome()
    let begins = mixed.output.split(separator: "\n").map { $0.prefix(10) }
    #expect(begins == ["mobilenet_", "epoch 1/2 ", "{\"epoch\":1", "epoch 2/2 ", "{\"epoch\":2", "{\"run\":\"/tm"].map { $0.prefix(10) })
  }

  /// Through util-linux's `script`, which lends a terminal.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "there is no script(1)"))
  func theBarOnATerminal() async throws {
    let out = folder.path(of: "run")
    let words = ([Command.executable] + training(out, epochs: 2)).joined(separator: " ")
    let outcome = try await Command(
      ["-qec", "stty cols 80; " + words, "/dev/null"], environment: ["TERM": "xterm", "LC_ALL": "C.UTF-8"], program: "/usr/bin/script"
    ).outcome()
    #expect(outcome.status == 0)
    let bars = outcome.output.split(separator: "\r").filter { $0.hasSuffix("\u{1B}[K") && $0.hasPrefix("epoch") }
    #expect(!bars.isEmpty && bars.allSatisfy { $0.count - 3 <= 79 && $0.contains("images/s") && $0.contains("left") })
    // What stays on the screen: the bar is gone, and each epoch has a line.
    let screen = outcome.output.split(separator: "\r\n").map { $0.split(separator: "\u{1B}[K").last! }
    #expect(screen.count == 4 && screen[1].hasPrefix("\repoch 1/2") || screen[1].hasPrefix("epoch 1/2"), "\(screen)")
    #expect(screen.last?.hasPrefix("validation accuracy") == true, "\(screen)")
  }
}
