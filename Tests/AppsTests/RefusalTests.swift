import DeviceNN
import Foundation
import Kernels
import Testing

/// Bad photos, folders, weights and options: one line that says what is wrong, and nothing left behind.
@Suite struct RefusalTests {
  let folder = try! TemporaryFolder()
  var out: String { folder.path(of: "run") }

  private func refusal(
    _ arguments: [String], environment: [String: String] = [:], _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let outcome = try await devicenn(arguments, environment: environment)
    expectRefusal(outcome, sourceLocation: sourceLocation)
    for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation) }
    #expect(!FileManager.default.fileExists(atPath: out), "a run was left", sourceLocation: sourceLocation)
  }

  // MARK: Photos

  @Test func foldersThatAreNoDataSets() async throws {
    let missing = folder.path(of: "nowhere")
    try await refusal(training(out, data: missing), missing)
    try await refusal(training(out, data: Command.executable), "is a file", Command.executable)
    let empty = folder.path(of: "empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    try await refusal(training(out, data: empty), empty, "no class folders")
    try await refusal(training(out, data: Flowers.shared.path + "/train/daisy"), "8 pictures but no class folders")

    let photos = try Flowers.copy(to: folder)
    try FileManager.default.createDirectory(atPath: photos + "/train/aster", withIntermediateDirectories: true)
    try await refusal(training(out, data: photos), "'aster' is empty", photos + "/train/aster")
    try await refusal(training(out, data: try oneClass()), "only one class, 'daisy'")
    try await refusal(training(out, data: try singles()), "no picture for validation")
  }

  private func oneClass() throws -> String {
    let path = folder.path(of: "one")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Flowers.shared.path + "/train/daisy", toPath: path + "/daisy")
    return path
  }

  /// Two classes of one photo each.
  private func singles() throws -> String {
    for name in ["daisy", "tulip"] {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: Flowers.shared.path + "/train/\(name)/\(name)_000.jpg"))
      try folder.write([UInt8](bytes), "singles/\(name)/a.jpg")
    }
    return folder.path(of: "singles")
  }

  @Test func brokenPhotosAreNamedOrSkipped() async throws {
    let photos = try Flowers.copy(to: folder)
    let daisy = photos + "/train/daisy/daisy_000.jpg"
    let jpeg = [UInt8](try Data(contentsOf: URL(fileURLWithPath: daisy)))
    let png = try Image(contentsOf: daisy).pngData()
    try folder.write(Array(jpeg.prefix(jpeg.count * 2 / 3)), "photos/train/daisy/cut.jpg")
    try folder.write(Array("Dear Sir or Madam,\n".utf8), "photos/train/tulip/letter.jpg")
    try folder.write(Array(png.prefix(png.count / 2)), "photos/val/tulip/cut.png")
    try folder.write([], "photos/val/daisy/empty.jpeg")
    try await refusal(
      training(out, data: photos), "4 of 40 pictures", "train/daisy/cut.jpg", "letter.jpg (a text file)", "cut.png",
      "empty.jpeg", "--skip-bad-images")

    let skipping = try await devicenn(training(out, data: photos, epochs: 2, "--skip-bad-images"))
    #expect(skipping.status == 0, "\(skipping.errors)")
    for name in ["cut.jpg", "letter.jpg", "cut.png", "empty.jpeg"] {
      #expect(skipping.errorLines.count { $0.hasPrefix("skipped ") && $0.contains(name) } == 1)
    }
    #expect(skipping.errors.contains("4 photos were skipped\n"))
    // The run knows that it skips.
    #expect(try await devicenn("finetune", "--resume", "--out", out, "--device", "cpu").status == 0)
    // What is not measured need not be readable.
    expectRefusal(
      try await devicenn("evaluate", "--model", out, "--data", photos), "2 of", "val/tulip/cut.png", "val/daisy/empty.jpeg")
    #expect(try await devicenn("evaluate", "--model", out, "--data", photos, "--skip-bad-images").status == 0)
  }

  // MARK: Weights

  /// A checkpoint with torchvision's names, of a model with `classes`.
  private func weights(_ name: String, classes: Int = 3, change: (inout [TensorRecord]) -> Void = { _ in }) throws -> String {
    let model = try Backbone(named: "mobilenet_v2_035").makeModel(ClassifierOptions(classes: classes), on: Device(named: "cpu"))
    var records = try model.records(by: .torchvision)
    change(&records)
    try writeSafetensors(records, to: folder.path(of: name))
    return folder.path(of: name)
  }

  @Test func checkpointsThatDoNotFit() async throws {
    let first = "features.0.0.weight"
    let missing = try weights("missing.safetensors") { $0.removeAll { $0.name == first } }
    try await refusal(training(out, "--weights", missing), missing, "tensor '\(first)' [16, 3, 3, 3] is missing")
    let shape = try weights("shape.safetensors") {
      let index = $0.firstIndex { $0.name == first }!
      $0[index] = TensorRecord(name: first, shape: [16, 3, 3, 2], [Float](repeating: 0, count: 288))
    }
    try await refusal(training(out, "--weights", shape), shape, "'\(first)' has the shape [16, 3, 3, 2], wanted [16, 3, 3, 3]")
    let integers = try weights("integers.safetensors") {
      let index = $0.firstIndex { $0.name == first }!
      $0[index] = TensorRecord(name: first, shape: [16, 3, 3, 3], [Int32](repeating: 0, count: 432))
    }
    try await refusal(training(out, "--weights", integers), first, "I32")
    let other = folder.path(of: "other.safetensors")
    try writeSafetensors([("a", [2], [1, 2])], to: other)
    try await refusal(training(out, "--weights", other), other, "and 257 more")
    let whole = try weights("whole.safetensors")
    try await refusal(training(out, "--weights", whole, "--backbone", "mobilenet_v2_050"), "has the shape")
  }

  @Test func damagedCheckpoints() async throws {
    let whole = try weights("whole.safetensors")
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
    func damaged(_ bytes: [UInt8], _ words: String) async throws {
      let file = try folder.write(bytes, "damaged.safetensors")
      try await refusal(training(out, "--weights", file), file, words)
    }
    try await damaged(Array(bytes.prefix(bytes.count / 2)), "truncated?")
    try await damaged(Array(bytes.prefix(100)), "truncated?")
    try await damaged(Array(bytes.prefix(3)), "it has 3 bytes")
    try await damaged([], "it has 0 bytes")
    for length in [UInt64.max, 1 << 62, 99_999_999, 7] {
      try await damaged(withUnsafeBytes(of: length.littleEndian) { Array($0) } + bytes.dropFirst(8), "header")
    }
    try await damaged(jpegBytes, "begins neither as safetensors nor as a file of PyTorch")
    try await refusal(training(out, "--weights", folder.path), "the folder holds none of model.safetensors", folder.path)
    try await refusal(training(out, "--weights", folder.path(of: "nothing")), "there is no such file")
  }

  private var jpegBytes: [UInt8] { Image(width: 9, height: 9).jpegData() }

  @Test func weightsOfEitherFamilyAndAnyHeadWork() async throws {
    let backbone = try Backbone(named: "mobilenet_v2_035", publisher: .keras)
    let keras = backbone.makeModel(ClassifierOptions(classes: 7), on: try Device(named: "cpu"))
    try writeSafetensors(keras.records(by: .keras), to: folder.path(of: "keras.safetensors"))
    let files = [
      folder.path(of: "keras.safetensors"), try weights("same.safetensors"), try weights("other.safetensors", classes: 10),
      try weights("headless.safetensors") { $0.removeAll { $0.name.hasPrefix("classifier") } },
    ]
    for (number, file) in files.enumerated() {
      let run = RunFolder(folder.path(of: "run\(number)"))
      let outcome = try await devicenn(training(run.path, epochs: 1, "--weights", file))
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try run.configuration().architecture.publisher == (number == 0 ? .keras : .torchvision))
      // What a run wrote may be where the next begins.
      let next = folder.path(of: "next\(number)")
      #expect(try await devicenn(training(next, epochs: 1, "--weights", run.modelPath)).status == 0)
    }
  }

  // MARK: Devices and options

  @Test func unknownNames() async throws {
    try await refusal(training(out, device: "gpu:99"), "'gpu:99'", "cpu (")
    try await refusal(training(out, "--backbone", "resnet5"), "'resnet5'", "mobilenet_v2_035")
    try await refusal(training(out, "--backbone", "mobilenet_v2_+35"), "mobilenet_v2_+35")
    try await refusal(training(out, "--backbone", "mobilenet_v2_050"), "no built-in weights")
    try await refusal(training(out), environment: ["DEVICENN_MEMORY_LIMIT": "lots"], "DEVICENN_MEMORY_LIMIT is 'lots'")
  }

  @Test func commandLinesThatAreWrong() async throws {
    let wrong: [([String], String)] = [
      (["finetune"], "--data"), (["finetune", "--resume"], "--out"),
      (training(out, "--weights", "a", "--from-scratch"), "--weights and --from-scratch"),
      (training(out, "--learning-rate", "0"), "--learning-rate"), (training(out, "--learning-rate", "nan"), "--learning-rate"),
      (training(out, "--image-size", "31"), "--image-size 31"), (training(out, epochs: 0), "--epochs 0"),
      (training(out, "--batch-size", "-1"), "--batch-size"), (training(out, "--batch-size", "1"), "--batch-size 1"),
      (training(out, "--no-such-option"), "--no-such-option"), (training(out, "--rank", "4"), "--rank has no effect with --recipe full"),
      (training(out, "--recipe", "head", "--mixup", "0.2"), "--mixup has no effect with --recipe head"),
      (training(out, "--from-scratch", "--head-warm-up", "2"), "--head-warm-up has no effect"),
      (training(out, "--from-scratch", "--recipe", "head"), "--recipe head freezes the network"),
      (["predict", "--model", out], "image"), (["evaluate", "--model", out], "--data"), (["dance"], "dance"), (training(""), "--out is empty"),
    ]
    for (arguments, word) in wrong {
      let outcome = try await devicenn(arguments)
      #expect(outcome.status == 64 && outcome.output == "", "\(arguments): \(outcome)")
      #expect(outcome.errorLines.first?.hasPrefix("Error: ") == true && outcome.errorLines[0].contains(word), "\(outcome.errors)")
    }
  }

  /// Where the recipe is chosen by the data, nobody could know.
  @Test func optionsThatAChosenRecipeDoesNotHeedAreNamed() async throws {
    let outcome = try await devicenn(training(out, epochs: 1, "--recipe", "auto", "--rank", "4"))
    #expect(outcome.status == 0 && outcome.errors.contains("--rank has no effect with recipe head; --recipe chooses another"), "\(outcome)")
  }

  @Test func batchesLargerThanMemorySayWhatFits() async throws {
    let limit = ["DEVICENN_MEMORY_LIMIT": "200"]
    let arguments = training(out, "--image-size", "224", "--batch-size", "24")
    let outcome = try await devicenn(arguments, environment: limit)
    expectRefusal(outcome, "a batch of 24 does not fit", "200 MiB")
    #expect(!FileManager.default.fileExists(atPath: out))
    // What it says would fit does, under the same name.
    let fits = try #require(outcome.errors.firstMatch(of: /--batch-size (\d+)/)?.1)
    let again = try await devicenn(arguments + ["--epochs", "1", "--batch-size", String(fits)], environment: limit)
    #expect(again.status == 0, "\(again.errors)")

    let evaluate = ["evaluate", "--model", out, "--data", Flowers.shared.path, "--batch-size", "12", "--device", "cpu"]
    let evaluation = try await devicenn(evaluate, environment: ["DEVICENN_MEMORY_LIMIT": "50"])
    expectRefusal(evaluation, "a batch of 12 does not fit")
    let few = try #require(evaluation.errors.firstMatch(of: /--batch-size (\d+)/)?.1)
    #expect(try await devicenn(evaluate + ["--batch-size", String(few)], environment: ["DEVICENN_MEMORY_LIMIT": "50"]).status == 0)

    try FileManager.default.removeItem(atPath: out)
    try await refusal(
      training(out, "--image-size", "1024"), environment: ["DEVICENN_MEMORY_LIMIT": "50"], "a smaller --image-size")
  }

  @Test func learningRatesThatDiverge() async throws {
    try await refusal(training(out, epochs: 20, "--learning-rate", "1e30"), "training diverged", "learning rate below")
    try await refusal(training(out, epochs: 1, "--learning-rate", "1e6"), "training diverged", "learning rate below 1000000")
  }
}
